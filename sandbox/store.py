"""The sandbox's memory: one SQLite file and a folder of files.

Everything that a client was told lies here before it is told. A process that is killed loses nothing that it
committed: SQLite's pages are with the operating system by then (``synchronous=OFF`` gives up the power cut,
not the kill, and costs microseconds instead of a disk flush, so the loop may call it directly).
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

#: Ids and hashes are positive and fit a TL ``long``.
LONG: Final = 2**63 - 1

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (
    id INTEGER PRIMARY KEY, bot INTEGER NOT NULL, dc INTEGER NOT NULL, token TEXT UNIQUE, phone TEXT UNIQUE,
    first_name TEXT NOT NULL, username TEXT UNIQUE COLLATE NOCASE, salt1 BLOB, salt2 BLOB, verifier BLOB,
    pts INTEGER NOT NULL DEFAULT 1,
    last_message INTEGER NOT NULL DEFAULT 0, channel INTEGER NOT NULL DEFAULT 0,
    language TEXT NOT NULL DEFAULT ''
);
CREATE TABLE IF NOT EXISTS commands (
    account INTEGER, language TEXT, scope BLOB, list BLOB NOT NULL,
    PRIMARY KEY (account, language, scope)
);
CREATE TABLE IF NOT EXISTS keys (
    auth_key TEXT PRIMARY KEY, dc INTEGER NOT NULL, account INTEGER NOT NULL, ready INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS codes (
    phone TEXT PRIMARY KEY, code TEXT NOT NULL, hash TEXT NOT NULL, asked INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS exports (token BLOB PRIMARY KEY, account INTEGER NOT NULL, dc INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS members (
    channel INTEGER, account INTEGER, admin INTEGER NOT NULL, PRIMARY KEY (channel, account)
);
CREATE TABLE IF NOT EXISTS groups (channel INTEGER PRIMARY KEY, forum INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS topics (
    channel INTEGER, id INTEGER, title TEXT NOT NULL, closed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (channel, id)
);
CREATE TABLE IF NOT EXISTS threads (
    account INTEGER, id INTEGER, top INTEGER NOT NULL, PRIMARY KEY (account, id)
);
CREATE TABLE IF NOT EXISTS copies (
    account INTEGER, id INTEGER, copy INTEGER NOT NULL, PRIMARY KEY (account, id)
);
CREATE INDEX IF NOT EXISTS alike ON copies (copy);
CREATE TABLE IF NOT EXISTS reactions (
    account INTEGER, id INTEGER, reactor INTEGER, emoji TEXT NOT NULL, date REAL NOT NULL,
    PRIMARY KEY (account, id, reactor)
);
CREATE TABLE IF NOT EXISTS blocked (account INTEGER, peer INTEGER, PRIMARY KEY (account, peer));
CREATE TABLE IF NOT EXISTS marks (
    account INTEGER, peer INTEGER, inbox INTEGER NOT NULL DEFAULT 0, outbox INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, peer)
);
CREATE TABLE IF NOT EXISTS messages (
    account INTEGER NOT NULL, id INTEGER NOT NULL, peer INTEGER NOT NULL, sender INTEGER NOT NULL,
    twin INTEGER NOT NULL, date REAL NOT NULL, edited REAL, text TEXT NOT NULL, entities BLOB NOT NULL,
    media INTEGER, markup BLOB NOT NULL, album INTEGER, reply_to INTEGER, forwarded BLOB NOT NULL DEFAULT x'',
    pts INTEGER NOT NULL, deleted INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (account, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS chats ON messages (account, peer, id);
CREATE TABLE IF NOT EXISTS sent (
    account INTEGER, peer INTEGER, random_id INTEGER, message INTEGER NOT NULL,
    PRIMARY KEY (account, peer, random_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS updates (
    account INTEGER, pts INTEGER, count INTEGER NOT NULL, kind TEXT NOT NULL, peer INTEGER NOT NULL,
    ids TEXT NOT NULL, PRIMARY KEY (account, pts)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
    account INTEGER, file INTEGER, parts INTEGER NOT NULL, blob INTEGER NOT NULL, PRIMARY KEY (account, file)
);
CREATE TABLE IF NOT EXISTS blobs (id INTEGER PRIMARY KEY, size INTEGER NOT NULL, md5 TEXT, sha256 TEXT);
CREATE TABLE IF NOT EXISTS covers (media INTEGER PRIMARY KEY, photo INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS covers (media INTEGER PRIMARY KEY, photo INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS media (
    id INTEGER PRIMARY KEY, photo INTEGER NOT NULL, access_hash INTEGER NOT NULL, owner INTEGER NOT NULL,
    dc INTEGER NOT NULL, date REAL NOT NULL, blob INTEGER NOT NULL, size INTEGER NOT NULL, name TEXT NOT NULL,
    mime TEXT NOT NULL, width INTEGER, height INTEGER, duration REAL, streaming INTEGER NOT NULL,
    nosound INTEGER NOT NULL, attributes BLOB NOT NULL, sizes TEXT NOT NULL
);
"""


def new_id() -> int:
    """An unguessable positive 63-bit number."""
    return secrets.randbelow(LONG - 1) + 1


class Store:
    """One open database; used from the loop's thread only."""

    def __init__(self, folder: Path) -> None:
        self.blobs = folder / "blobs"
        self.parts = folder / "parts"
        self.blobs.mkdir(parents=True, exist_ok=True)
        self.parts.mkdir(exist_ok=True)
        # Autocommit: a transaction is always explicit, see transaction().
        self.db = sqlite3.connect(folder / "sandbox.db", isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + SCHEMA)
        _add_columns(self.db)

    def close(self) -> None:
        self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is committed together, or not at all. Never await inside."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield self.db
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def one(self, query: str, *values: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.db.execute(query, values).fetchone()
        return row

    def all(self, query: str, *values: object) -> list[sqlite3.Row]:
        return self.db.execute(query, values).fetchall()

    def run(self, query: str, *values: object) -> None:
        self.db.execute(query, values)

    def secret(self, name: str, size: int = 32) -> bytes:
        """Random bytes made on first use and the same ever after."""
        row = self.one("SELECT value FROM meta WHERE key = ?", name)
        if row is not None:
            return bytes(row["value"])
        value = secrets.token_bytes(size)
        self.run("INSERT INTO meta VALUES (?, ?)", name, value)
        return value

    def number(self, name: str) -> int:
        """A counter kept over restarts; 0 at first."""
        row = self.one("SELECT value FROM meta WHERE key = ?", name)
        return int(row["value"]) if row is not None else 0

    def set_number(self, name: str, value: int) -> None:
        self.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, value)

    def blob_path(self, blob: int) -> Path:
        return self.blobs / f"{blob:x}"


def _add_columns(db: sqlite3.Connection) -> None:
    """Give the tables that an older version made the columns that they lack."""
    with closing(sqlite3.connect(":memory:")) as new:
        new.executescript(SCHEMA)
        for (table,) in new.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            known = {column[1] for column in db.execute(f"PRAGMA table_info({table})")}
            for _, name, kind, required, default, _ in new.execute(f"PRAGMA table_info({table})"):
                if name not in known:
                    rule = f"NOT NULL DEFAULT {default}" if required else ""
                    db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind} {rule}")
