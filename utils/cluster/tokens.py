"""What is typed on another machine so that it may join: 32 characters."""

from __future__ import annotations

import base64
import binascii
import secrets
from dataclasses import dataclass

from utils.errors import SettingsError

#: Bytes of either half.
_HALF = 10
LENGTH = 32


@dataclass(frozen=True)
class Token:
    """``secret`` proves who joins; ``authority`` is the start of the SHA-256 of whom it trusts."""

    secret: bytes
    authority: bytes

    def __str__(self) -> str:
        return base64.b32encode(self.secret + self.authority).decode().lower()

    def fits(self, digest: bytes) -> bool:
        """Whether ``digest`` is that of the authority that this token is from."""
        return secrets.compare_digest(self.authority, digest[:_HALF])


def new_secret() -> bytes:
    """For a new token."""
    return secrets.token_bytes(_HALF)


def token_of(secret: bytes, digest: bytes) -> Token:
    """The token with which an authority, whose certificate has this SHA-256, lets machines join."""
    return Token(secret, digest[:_HALF])


def read_token(text: str) -> Token:
    """Raises :class:`SettingsError`."""
    text = text.strip()
    if len(text) != LENGTH:
        raise SettingsError(f"The token has {len(text)} characters instead of {LENGTH}: copy the whole line.")
    try:
        data = base64.b32decode(text.upper())
    except binascii.Error:
        raise SettingsError("The token has characters that none has: copy the whole line.") from None
    return Token(data[:_HALF], data[_HALF:])
