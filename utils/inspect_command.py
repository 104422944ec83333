"""``inspect ARCHIVE``: what the bot would send, and how, by the same code and without Telegram."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from utils.archives import ArchiveReader, Entry, Extracted, FileSource, Limits, is_archive, open_archive
from utils.errors import (
    ArchiveError,
    BotError,
    DiskFull,
    LimitExceeded,
    NotAnArchive,
    PasswordNeeded,
    StorageError,
)
from utils.media import Kind, MediaTools, Verdict, kind_of

#: Bytes that are looked at to say what a file is.
HEAD = 4096

#: Exit codes beside 0 and 2 (usage).
NO_ARCHIVE, PASSWORD, DAMAGED, REFUSED = 3, 4, 5, 6


@dataclass(frozen=True)
class Row:
    """One entry: ``kind`` is photo, video or other; ``plan`` is send, remux, audio, full or skip."""

    name: str
    size: int | None
    kind: str
    plan: str
    reason: str


def exit_code(error: BotError) -> int:
    """The exit code that stands for ``error``."""
    if isinstance(error, NotAnArchive):
        return NO_ARCHIVE
    if isinstance(error, PasswordNeeded):
        return PASSWORD
    if isinstance(error, LimitExceeded | DiskFull):
        return REFUSED
    return DAMAGED


async def inspect_archive(
    path: Path,
    *,
    passwords: Sequence[str],
    limits: Limits,
    media: MediaTools,
    show: Callable[[Row], None],
) -> int:
    """Give ``show`` a row for each entry of the archive ``path``; returns the exit code.

    Entries are taken out one by one, looked at, and deleted. An error is told on standard error.
    """
    with tempfile.TemporaryDirectory(prefix="inspect-") as folder:
        try:
            source = FileSource(path)
            if not is_archive(await source.read(0, HEAD), path.name):
                raise NotAnArchive("this is no archive that I know.")
            scratch = Path(folder) / "scratch"
            scratch.mkdir()
            reader = await open_archive(source, scratch=scratch, limits=limits, passwords=passwords)
            try:
                return await _show_entries(reader, Path(folder), media, show)
            finally:
                await reader.close()
        except (ArchiveError, StorageError) as error:
            print(f"❌ {path.name}: {error.told}", file=sys.stderr)
            return exit_code(error)


async def _show_entries(
    reader: ArchiveReader, folder: Path, media: MediaTools, show: Callable[[Row], None]
) -> int:
    worst = 0

    def accept(entry: Entry, head: bytes) -> bool:
        wanted = kind_of(head, entry.name) is not Kind.OTHER
        if not wanted:
            show(Row(entry.path, entry.size, "other", "skip", "It is neither a picture nor a video."))
        return wanted

    async for extracted in reader.extract(accept, lambda _: folder / "entry"):
        if extracted.error is not None:
            worst = max(worst, exit_code(extracted.error))
        show(await _row(extracted, media))
        if extracted.path is not None:
            await asyncio.to_thread(extracted.path.unlink)
    return worst


async def _row(extracted: Extracted, media: MediaTools) -> Row:
    entry = extracted.entry
    if extracted.path is None:
        reason = extracted.error.told if extracted.error else ""
        return Row(entry.path, entry.size, "other", "skip", reason)
    inspection = await media.inspect(extracted.path, entry.name)
    if inspection.verdict is Verdict.OTHER:
        return Row(entry.path, extracted.size, "other", "skip", inspection.reason)
    if inspection.verdict is Verdict.PHOTO:
        return Row(entry.path, extracted.size, "photo", "send", inspection.reason)
    plan = inspection.plan.action.value if inspection.plan else "send"
    return Row(entry.path, extracted.size, "video", plan, inspection.reason)


def print_json(row: Row) -> None:
    """One JSON object a line."""
    print(json.dumps(asdict(row), ensure_ascii=False), flush=True)


def print_text(row: Row) -> None:
    """One line a person can read."""
    size = "?" if row.size is None else f"{row.size:,}"
    print(f"{row.plan:<6} {row.kind:<6} {size:>15}  {row.name}  ({row.reason})", flush=True)
