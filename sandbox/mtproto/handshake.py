"""Agreeing on an authorization key, server side. https://core.telegram.org/mtproto/auth_key"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha1, sha256
from typing import Final

import cryptg
from telethon.crypto.rsa import get_byte_array
from telethon.extensions import BinaryReader
from telethon.helpers import generate_key_data_from_nonce
from telethon.tl import TLObject, functions, types

from .auth_keys import AuthKey
from .bodies import NOT_READABLE
from .keys import ServerKey
from .primes import DH_GENERATOR, DH_PRIME, random_prime

#: Bits of the two primes that a client has to find: a proof of work in form, found in milliseconds. They are
#: far apart because Telethon's search is lost when it meets both at one step, which for two of 22 bits
#: happens once in a thousand exchanges, and it does not search again.
_P_BITS: Final = 12
_Q_BITS: Final = 50
#: Bits of the server's secret exponent: twice the strength of the group, a quarter of the time of a full one.
_EXPONENT_BITS: Final = 512
_SAFE: Final = 1 << (2048 - 64)


class HandshakeError(ValueError):
    """The client does not keep to the exchange; the transport answers -404."""


@dataclass(frozen=True)
class Agreed:
    """The key, and the answer that tells the client of it once the key is kept."""

    key: AuthKey
    answer: TLObject


class Handshake:
    """One exchange at a time, for one connection. A new req_pq begins anew."""

    def __init__(self, server_key: ServerKey, dc_id: int, clock: Callable[[], float]) -> None:
        self._rsa = server_key
        self._dc_id = dc_id
        self._clock = clock
        self._nonce = self._server_nonce = self._new_nonce = self._exponent = 0
        self._pq: tuple[int, int] = (0, 0)
        self._aes: tuple[bytes, bytes] = (b"", b"")

    def read(self, data: bytes) -> TLObject | Agreed:
        """As answer(), for a message as it stands on the wire."""
        return self.answer(_read(data))

    def answer(self, request: TLObject) -> TLObject | Agreed:
        """The answer to one plain message. Raises HandshakeError."""
        if isinstance(request, functions.ReqPqMultiRequest | functions.ReqPqRequest):
            return self._begin(request.nonce)
        if self._nonce == 0 or getattr(request, "nonce", None) != self._nonce:
            raise HandshakeError("nonce")
        if getattr(request, "server_nonce", None) != self._server_nonce:
            raise HandshakeError("server nonce")
        if isinstance(request, functions.ReqDHParamsRequest):
            return self._offer(request)
        if isinstance(request, functions.SetClientDHParamsRequest) and self._exponent:
            return self._agree(request)
        raise HandshakeError(type(request).__name__)

    def _begin(self, nonce: int) -> TLObject:
        self._nonce = nonce
        self._server_nonce = int.from_bytes(secrets.token_bytes(16), "little", signed=True)
        self._exponent = 0
        p, q = random_prime(_P_BITS), random_prime(_Q_BITS)
        self._pq = (p, q)
        return types.ResPQ(nonce, self._server_nonce, get_byte_array(p * q), [self._rsa.fingerprint])

    def _offer(self, request: functions.ReqDHParamsRequest) -> TLObject:
        if request.public_key_fingerprint != self._rsa.fingerprint:
            raise HandshakeError("fingerprint")
        inner = _read(self._unpad(request.encrypted_data))
        if not isinstance(inner, types.PQInnerData | types.PQInnerDataDc):
            raise HandshakeError(type(inner).__name__)
        factors = tuple(int.from_bytes(factor, "big") for factor in (inner.p, inner.q))
        if (inner.nonce, inner.server_nonce, factors) != (self._nonce, self._server_nonce, self._pq):
            raise HandshakeError("inner data")
        # Test data centres are numbered from 10000, media ones below 0.
        if isinstance(inner, types.PQInnerDataDc) and abs(inner.dc) % 10000 != self._dc_id:
            raise HandshakeError(f"data centre {inner.dc}")
        self._new_nonce = inner.new_nonce
        self._aes = generate_key_data_from_nonce(self._server_nonce, self._new_nonce)
        return self._dh_parameters()

    def _dh_parameters(self) -> TLObject:
        self._exponent = secrets.randbits(_EXPONENT_BITS) | 1 << (_EXPONENT_BITS - 1)
        data = bytes(
            types.ServerDHInnerData(
                nonce=self._nonce,
                server_nonce=self._server_nonce,
                g=DH_GENERATOR,
                dh_prime=get_byte_array(DH_PRIME),
                g_a=pow(DH_GENERATOR, self._exponent, DH_PRIME).to_bytes(256, "big"),
                server_time=int(self._clock()),
            )
        )
        padded = sha1(data).digest() + data
        padded += secrets.token_bytes(-len(padded) % 16)
        return types.ServerDHParamsOk(self._nonce, self._server_nonce, cryptg.encrypt_ige(padded, *self._aes))

    def _unpad(self, encrypted: bytes) -> bytes:
        """What the client encrypted for the RSA key: in the old way (SHA-1, data, random) or by RSA_PAD."""
        if len(encrypted) != 256 or int.from_bytes(encrypted, "big") >= self._rsa.modulus:
            raise HandshakeError("encrypted data")
        plain = self._rsa.decrypt(encrypted)
        if plain[0] == 0:
            data = plain[21:]
            # What RSA_PAD makes begins with 0, too, one time in 256.
            with contextlib.suppress(HandshakeError):
                if sha1(bytes(_read(data))).digest() == plain[1:21]:
                    return data
        return _rsa_unpad(plain)

    def _agree(self, request: functions.SetClientDHParamsRequest) -> TLObject | Agreed:
        encrypted = request.encrypted_data
        if not encrypted or len(encrypted) % 16:
            raise HandshakeError("encrypted data")
        plain = cryptg.decrypt_ige(encrypted, *self._aes)
        inner = _read(plain[20:])
        if not isinstance(inner, types.ClientDHInnerData) or sha1(bytes(inner)).digest() != plain[:20]:
            raise HandshakeError("client's inner data")
        if (inner.nonce, inner.server_nonce) != (self._nonce, self._server_nonce):
            raise HandshakeError("inner nonce")
        return self._finish(int.from_bytes(inner.g_b, "big"))

    def _finish(self, g_b: int) -> TLObject | Agreed:
        salt = _low(self._new_nonce, 32) ^ _low(self._server_nonce, 16)
        secret = pow(g_b, self._exponent, DH_PRIME).to_bytes(256, "big")
        key = AuthKey(secret, salt - (1 << 64) if salt >> 63 else salt, self._clock())
        if not _SAFE <= g_b <= DH_PRIME - _SAFE:
            return types.DhGenFail(self._nonce, self._server_nonce, self._proof(key, 3))
        if secret[0] == 0:
            # Clients differ on whether leading zeros belong to the key: agree on another one.
            return types.DhGenRetry(self._nonce, self._server_nonce, self._proof(key, 2))
        self._exponent = 0
        return Agreed(key, types.DhGenOk(self._nonce, self._server_nonce, self._proof(key, 1)))

    def _proof(self, key: AuthKey, number: int) -> int:
        data = self._new_nonce.to_bytes(32, "little", signed=True) + bytes((number,)) + key.aux_hash
        return int.from_bytes(sha1(data).digest()[4:20], "little", signed=True)


def _rsa_unpad(plain: bytes) -> bytes:
    """RSA_PAD undone: https://core.telegram.org/mtproto/auth_key#41-rsa-paddata-server-public-key-mentioned-above."""
    mask = sha256(plain[32:]).digest()
    temp_key = bytes(a ^ b for a, b in zip(plain[:32], mask, strict=True))
    with_hash = cryptg.decrypt_ige(plain[32:], temp_key, bytes(32))
    padded = with_hash[:192][::-1]
    if sha256(temp_key + padded).digest() != with_hash[192:]:
        raise HandshakeError("padding")
    return bytes(padded)


def _read(data: bytes) -> TLObject:
    try:
        with BinaryReader(data) as reader:
            return reader.tgread_object()
    except NOT_READABLE as error:
        raise HandshakeError(f"{type(error).__name__}: {error}") from error


def _low(nonce: int, size: int) -> int:
    return int.from_bytes(nonce.to_bytes(size, "little", signed=True)[:8], "little")
