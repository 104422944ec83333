"""The server's side of Telegram's 2FA log-in (SRP, https://core.telegram.org/api/srp).

The password itself is never kept: only the verifier g^x mod p and its two salts.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from telethon import password as srp
from telethon.tl import types

from .mtproto.primes import DH_PRIME
from .store import new_id

#: The safe prime that Telegram itself uses, and that clients know to be good.
PRIME: Final = DH_PRIME.to_bytes(256, "big")
GENERATOR: Final = 3
SIZE: Final = 256


def algorithm(
    salt1: bytes, salt2: bytes
) -> types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow:
    """How a client must hash the password."""
    return types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow(
        salt1=salt1, salt2=salt2, g=GENERATOR, p=PRIME
    )


def verifier(password: str, salt1: bytes, salt2: bytes) -> bytes:
    """What the server keeps instead of the password, 256 bytes."""
    value: bytes = srp.compute_digest(algorithm(salt1, salt2), password)
    return value


@dataclass(frozen=True)
class Challenge:
    """One question to one client: `id`, our secret exponent and its public half."""

    id: int
    exponent: int
    public: bytes


def challenge(kept: bytes) -> Challenge:
    """A new SRP question for the verifier `kept`: B = k v + g^b mod p."""
    prime = int.from_bytes(PRIME, "big")
    exponent = int.from_bytes(secrets.token_bytes(SIZE), "big")
    public = (_multiplier() * int.from_bytes(kept, "big") + pow(GENERATOR, exponent, prime)) % prime
    return Challenge(new_id(), exponent, public.to_bytes(SIZE, "big"))


def answers(question: Challenge, kept: bytes, salt1: bytes, salt2: bytes, a: bytes, proof: bytes) -> bool:
    """Whether `proof` (M1) shows that the client knows the password; `a` is its public half."""
    prime = int.from_bytes(PRIME, "big")
    theirs = int.from_bytes(a, "big")
    if not srp.is_good_mod_exp_first(theirs, prime):
        return False
    scrambler = int.from_bytes(_sha(a.rjust(SIZE, b"\0"), question.public), "big")
    shared = pow(theirs * pow(int.from_bytes(kept, "big"), scrambler, prime), question.exponent, prime)
    key = _sha(shared.to_bytes(SIZE, "big"))
    mask = bytes(x ^ y for x, y in zip(_sha(PRIME), _sha(_generator()), strict=True))
    expected = _sha(mask, _sha(salt1), _sha(salt2), a.rjust(SIZE, b"\0"), question.public, key)
    return hmac.compare_digest(expected, proof)


def _sha(*pieces: bytes) -> bytes:
    return hashlib.sha256(b"".join(pieces)).digest()


def _generator() -> bytes:
    return GENERATOR.to_bytes(SIZE, "big")


def _multiplier() -> int:
    return int.from_bytes(_sha(PRIME, _generator()), "big")
