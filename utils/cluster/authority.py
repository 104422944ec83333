"""The certificate authority of one bot: it vouches for the farm, and for the machines that joined.

Its clock is not asked: certificates are valid at all times, and end when the authority is replaced.
"""

from __future__ import annotations

import datetime
import hashlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from utils.cluster.tokens import Token, new_secret, token_of
from utils.storage.atomic import read_json, write_json

FILE = "authority.json"
_VERSION = 1
_FROM, _TO = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (1970, 9999))
#: What a certificate may be used for: the farm is asked, and asks; a machine only asks.
_FARM = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
_MACHINE = (ExtendedKeyUsageOID.CLIENT_AUTH,)


@dataclass(frozen=True)
class Authority:
    """Its key and certificate, and the secret that lets a machine join."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    secret: bytes

    @property
    def token(self) -> Token:
        """What a machine that is to join is told."""
        return token_of(self.secret, self.certificate.fingerprint(hashes.SHA256()))

    @property
    def pem(self) -> str:
        """Its certificate."""
        return _pem(self.certificate)

    def vouch_for(
        self, public: ec.EllipticCurvePublicKey, name: str, usage: tuple[x509.ObjectIdentifier, ...]
    ) -> str:
        """A certificate for whom this key is, in PEM."""
        builder = _builder(_name(name), self.certificate.subject, public)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=True)
        return _pem(builder.sign(self.key, hashes.SHA256()))

    def admit(self, request: bytes, name: str) -> str:
        """A certificate for the machine that asks with ``request`` (PEM). Raises ValueError."""
        asked = x509.load_pem_x509_csr(request)
        public = asked.public_key()
        if not asked.is_signature_valid or not isinstance(public, ec.EllipticCurvePublicKey):
            raise ValueError("not a request that is signed by its own key")
        return self.vouch_for(public, name, _MACHINE)

    def own_certificate(self) -> tuple[str, str]:
        """A new key for the farm and its certificate, both in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        return key_pem(key), self.vouch_for(key.public_key(), "farm", _FARM)


def load(folder: Path) -> Authority | None:
    """The authority that is kept in ``folder``, if any that this version knows. Blocking."""
    try:
        kept = read_json(folder / FILE)
        if not kept or kept["version"] != _VERSION:
            return None
        key = serialization.load_pem_private_key(kept["key"].encode(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            return None
        certificate = x509.load_pem_x509_certificate(kept["certificate"].encode())
        return Authority(key, certificate, bytes.fromhex(kept["secret"]))
    except (KeyError, TypeError, ValueError):
        return None


def renew(folder: Path) -> Authority:
    """A new one in the place of the old; whoever joined the old one is a stranger to it. Blocking."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"bot {secrets.token_hex(4)}")
    builder = _builder(name, name, key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    made = Authority(key, builder.sign(key, hashes.SHA256()), new_secret())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / FILE).with_name(f"{FILE}.tmp").unlink(missing_ok=True)
    before = os.umask(0o077)
    try:
        value = {
            "version": _VERSION,
            "key": key_pem(key),
            "certificate": made.pem,
            "secret": made.secret.hex(),
        }
        write_json(folder / FILE, value)
    finally:
        os.umask(before)
    return made


def request_for(key: ec.EllipticCurvePrivateKey) -> bytes:
    """What a machine with this key sends to be admitted (PEM)."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name("machine"))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def digest_of(certificate: str) -> bytes:
    """The SHA-256 of a certificate in PEM. Raises ValueError."""
    loaded = x509.load_pem_x509_certificate(certificate.encode())
    return hashlib.sha256(loaded.public_bytes(serialization.Encoding.DER)).digest()


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """``key`` in PEM, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def new_key() -> ec.EllipticCurvePrivateKey:
    """For a machine."""
    return ec.generate_private_key(ec.SECP256R1())


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(_FROM).not_valid_after(_TO)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
