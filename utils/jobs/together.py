"""Which files go in one message, and in which messages goes what did not arrive. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from telethon.tl import types
from telethon.tl.tlobject import TLObject

from utils.jobs.albums import Album, MediaFile, messages_of
from utils.jobs.record import JobRecord


def messages_under(record: JobRecord, key: str, files: Sequence[MediaFile], *, live: bool) -> list[Album]:
    """What each message under ``key`` holds: one file or, if ``live``, a photo and its film.

    As it was announced, if it was: what goes in one message has one random_id then.
    """
    announced = record.announced.get(key)
    if announced is None or announced.numbers != numbers_of(files):
        return messages_of(files) if live else [(file,) for file in files]
    rest = iter(files)
    together = [len(list(ids)) for _, ids in groupby(announced.random_ids)]
    return [tuple(next(rest) for _ in range(size)) for size in together]


def left_over(record: JobRecord, files: Sequence[MediaFile]) -> list[tuple[str, Sequence[MediaFile]]]:
    """The messages (their keys, and their files) for ``files``, which did not arrive with their album.

    What may still come has to be asked for by itself, under the random_id that it had in the album.
    """
    waiting = {key for key in map(alone, files) if key in record.announced and key not in record.rejected}
    if not waiting:
        return [(f"album-{files[0].number}", files)] if files else []
    # A film that is in doubt along with its picture is announced with that.
    keys = {number: key for key in waiting for number in record.announced[key].numbers}
    found: dict[str, list[MediaFile]] = {}
    for file in files:
        found.setdefault(keys.get(file.number, alone(file)), []).append(file)
    return list(found.items())


def numbers_of(files: Sequence[MediaFile]) -> tuple[int, ...]:
    """The numbers of ``files``."""
    return tuple(file.number for file in files)


def alone(file: MediaFile) -> str:
    """The key of the message in which ``file`` is alone, or with its film."""
    return f"file-{file.number}"


def same_numbers(one: TLObject, other: TLObject) -> bool:
    """Whether messages in both chats are numbered together: all but those of channels are."""
    channels = [p.channel_id if isinstance(p, types.InputPeerChannel) else 0 for p in (one, other)]
    return channels[0] == channels[1]
