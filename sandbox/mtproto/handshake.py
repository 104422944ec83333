"""The making of an authorization key (https://core.telegram.org/mtproto/auth_key)."""

from __future__ import annotations

import secrets
from hashlib import sha1

import cryptg
import rsa.prime
from telethon import helpers
from telethon.crypto import AuthKey as ClientKey
from telethon.extensions import BinaryReader
from telethon.tl import TLObject, functions, types

from .keys import AuthKeys, ServerKey

#: The 2048-bit group of RFC 3526 (section 3) and its generator: a safe prime, like Telegram's own.
DH_PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16,
)
GENERATOR = 2
#: g_a and g_b must be so far from 0 and from the prime.
SAFETY = 2 ** (2048 - 64)

_INNER = (types.PQInnerData, types.PQInnerDataDc)


class HandshakeFailed(Exception):
    """The client does not keep to the protocol; its connection is closed."""


class Handshake:
    """One connection's exchange; each step answers one plain message."""

    def __init__(self, server_key: ServerKey, keys: AuthKeys, dc_id: int, now: float) -> None:
        self._server_key = server_key
        self._keys = keys
        self._dc_id = dc_id
        self._now = int(now)
        self._nonce = self._server_nonce = self._new_nonce = self._pq = self._secret = 0

    def answer(self, request: TLObject) -> TLObject:
        """The answer to one step. Raises :class:`HandshakeFailed`."""
        if isinstance(request, functions.ReqPqMultiRequest | functions.ReqPqRequest):
            return self._begin(request.nonce)
        if (getattr(request, "nonce", None), getattr(request, "server_nonce", None)) != (
            self._nonce,
            self._server_nonce,
        ):
            raise HandshakeFailed("the nonces are of another exchange")
        if isinstance(request, functions.ReqDHParamsRequest):
            return self._dh_params(request)
        if isinstance(request, functions.SetClientDHParamsRequest):
            return self._finish(request)
        raise HandshakeFailed(f"{type(request).__name__} is no step of the exchange")

    def _begin(self, nonce: int) -> TLObject:
        self._nonce, self._server_nonce = nonce, _random_signed(128)
        first, second = rsa.prime.getprime(31), rsa.prime.getprime(31)
        self._pq = first * second
        return types.ResPQ(
            nonce, self._server_nonce, self._pq.to_bytes(8, "big"), [self._server_key.fingerprint]
        )

    def _dh_params(self, request: functions.ReqDHParamsRequest) -> TLObject:
        plain = self._server_key.decrypt(request.encrypted_data)
        inner = _read_hashed(plain)
        if not isinstance(inner, _INNER) or inner.nonce != self._nonce:
            raise HandshakeFailed("the inner data is of another exchange")
        if int.from_bytes(request.p, "big") * int.from_bytes(request.q, "big") != self._pq:
            raise HandshakeFailed("p and q are not the factors")
        self._new_nonce = inner.new_nonce
        self._secret = secrets.randbits(2048) % (DH_PRIME - 2 * SAFETY) + SAFETY
        answer = bytes(
            types.ServerDHInnerData(
                nonce=self._nonce,
                server_nonce=self._server_nonce,
                g=GENERATOR,
                dh_prime=DH_PRIME.to_bytes(256, "big"),
                g_a=pow(GENERATOR, self._secret, DH_PRIME).to_bytes(256, "big"),
                server_time=self._now,
            )
        )
        return types.ServerDHParamsOk(
            self._nonce, self._server_nonce, cryptg.encrypt_ige(_with_hash(answer), *self._temporary_key())
        )

    def _finish(self, request: functions.SetClientDHParamsRequest) -> TLObject:
        plain = cryptg.decrypt_ige(request.encrypted_data, *self._temporary_key())
        inner = _read_hashed(plain)
        if not isinstance(inner, types.ClientDHInnerData):
            raise HandshakeFailed("the client's half of the key is missing")
        g_b = int.from_bytes(inner.g_b, "big")
        if not SAFETY <= g_b <= DH_PRIME - SAFETY:
            raise HandshakeFailed("g_b is not in the safe range")
        key = pow(g_b, self._secret, DH_PRIME).to_bytes(256, "big")
        if not key[0]:
            # Clients differ in whether they keep a leading zero byte; another try makes another key.
            return types.DhGenFail(self._nonce, self._server_nonce, self._nonce_hash(key.lstrip(b"\0"), 3))
        self._keys.add(key, self._dc_id)
        return types.DhGenOk(self._nonce, self._server_nonce, self._nonce_hash(key, 1))

    def _nonce_hash(self, key: bytes, number: int) -> int:
        nonce_hash: int = ClientKey(key).calc_new_nonce_hash(self._new_nonce, number)
        return nonce_hash

    def _temporary_key(self) -> tuple[bytes, bytes]:
        key, iv = helpers.generate_key_data_from_nonce(self._server_nonce, self._new_nonce)
        return bytes(key), bytes(iv)


def _random_signed(bits: int) -> int:
    return int.from_bytes(secrets.token_bytes(bits // 8), "big", signed=True)


def _with_hash(data: bytes) -> bytes:
    whole = sha1(data).digest() + data
    return whole + secrets.token_bytes(-len(whole) % 16)


def _read_hashed(plain: bytes) -> TLObject:
    """The object behind its SHA-1. Raises :class:`HandshakeFailed` when the hash does not match."""
    reader = BinaryReader(plain[20:])
    try:
        inner = reader.tgread_object()
    except Exception as error:  # noqa: BLE001 - whatever a stranger's bytes make the parser raise
        raise HandshakeFailed("the encrypted data cannot be read") from error
    if sha1(plain[20 : 20 + reader.tell_position()]).digest() != plain[:20]:
        raise HandshakeFailed("the encrypted data does not match its hash")
    return inner
