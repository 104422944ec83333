"""What a chat wishes to get, and how: what was chosen there, over the settings of the program."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal, Protocol, get_args, get_type_hints

from utils.constants import Settings
from utils.media import Choice
from utils.storage.chats import FILE_NAME, Chats

#: Languages that texts may be in; "auto": that of whoever writes.
Language = Literal["auto", "en", "es", "ru", "id", "pt_BR", "fa"]


@dataclass(frozen=True)
class Wishes:
    """What is wished for in one chat; each is one of a few words.

    All but the last two are the settings of these names. ``target``: results go where
    TARGET_CHAT says, or stay ``here``.
    """

    send: Literal["all", "photos", "videos"] = "all"
    other_files: Literal["ask", "send", "leave"] = "ask"
    as_files: Literal["no", "yes"] = "no"
    order: Literal["name", "date"] = "name"
    albums: Literal["mixed", "apart"] = "mixed"
    captions: Literal["quiet", "names"] = "quiet"
    convert: Literal["yes", "no", "both"] = "yes"
    ask_first: Literal["never", "20", "100", "500", "always"] = "never"
    silent: Literal["no", "yes"] = "no"
    language: Language = "auto"
    target: Literal["set", "here"] = "set"

    @classmethod
    def of(cls, settings: Settings) -> Wishes:
        """Where nothing else was chosen."""
        return cls(
            send=settings.SEND,
            other_files=settings.OTHER_FILES,
            as_files="yes" if settings.AS_FILES else "no",
            order=settings.ORDER,
            albums=settings.ALBUMS,
            captions=settings.CAPTIONS,
            convert=settings.CONVERT,
            ask_first=settings.ASK_FIRST,
            silent="yes" if settings.SILENT else "no",
        )

    def choice(self, *, only_others: bool = False, as_files: bool = False, alone: bool = False) -> Choice:
        """Which files of an archive are sent, and as what; ``only_others``: what was left out.

        ``as_files``: that is asked for this time, of what would come anyway.
        ``alone``: it is a picture or video by itself, which is wanted in any case.
        """
        always, send = self.as_files == "yes", "all" if alone else self.send
        choice = Choice.of(self.other_files, as_files=always, send=send, only_others=only_others)
        return replace(choice, as_files=always or as_files)

    def with_chosen(self, chosen: Mapping[str, str]) -> Wishes:
        """The same with what was ``chosen`` (name -> word); what is not known here is passed over."""
        known = {name: word for name, word in chosen.items() if word in OPTIONS.get(name, ())}
        return replace(self, **known) if known else self  # type: ignore[arg-type]


_HINTS = get_type_hints(Wishes)
#: What can be chosen: the words for each name.
OPTIONS: Mapping[str, tuple[str, ...]] = {f.name: get_args(_HINTS[f.name]) for f in fields(Wishes)}


class KeepsChosen(Protocol):
    """What was chosen in each chat, over restarts."""

    def of(self, chat: int) -> Mapping[str, str]: ...

    def replace(self, chat: int, chosen: Mapping[str, str]) -> None: ...


class WishesOfChats:
    """The wishes of all chats: those ``kept``, over ``defaults``."""

    def __init__(self, defaults: Wishes, kept: KeepsChosen) -> None:
        self._defaults = defaults
        self._kept = kept
        self._writing = asyncio.Lock()

    @classmethod
    def under(cls, settings: Settings) -> WishesOfChats:
        """Those that were kept by an earlier run; a damaged file is set aside. Blocking."""
        kept = Chats(settings.path("DATA_DIR") / FILE_NAME, settings.path("QUARANTINE_DIR"))
        return cls(Wishes.of(settings), kept)

    def follow(self, settings: Settings) -> None:
        """From now on that is what is wished for where nothing else was chosen."""
        self._defaults = Wishes.of(settings)

    def of(self, chat: int) -> Wishes:
        """What is wished for in ``chat`` now."""
        return self._defaults.with_chosen(self._kept.of(chat))

    def language_of(self, chat: int) -> str:
        """The language that was chosen in ``chat``; "" when it is that of whoever writes."""
        language = self.of(chat).language
        return "" if language == "auto" else language

    async def choose(self, chat: int, name: str, word: str) -> None:
        """From now on it is that in ``chat``, also after a restart. Raises OSError; then all is as before."""
        async with self._writing:
            await asyncio.to_thread(self._kept.replace, chat, {**self._kept.of(chat), name: word})

    async def forget(self, chat: int) -> None:
        """From now on it is as the program's settings say. Raises OSError; then all is as before."""
        async with self._writing:
            await asyncio.to_thread(self._kept.replace, chat, {})
