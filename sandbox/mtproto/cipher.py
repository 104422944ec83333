"""MTProto 2.0 encryption (https://core.telegram.org/mtproto/description)."""

from __future__ import annotations

import os
from hashlib import sha256

import cryptg

_FROM_CLIENT, _FROM_SERVER = 0, 8


class BadMessage(Exception):
    """A packet that its key does not fit."""


def decrypt(packet: bytes, auth_key: bytes) -> bytes:
    """The plain text (salt, session id, message, padding) of a client's packet.

    Raises :class:`BadMessage` when the message key does not match.
    """
    message_key, data = packet[8:24], packet[24:]
    if not data or len(data) % 16:
        raise BadMessage(f"{len(data)} encrypted bytes")
    plain: bytes = cryptg.decrypt_ige(data, *_key_and_iv(auth_key, message_key, _FROM_CLIENT))
    if _message_key(auth_key, plain, _FROM_CLIENT) != message_key:
        raise BadMessage("the message key does not match")
    return plain


def encrypt(plain: bytes, auth_key: bytes, key_id: int) -> bytes:
    """A packet for the client: key id, message key, and ``plain`` with padding, encrypted."""
    plain += os.urandom(12 + -(len(plain) + 12) % 16)
    message_key = _message_key(auth_key, plain, _FROM_SERVER)
    encrypted: bytes = cryptg.encrypt_ige(plain, *_key_and_iv(auth_key, message_key, _FROM_SERVER))
    return key_id.to_bytes(8, "little", signed=True) + message_key + encrypted


def _message_key(auth_key: bytes, plain: bytes, x: int) -> bytes:
    digest = sha256(auth_key[88 + x : 120 + x])
    digest.update(plain)
    return digest.digest()[8:24]


def _key_and_iv(auth_key: bytes, message_key: bytes, x: int) -> tuple[bytes, bytes]:
    a = sha256(message_key + auth_key[x : x + 36]).digest()
    b = sha256(auth_key[40 + x : 76 + x] + message_key).digest()
    return a[:8] + b[8:24] + a[24:], b[:8] + a[8:24] + b[24:]
