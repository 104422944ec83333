"""Who exists here: bots, people and channels, the keys of log-ins, and how they see each other."""

from __future__ import annotations

import hmac
import secrets
import sqlite3
from dataclasses import dataclass

from telethon.tl import TLObject, types

from . import basic
from . import password as srp
from .rpc import RpcError
from .store import Store
from .tl import pack, unpack

#: Where they live (Telegram, too, decides it for the account).
BOT_DC = 1
PERSON_DC = 2
FIRST_PERSON = 5_000_001
FIRST_CHANNEL = 1_000_000_001
FIRST_CHAT = 700_001
#: What stands in the column "channel".
_CHANNEL, _CHAT = 1, 2

#: The scope of commands that are shown in all chats for which there are no others, as it is kept.
EVERYBODY = pack([types.BotCommandScopeDefault()])


@dataclass(frozen=True)
class Account:
    """A bot (with a token), a person (with a phone number, digits only), or, as which nobody logs in, a
    channel or a basic group (``chat``).
    """

    id: int
    bot: bool
    dc: int
    token: str | None
    phone: str | None
    first_name: str
    username: str | None
    salt1: bytes | None
    salt2: bytes | None
    verifier: bytes | None
    channel: bool
    language: str
    chat: bool

    @property
    def has_password(self) -> bool:
        return self.verifier is not None


def digits(phone: str) -> str:
    """A phone number as it is kept: digits only."""
    return "".join(letter for letter in phone if letter.isdigit())


class Accounts:
    """Accounts and their log-ins, kept in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._hash_key = store.secret("access hashes")

    # -- who there is

    def add_bot(self, token: str, username: str, name: str) -> int:
        """A bot whose id is the number in front of its token; the same token again changes nothing."""
        number = token.partition(":")[0]
        if not number.isdigit():
            raise ValueError("a bot's token looks like 123456:letters")
        known = self.by_token(token)
        if known is not None:
            return known.id
        return self._add(int(number), bot=True, dc=BOT_DC, first_name=name, username=username, token=token)

    def add_person(
        self, phone: str, first_name: str, username: str | None = None, password: str | None = None
    ) -> int:
        """A person; the same phone number again changes nothing."""
        known = self.by_phone(phone)
        if known is not None:
            return known.id
        number = self._add(
            self._next_id(FIRST_PERSON, kind=0),
            bot=False,
            dc=PERSON_DC,
            first_name=first_name,
            username=username,
            phone=digits(phone),
        )
        if password is not None:
            salt1, salt2 = secrets.token_bytes(32), secrets.token_bytes(16)
            self._store.run(
                "UPDATE accounts SET salt1 = ?, salt2 = ?, verifier = ? WHERE id = ?",
                salt1,
                salt2,
                srp.verifier(password, salt1, salt2),
                number,
            )
        return number

    def add_channel(self, title: str, username: str | None = None) -> int:
        """A channel without members."""
        number = self._next_id(FIRST_CHANNEL, kind=_CHANNEL)
        return self._add(number, bot=False, dc=PERSON_DC, first_name=title, username=username, kind=_CHANNEL)

    def add_chat(self, title: str) -> int:
        """A basic group without members."""
        number = self._next_id(FIRST_CHAT, kind=_CHAT)
        return self._add(number, bot=False, dc=PERSON_DC, first_name=title, username=None, kind=_CHAT)

    def add_group(self, title: str, *, forum: bool = False) -> int:
        """A supergroup without members: a channel in which every member may write."""
        number = self.add_channel(title)
        self._store.run("INSERT INTO groups VALUES (?, ?)", number, forum)
        return number

    def is_group(self, channel: int) -> bool:
        return self._store.one("SELECT 1 FROM groups WHERE channel = ?", channel) is not None

    def is_forum(self, channel: int) -> bool:
        return self._store.one("SELECT 1 FROM groups WHERE channel = ? AND forum", channel) is not None

    def topic(self, channel: int, number: int) -> sqlite3.Row | None:
        """A topic of a forum, by its number."""
        return self._store.one("SELECT * FROM topics WHERE channel = ? AND id = ?", channel, number)

    def _next_id(self, first: int, *, kind: int) -> int:
        query = "SELECT COALESCE(MAX(id) + 1, ?) AS next FROM accounts WHERE NOT bot AND channel = ?"
        row = self._store.one(query, first, kind)
        assert row is not None
        return int(row["next"])

    def _add(
        self,
        number: int,
        *,
        bot: bool,
        dc: int,
        first_name: str,
        username: str | None,
        token: str | None = None,
        phone: str | None = None,
        kind: int = 0,
    ) -> int:
        self._store.run(
            "INSERT INTO accounts (id, bot, dc, token, phone, first_name, username, channel)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            number,
            bot,
            dc,
            token,
            phone,
            first_name,
            username,
            kind,
        )
        return number

    def get(self, number: int) -> Account | None:
        return self._find("id", number)

    def by_token(self, token: str) -> Account | None:
        return self._find("token", token)

    def by_phone(self, phone: str) -> Account | None:
        return self._find("phone", digits(phone))

    def by_username(self, username: str) -> Account | None:
        return self._find("username", username.lstrip("@"))

    def _find(self, column: str, value: object) -> Account | None:
        row = self._store.one(f"SELECT * FROM accounts WHERE {column} = ?", value)
        return _account(row) if row is not None else None

    # -- log-ins

    def of_key(self, auth_key: int) -> Account | None:
        """Who is logged in with that key; None also while the password is still missing."""
        row = self._store.one("SELECT account FROM keys WHERE auth_key = ? AND ready", str(auth_key))
        return self.get(row["account"]) if row is not None else None

    def waiting(self, auth_key: int) -> Account | None:
        """Who gave a right code with that key and has yet to give the password."""
        row = self._store.one("SELECT account FROM keys WHERE auth_key = ? AND NOT ready", str(auth_key))
        return self.get(row["account"]) if row is not None else None

    def log_in(self, auth_key: int, dc: int, account: int, *, ready: bool = True) -> None:
        self._store.run("INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?)", str(auth_key), dc, account, ready)

    def log_out(self, auth_key: int) -> None:
        self._store.run("DELETE FROM keys WHERE auth_key = ?", str(auth_key))

    def move(self, account: int, dc: int) -> None:
        """The account lives on another data centre; its log-ins stay where they were."""
        self._store.run("UPDATE accounts SET dc = ? WHERE id = ?", dc, account)

    def keys(self, account: int, dc: int | None = None) -> list[int]:
        """The keys that an account is logged in with, on one data centre or on all."""
        rows = self._store.all(
            "SELECT auth_key FROM keys WHERE account = ? AND ready AND (? IS NULL OR dc = ?)", account, dc, dc
        )
        return [int(row["auth_key"]) for row in rows]

    # -- how they see each other

    def access_hash(self, viewer: int, target: int) -> int:
        """Every account has its own number for each other account, as on Telegram."""
        digest = hmac.digest(self._hash_key, f"{viewer}:{target}".encode(), "sha256")
        return int.from_bytes(digest[:8], "big") >> 1

    def user(self, viewer: Account, target: Account) -> types.User:
        """`target` as `viewer` sees it."""
        same = viewer.id == target.id
        return types.User(
            id=target.id,
            is_self=same,
            bot=target.bot,
            bot_info_version=1 if target.bot else None,
            access_hash=self.access_hash(viewer.id, target.id),
            first_name=target.first_name,
            username=target.username,
            phone=target.phone if same else None,
            status=None if target.bot else types.UserStatusRecently(),
            # https://core.telegram.org/constructor/user: told to bots alone.
            lang_code=target.language or None if viewer.bot else None,
        )

    def users(self, viewer: Account, numbers: set[int]) -> list[types.User]:
        """All people and bots of these as `viewer` sees them, unknown ones left out."""
        found = (self.get(number) for number in sorted(numbers))
        people = (one for one in found if one is not None and not one.channel and not one.chat)
        return [self.user(viewer, target) for target in people]

    def chats(self, viewer: Account, numbers: set[int]) -> list[TLObject]:
        """All channels and groups of these as `viewer` sees them."""
        found = (self.get(number) for number in sorted(numbers))
        return [self.chat(viewer, one) for one in found if one is not None and (one.channel or one.chat)]

    def chat(self, viewer: Account, channel: Account) -> TLObject:
        """`channel` as `viewer` sees it."""
        if channel.chat:
            return basic.group_shown(self, viewer, channel)
        admin, group = self.membership(channel.id, viewer.id), self.is_group(channel.id)
        return types.Channel(
            id=channel.id,
            title=channel.first_name,
            photo=types.ChatPhotoEmpty(),
            date=None,
            broadcast=not group,
            megagroup=group,
            forum=self.is_forum(channel.id),
            left=admin is None,
            access_hash=self.access_hash(viewer.id, channel.id),
            username=channel.username,
            admin_rights=types.ChatAdminRights(post_messages=True) if admin else None,
        )

    def resolve(self, viewer: Account, peer: TLObject) -> Account:
        """The account that an InputPeer or InputUser names. Raises PEER_ID_INVALID.

        A bot may leave the access hash out (0) for anybody, which Telegram allows for those it has met.
        """
        if isinstance(peer, types.InputPeerSelf | types.InputUserSelf):
            return viewer
        if isinstance(peer, types.InputPeerUser | types.InputUser):
            target = self.get(peer.user_id)
            known = {self.access_hash(viewer.id, peer.user_id)} | ({0} if viewer.bot else set())
            if target is not None and (peer.access_hash in known or target.id == viewer.id):
                return target
        if isinstance(peer, types.InputPeerChat):
            return basic.group_resolved(self, viewer, peer.chat_id)
        if isinstance(peer, types.InputPeerChannel | types.InputChannel):
            return self._channel(viewer, peer)
        raise RpcError(400, "PEER_ID_INVALID")

    def _channel(self, viewer: Account, peer: TLObject) -> Account:
        target = self.get(peer.channel_id)
        known = {self.access_hash(viewer.id, peer.channel_id)} | ({0} if viewer.bot else set())
        if target is None or not target.channel or peer.access_hash not in known:
            raise RpcError(400, "CHANNEL_INVALID")
        if target.username is None and self.membership(target.id, viewer.id) is None:
            raise RpcError(400, "CHANNEL_PRIVATE")
        return target

    # -- who is in a channel

    def join(self, channel: int, account: int, *, admin: bool) -> None:
        """Makes the account a member, or changes whether it may post."""
        self._store.run("INSERT OR REPLACE INTO members VALUES (?, ?, ?)", channel, account, admin)

    def membership(self, channel: int, account: int) -> bool | None:
        """Whether a member may post; None for others."""
        row = self._store.one("SELECT admin FROM members WHERE channel = ? AND account = ?", channel, account)
        return bool(row["admin"]) if row is not None else None

    def members(self, channel: int) -> list[int]:
        rows = self._store.all("SELECT account FROM members WHERE channel = ?", channel)
        return [int(row["account"]) for row in rows]

    def channels_of(self, account: int) -> list[int]:
        rows = self._store.all("SELECT channel FROM members WHERE account = ?", account)
        return [int(row["channel"]) for row in rows]

    def commands(self, account: Account, language: str = "", scope: bytes = EVERYBODY) -> list[TLObject]:
        """For that ``scope``, in ``language``, where there are some, else those in no language."""
        for code in (language[:2], ""):
            query = "SELECT list FROM commands WHERE account = ? AND language = ? AND scope = ?"
            if (row := self._store.one(query, account.id, code, scope)) is not None:
                return list(unpack(row["list"]))
        return []

    def set_commands(self, account: Account, commands: bytes, language: str, scope: bytes) -> None:
        query = "INSERT OR REPLACE INTO commands VALUES (?, ?, ?, ?)"
        self._store.run(query, account.id, language, scope, commands)

    def reset_commands(self, account: Account, language: str, scope: bytes) -> None:
        query = "DELETE FROM commands WHERE account = ? AND language = ? AND scope = ?"
        self._store.run(query, account.id, language, scope)

    def set_language(self, account: int, language: str) -> None:
        """The person's Telegram speaks that language ("" is not told)."""
        self._store.run("UPDATE accounts SET language = ? WHERE id = ?", language, account)

    # -- who does not want to hear from whom

    def block(self, account: int, peer: int, *, blocked: bool = True) -> None:
        if blocked:
            self._store.run("INSERT OR IGNORE INTO blocked VALUES (?, ?)", account, peer)
        else:
            self._store.run("DELETE FROM blocked WHERE account = ? AND peer = ?", account, peer)

    def has_blocked(self, account: int, peer: int) -> bool:
        return (
            self._store.one("SELECT 1 FROM blocked WHERE account = ? AND peer = ?", account, peer) is not None
        )


def _account(row: sqlite3.Row) -> Account:
    facts = {name: row[name] for name in Account.__dataclass_fields__.keys() - {"chat"}}
    kind = row["channel"]
    return Account(**facts | {"bot": bool(row["bot"]), "channel": kind == _CHANNEL, "chat": kind == _CHAT})
