"""The sandbox as one thing to start and stop: protocol, API and store put together."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from telethon import TelegramClient

from .accounts import BOT_DC, PERSON_DC
from .api import Api
from .clients import new_client
from .directory import Center
from .export import StoredMessage
from .faults import Faults
from .messages import Draft
from .mtproto import MtprotoServer
from .person import Person
from .store import Store, new_id

_FILES: Final = "account = ? AND peer = ? AND sender = ? AND media IS NOT NULL ORDER BY id"
#: Parts of uploads that nobody finished are dropped after this long, when the server starts.
PARTS_LIVE_SECONDS: Final = 24 * 3600.0


class Sandbox:
    """A Telegram in one folder. ``async with Sandbox(folder) as sandbox: ...``

    Two data centres listen on two ports: bots live on 1 (`port`), people on 2 (`port` + 1); 0 looks for two
    free ones. Started again on the same port, clients find both. A folder is used by one sandbox at a time.
    """

    def __init__(self, data_dir: Path, *, port: int = 0, host: str = "127.0.0.1") -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self.dc_id = BOT_DC
        self._store = Store(data_dir)
        self._api = Api(self._store, lambda: self._server, self._centers)
        ports = {BOT_DC: port, PERSON_DC: port + 1 if port else 0}
        self._server = MtprotoServer(self._api, data_dir, ports, host)
        self.faults: Faults = self._api.faults
        self.faults.link = self._server.link

    # -- running

    async def start(self) -> None:
        """Listens; returns when clients may come."""
        self._api.uploads.tidy(time.time() - PARTS_LIVE_SECONDS)
        await self._server.start()

    async def stop(self) -> None:
        """Closes all connections and the store."""
        await self._server.stop()
        await self._api.updates.stop()
        self._store.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # -- where it is

    @property
    def port(self) -> int:
        """The port of the bots' data centre."""
        return self._server.ports[BOT_DC]

    @property
    def address(self) -> str:
        """ "host:port" of the bots' data centre, or "[host]:port" over IPv6."""
        return self.addresses[BOT_DC]

    @property
    def addresses(self) -> dict[int, str]:
        """ "host:port" of every data centre."""
        host = f"[{self._server.host}]" if ":" in self._server.host else self._server.host
        return {center.id: f"{host}:{center.port}" for center in self._centers()}

    @property
    def key_file(self) -> Path:
        """The server's public key (PEM), which clients must know."""
        return self._server.public_key_file

    def _centers(self) -> list[Center]:
        return [Center(number, self._server.host, port) for number, port in self._server.ports.items()]

    # -- who is here

    async def add_bot(self, token: str, username: str, name: str) -> int:
        """Makes a bot; returns its id, the number in front of the token. The same token is the same bot."""
        return self._api.accounts.add_bot(token, username, name)

    async def add_person(
        self, phone: str, first_name: str, username: str | None = None, password: str | None = None
    ) -> int:
        """Makes a person; returns the id. The same phone again is the same person."""
        return self._api.accounts.add_person(phone, first_name, username, password)

    async def set_language(self, person: int, code: str) -> None:
        """The person's Telegram speaks that language, such as "pt-br"."""
        self._api.accounts.set_language(person, code)

    async def add_channel(self, title: str, username: str | None = None) -> int:
        """Makes a channel without members; returns its id (the one without -100 in front)."""
        return self._api.accounts.add_channel(title, username)

    async def add_group(self, title: str, *, forum: bool = False) -> int:
        """Makes a supergroup without members, for topics if it is a forum; returns its id, as a channel's."""
        return self._api.accounts.add_group(title, forum=forum)

    async def add_chat(self, title: str) -> int:
        """Makes a basic group without members, who join as those of a channel do; returns its id."""
        return self._api.accounts.add_chat(title)

    async def add_topic(self, forum: int, by: int, title: str) -> int:
        """Makes a topic; returns its id."""
        return self._api.groups.add_topic(forum, by, title)

    async def close_topic(self, forum: int, topic: int) -> None:
        """Nobody can write in it any more."""
        self._api.groups.close_topic(forum, topic)

    async def delete_topic(self, forum: int, topic: int) -> None:
        """It is gone, with all that is in it."""
        self._api.groups.delete_topic(forum, topic)

    async def join(self, channel: int, account: int, *, admin: bool = False) -> None:
        """Makes an account a member of a channel; an admin may post."""
        self._api.accounts.join(channel, account, admin=admin)

    def send_like(self, sender: int, bot: int, like: int) -> None:
        """A person presses a bot's Start and sends what somebody ``like`` them last sent there as a file.

        For crowds, which would take a client each.
        """
        newest = next(m for m in reversed(self._api.messages.find(_FILES, like, bot, like)) if m.media)
        person, peer = (self._api.accounts.get(number) for number in (sender, bot))
        assert person is not None and peer is not None
        drafts = [Draft("/start", new_id()), Draft(newest.text, new_id(), media=newest.media)]
        _, events = self._api.messages.send(person, peer, drafts)
        self._api.updates.announce(events)

    def login_code(self, phone: str) -> str:
        """The code that a log-in of that phone needs now."""
        return self._api.login.code(phone)

    def messages(self, user_id: int, peer_id: int) -> list[StoredMessage]:
        """What that account has in that chat, oldest first, in the newest state.

        The posts of a channel are those that it has with itself.
        """
        return self._api.export.messages(user_id, peer_id)

    # -- clients

    def client(
        self, *, dc_id: int = BOT_DC, session: Path | None = None, catch_up: bool = False
    ) -> TelegramClient:
        """A Telethon client that will connect to that data centre; see :func:`new_client`."""
        return new_client(
            self.addresses[dc_id], self.key_file, dc_id=dc_id, session=session, catch_up=catch_up
        )

    def person(self, phone: str, *, session: Path | None = None, password: str | None = None) -> Person:
        """A scripted person of that phone, not yet logged in."""
        client = self.client(dc_id=PERSON_DC, session=session)
        return Person(client, phone, lambda: self.login_code(phone), password)

    # -- tuning, for tests

    @property
    def button_patience(self) -> float:
        """Seconds that a bot has to answer a press."""
        return self._api.buttons.patience

    @button_patience.setter
    def button_patience(self, seconds: float) -> None:
        self._api.buttons.patience = seconds

    def pass_forged_presses_on(self) -> None:
        """From now on bots are told of presses of buttons that are not there, too."""
        self._api.buttons.careful = False

    @property
    def difference_limit(self) -> int:
        """Updates that a client may be behind; more are "too long" to be told."""
        return self._api.updates.too_long

    @difference_limit.setter
    def difference_limit(self, updates: int) -> None:
        self._api.updates.too_long = updates

    def renew_salts(self) -> None:
        """Every salt that clients use expires now."""
        self._server.renew_salts()
