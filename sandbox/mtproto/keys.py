"""The server's own RSA key, and the authorization keys of its clients: both outlive the process."""

from __future__ import annotations

import math
import os
import secrets
import sqlite3
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

import rsa
import rsa.prime
from telethon.tl import TLObject


EXPONENT = 65537

#: Product of the small primes that candidates are tried by first.
_SMALL_PRIMES = math.prod(n for n in range(3, 2000, 2) if all(n % d for d in range(3, n, 2)))


@dataclass(frozen=True)
class AuthKey:
    """One client's key with one data centre (256 bytes), and the salt that is valid for it."""

    key: bytes
    id: int
    dc_id: int
    salt: int


def auth_key_id(key: bytes) -> int:
    """The lower 64 bits of the key's SHA-1, signed."""
    return int.from_bytes(sha1(key).digest()[-8:], "little", signed=True)


class AuthKeys:
    """Authorization keys in an SQLite file."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS auth_keys (id INTEGER, dc_id INTEGER, key BLOB, salt INTEGER,"
            " PRIMARY KEY (id, dc_id))"
        )
        rows = self._database.execute("SELECT key, id, dc_id, salt FROM auth_keys")
        self._keys = {(row[1], row[2]): AuthKey(*row) for row in rows}

    def get(self, key_id: int, dc_id: int) -> AuthKey | None:
        """The key with that id at that data centre."""
        return self._keys.get((key_id, dc_id))

    def add(self, key: bytes, dc_id: int) -> AuthKey:
        """Keep a new key."""
        entry = AuthKey(key, auth_key_id(key), dc_id, _new_salt())
        self._put(entry)
        return entry

    def renew_salt(self, key: AuthKey) -> AuthKey:
        """Give ``key`` another salt; the old one is no longer valid."""
        entry = AuthKey(key.key, key.id, key.dc_id, _new_salt())
        self._put(entry)
        return entry

    def forget(self, key_id: int) -> None:
        """Destroy a key, at every data centre."""
        self._database.execute("DELETE FROM auth_keys WHERE id = ?", (key_id,))
        self._keys = {place: key for place, key in self._keys.items() if key.id != key_id}

    def all(self) -> list[AuthKey]:
        """All keys."""
        return list(self._keys.values())

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _put(self, entry: AuthKey) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO auth_keys VALUES (?, ?, ?, ?)",
            (entry.id, entry.dc_id, entry.key, entry.salt),
        )
        self._keys[entry.id, entry.dc_id] = entry


def _new_salt() -> int:
    return secrets.randbits(63)


class ServerKey:
    """The RSA key that clients know the server by."""

    def __init__(self, folder: Path) -> None:
        private, self.public_file = folder / "server-key.pem", folder / "public-key.pem"
        if not private.exists():
            _make_key(private)
        self._private = rsa.PrivateKey.load_pkcs1(private.read_bytes())
        public = rsa.PublicKey(self._private.n, self._private.e)
        self.public_file.write_bytes(public.save_pkcs1())
        self.fingerprint = _fingerprint(public)

    def decrypt(self, data: bytes) -> bytes:
        """What a client encrypted with the public key: 255 bytes."""
        number = pow(int.from_bytes(data, "big"), self._private.d, self._private.n)
        return number.to_bytes(256, "big")[1:]


def _make_key(path: Path) -> None:
    # rsa.newkeys takes up to ten seconds: it looks for primes without a sieve.
    p, q = _prime(1024), _prime(1024)
    private = rsa.PrivateKey(p * q, EXPONENT, pow(EXPONENT, -1, (p - 1) * (q - 1)), p, q)
    beside = path.with_suffix(".tmp")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(private.save_pkcs1())
    beside.replace(path)


def _prime(bits: int) -> int:
    """A random prime with its two highest bits set, that fits the exponent."""
    while True:
        number = secrets.randbits(bits) | 3 << (bits - 2) | 1
        if (
            math.gcd(number, _SMALL_PRIMES) == 1
            and pow(2, number - 1, number) == 1
            and (number - 1) % EXPONENT
            and rsa.prime.is_prime(number)
        ):
            return number


def _fingerprint(key: rsa.PublicKey) -> int:
    """The lower 64 bits of the SHA-1 of the key's TL form, signed."""
    parts = (number.to_bytes((number.bit_length() + 7) // 8, "big") for number in (key.n, key.e))
    digest = sha1(b"".join(TLObject.serialize_bytes(part) for part in parts)).digest()
    return int.from_bytes(digest[-8:], "little", signed=True)
