"""The server's RSA key: made once, kept in the state folder, its public half for clients to trust."""

from __future__ import annotations

from hashlib import sha1
from pathlib import Path
from typing import Final

import rsa
from telethon.crypto.rsa import get_byte_array
from telethon.tl import TLObject

from .primes import random_prime

_BITS: Final = 2048
_EXPONENT: Final = 65537


class ServerKey:
    """A 2048-bit key. `fingerprint` is how clients name it, `public_file` what they are given."""

    def __init__(self, folder: Path) -> None:
        """Loads `folder`/server-key.pem (PKCS#1), or makes it; writes public-key.pem. May take a second."""
        folder.mkdir(parents=True, exist_ok=True)
        private = folder / "server-key.pem"
        self.public_file = folder / "public-key.pem"
        if not private.exists():
            _write(private, _generate().save_pkcs1())
        self._key = rsa.PrivateKey.load_pkcs1(private.read_bytes())
        self.public_pem: bytes = rsa.PublicKey(self._key.n, self._key.e).save_pkcs1()
        _write(self.public_file, self.public_pem)
        parts = (TLObject.serialize_bytes(get_byte_array(number)) for number in (self._key.n, self._key.e))
        self.fingerprint = int.from_bytes(sha1(b"".join(parts)).digest()[-8:], "little", signed=True)

    @property
    def modulus(self) -> int:
        return int(self._key.n)

    def decrypt(self, cipher: bytes) -> bytes:
        """256 bytes as they were before the client raised them to the public exponent.

        By the Chinese remainder theorem, four times as fast as with the whole exponent.
        """
        key, number = self._key, int.from_bytes(cipher, "big")
        one = pow(number, key.exp1, key.p)
        other = pow(number, key.exp2, key.q)
        plain = other + key.q * ((one - other) * key.coef % key.p)
        return int(plain).to_bytes(_BITS // 8, "big")


def _generate() -> rsa.PrivateKey:
    while True:
        p, q = random_prime(_BITS // 2), random_prime(_BITS // 2)
        if p != q and (p - 1) * (q - 1) % _EXPONENT:
            return rsa.PrivateKey(p * q, _EXPONENT, pow(_EXPONENT, -1, (p - 1) * (q - 1)), p, q)


def _write(path: Path, data: bytes) -> None:
    beside = path.with_suffix(".new")
    beside.write_bytes(data)
    beside.chmod(0o600)
    beside.replace(path)
