"""Telethon clients that talk to a sandbox: the pip-installed class, told another address and key."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.sessions import MemorySession, SQLiteSession

#: Any number and text will do; the sandbox does not check them.
API_ID: Final = 12345
API_HASH: Final = "0123456789abcdef0123456789abcdef"


def new_client(
    address: str,
    key_file: Path,
    *,
    dc_id: int = 1,
    session: Path | None = None,
    catch_up: bool = False,
    receive_updates: bool = True,
) -> TelegramClient:
    """A client for the server at `address` ("host:port"), not yet connected.

    `session` is a file to keep the log-in in; without it the log-in is gone with the client. Every client
    gets a class of its own, because Telethon keeps the server's configuration in the class.
    """
    rsa.add_key(key_file.read_text(), old=False)
    host, _, port = address.rpartition(":")
    kept = MemorySession() if session is None else SQLiteSession(str(session))
    if kept.auth_key is None:
        kept.set_dc(dc_id, host.strip("[]"), int(port))
    own_class = type("OwnClient", (TelegramClient,), {"_config": None})
    client: TelegramClient = own_class(
        kept,
        API_ID,
        API_HASH,
        catch_up=catch_up,
        use_ipv6=":" in host,
        receive_updates=receive_updates,
        connection_retries=20,
        retry_delay=0.1,
        request_retries=5,
        flood_sleep_threshold=0,
    )
    return client
