"""Authorization keys: what the server shares with each client, per data centre, kept across restarts."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from dataclasses import dataclass
from hashlib import sha1, sha256
from pathlib import Path

from telethon.tl import types


@dataclass(frozen=True)
class AuthKey:
    """A shared secret of 256 bytes. `id` is signed, as it stands on the wire."""

    secret: bytes
    first_salt: int  #: the salt that the exchange itself agreed on
    created: float  #: unix seconds

    @property
    def id(self) -> int:
        return int.from_bytes(sha1(self.secret).digest()[12:20], "little", signed=True)

    @property
    def aux_hash(self) -> bytes:
        """The 8 bytes by which dh_gen_ok proves that both sides have the same key."""
        return sha1(self.secret).digest()[:8]


class AuthKeyStore:
    """All keys, in memory and in an SQLite file. Writing blocks for a moment: call it from a thread."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS auth_key (dc INTEGER, id INTEGER, secret BLOB, first_salt INTEGER,"
            " created REAL, PRIMARY KEY (dc, id))"
        )
        self._keys: dict[tuple[int, int], AuthKey] = {}
        for dc, key_id, *row in self._db.execute("SELECT dc, id, secret, first_salt, created FROM auth_key"):
            self._keys[dc, key_id] = AuthKey(*row)

    def get(self, dc: int, key_id: int) -> AuthKey | None:
        """The key that this data centre knows by that id."""
        return self._keys.get((dc, key_id))

    def add(self, dc: int, key: AuthKey) -> None:
        """Keeps a key. Blocks."""
        row = (dc, key.id, key.secret, key.first_salt, key.created)
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO auth_key VALUES (?, ?, ?, ?, ?)", row)
        self._keys[dc, key.id] = key

    def forget(self, key_id: int) -> list[int]:
        """Destroys the key at once, in every data centre that has it; which ones had it."""
        dcs = [dc for dc, known in self._keys if known == key_id]
        for dc in dcs:
            del self._keys[dc, key_id]
        return dcs

    def erase(self, key_id: int) -> None:
        """Takes a forgotten key out of the file too. Blocks."""
        with self._lock:
            self._db.execute("DELETE FROM auth_key WHERE id = ?", (key_id,))

    def close(self) -> None:
        with self._lock:
            self._db.close()


class Salts:
    """Server salts: each lasts an hour, a new one every half hour; made from the key, so none is stored."""

    SLOT = 1800

    def __init__(self) -> None:
        self._generation = b""

    def renew(self) -> None:
        """Every salt expires now."""
        self._generation = secrets.token_bytes(16)

    def value(self, key: AuthKey, slot: int) -> int:
        """The salt whose time begins at `slot` * SLOT."""
        digest = sha256(b"salt" + self._generation + key.secret + slot.to_bytes(8, "little", signed=True))
        return int.from_bytes(digest.digest()[:8], "little", signed=True)

    def current(self, key: AuthKey, now: float) -> int:
        """The newest salt."""
        return self.value(key, int(now) // self.SLOT)

    def accepts(self, key: AuthKey, salt: int, now: float) -> bool:
        """Whether a client may still use `salt`."""
        slot = int(now) // self.SLOT
        if salt in (self.value(key, slot), self.value(key, slot - 1)):
            return True
        return not self._generation and salt == key.first_salt and now < key.created + 2 * self.SLOT

    def upcoming(self, key: AuthKey, now: float, count: int) -> list[types.FutureSalt]:
        """The salt of now and those after it."""
        first = int(now) // self.SLOT
        return [
            types.FutureSalt(slot * self.SLOT, (slot + 2) * self.SLOT, self.value(key, slot))
            for slot in range(first, first + max(1, min(count, 64)))
        ]
