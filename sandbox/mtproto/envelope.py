"""MTProto 2.0 encryption of one message. https://core.telegram.org/mtproto/description"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import cryptg

from .auth_keys import AuthKey

#: salt, session id, message id, sequence number, length
_INNER = struct.Struct("<qqqii")
_OUTER = struct.Struct("<q16s")

Piece = bytes | memoryview


class BadEnvelope(ValueError):
    """Not encrypted by the key that it names, or not a message."""


@dataclass(frozen=True)
class Envelope:
    """One decrypted message: its body is `data[start:end]`, left in place because it may be large."""

    salt: int
    session_id: int
    msg_id: int
    seqno: int
    data: bytes
    start: int
    end: int


def open_envelope(key: AuthKey, packet: memoryview) -> Envelope:
    """Decrypts a packet from a client and checks its message key. Raises BadEnvelope."""
    cipher = bytes(packet[24:])
    if len(cipher) < 48 or len(cipher) % 16:
        raise BadEnvelope(f"{len(packet)} bytes")
    msg_key = bytes(packet[8:24])
    plain: bytes = cryptg.decrypt_ige(cipher, *_aes(key.secret, msg_key, 0))
    check = sha256(key.secret[88:120])
    check.update(plain)
    if check.digest()[8:24] != msg_key:
        raise BadEnvelope("message key")
    salt, session_id, msg_id, seqno, length = _INNER.unpack_from(plain)
    padding = len(plain) - _INNER.size - length
    if length < 4 or length % 4 or not 12 <= padding <= 1024:
        raise BadEnvelope(f"a length of {length} in {len(plain)} bytes")
    return Envelope(salt, session_id, msg_id, seqno, plain, _INNER.size, _INNER.size + length)


def seal(
    key: AuthKey, salt: int, session_id: int, msg_id: int, seqno: int, body: Sequence[Piece]
) -> list[Piece]:
    """The packet for a client, in pieces: what stands outside the encryption, and the cipher text."""
    length = sum(map(len, body))
    padding = os.urandom(12 + -(_INNER.size + length + 12) % 16)
    plain = b"".join((_INNER.pack(salt, session_id, msg_id, seqno, length), *body, padding))
    check = sha256(key.secret[96:128])
    check.update(plain)
    msg_key = check.digest()[8:24]
    cipher: bytes = cryptg.encrypt_ige(plain, *_aes(key.secret, msg_key, 8))
    return [_OUTER.pack(key.id, msg_key), cipher]


def _aes(secret: bytes, msg_key: bytes, x: int) -> tuple[bytes, bytes]:
    """Key and IV; `x` is 0 for what clients send and 8 for what servers send."""
    a = sha256(msg_key + secret[x : x + 36]).digest()
    b = sha256(secret[x + 40 : x + 76] + msg_key).digest()
    return a[:8] + b[8:24] + a[24:32], b[:8] + a[8:24] + b[24:32]
