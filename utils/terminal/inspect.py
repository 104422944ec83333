"""``inspect ARCHIVE``: what the bot would send, and how, by the same code and without Telegram."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from utils.archives import (
    ArchiveReader,
    Entry,
    Extracted,
    FileSource,
    Limits,
    Order,
    looks_like_archive,
    open_archive,
)
from utils.archives.exit_code import ExitCode, exit_code
from utils.archives.volumes import in_set, volume_of
from utils.errors import ArchiveError, BotError, MediaError, NotAnArchive, ProgramKilled, StorageError
from utils.jobs.albums import LIVE_SECONDS
from utils.media import Choice, Kind, MediaTools, Verdict, kind_of
from utils.terminal.bars import Bar
from utils.terminal.films import Films

#: Bytes that are looked at to say what a file is.
HEAD = 4096
#: Signals after which everything is cleaned up before the end.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Row:
    """One entry. ``kind``: photo, video, music, document, other; ``plan``: send, remux, audio, full, skip."""

    name: str
    size: int | None
    kind: str
    plan: str
    reason: str


async def inspect_archive(
    path: Path,
    *,
    passwords: Sequence[str],
    limits: Limits,
    media: MediaTools,
    choice: Choice,
    show: Callable[[Row], None],
    bar: Bar,
    order: Order,
) -> int:
    """Give ``show`` a row for each entry of the archive ``path``, in that ``order``; returns the exit code.

    Of a split archive the other volumes are looked for in the same folder. Entries are taken out, looked
    at, and deleted, also when a signal ends this. An error is told on standard error.
    """
    stopped: list[signal.Signals] = []
    with _cancelled_by_signals(stopped):
        try:
            inspection = _Inspection(media, choice, show, bar)
            return await _inspect_archive(path, passwords, limits, order, inspection)
        except asyncio.CancelledError:
            if not stopped:
                raise
            return 128 + stopped[0]
        finally:
            await media.close()


@contextlib.contextmanager
def _cancelled_by_signals(stopped: list[signal.Signals]) -> Iterator[None]:
    """Cancel the current task on a signal that would end the process; it is put into ``stopped``."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def stop(number: signal.Signals) -> None:
        if not stopped:
            stopped.append(number)
            task.cancel()

    # One that is ignored, as SIGHUP under nohup, stays so.
    numbers = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def _inspect_archive(
    path: Path, passwords: Sequence[str], limits: Limits, order: Order, inspection: _Inspection
) -> int:
    with tempfile.TemporaryDirectory(prefix="inspect-") as folder:
        error = None
        try:
            sources = [FileSource(volume) for volume in await asyncio.to_thread(volumes_of, path)]
            if not await looks_like_archive(FileSource(path)):
                raise NotAnArchive("this is no archive that I know.")
            scratch = Path(folder) / "scratch"
            reader = await open_archive(
                sources, scratch=scratch, limits=limits, passwords=passwords, order=order
            )
            try:
                await inspection.show_entries(reader, Path(folder))
            finally:
                await reader.close()
        except (ArchiveError, ProgramKilled, StorageError) as caught:
            error = caught
            print(f"❌ {path.name}: {error.told}", file=sys.stderr)
        except BrokenPipeError:
            raise  # nobody reads the rows any more, which ends every command alike
        except OSError as caught:
            print(f"❌ {path.name}: it cannot be read ({caught.strerror}).", file=sys.stderr)
            return ExitCode.DAMAGED
        return exit_code(error, inspection.errors)


def volumes_of(path: Path) -> list[Path]:
    """``path`` and what lies beside it of the same set, if it is a volume of one. Blocking."""
    try:
        names = sorted(file.name for file in path.absolute().parent.iterdir() if file.is_file())
    except PermissionError:  # a file can be read although nobody may look into its folder
        names = [path.name]
    said = [volume for name in names if (volume := volume_of(name))]
    own = in_set(path.name, said)
    if own is None:
        return [path]
    found = {own.number: path}
    for name in names:
        volume = in_set(name, said)
        if volume is not None and (volume.set_name, volume.scheme) == (own.set_name, own.scheme):
            found.setdefault(volume.number, path.with_name(name))
    return list(found.values())


class _Inspection:
    """What was found in one archive; ``errors`` are those of single entries."""

    def __init__(self, media: MediaTools, choice: Choice, show: Callable[[Row], None], bar: Bar) -> None:
        self._media = media
        self._choice = choice
        #: By key, what would be sent as it is, and whether that may be music.
        self._untouched: dict[str, bool] = {}
        self._show_row = show
        self._bar = bar
        self._films = Films()
        self._listed: int | None = None
        self._shown = 0
        self.errors: list[BotError] = []

    async def show_entries(self, reader: ArchiveReader, folder: Path) -> None:
        """Show a row for each entry; what is taken out is for a moment in ``folder``."""
        self._listed = None if reader.listing is None else len(reader.listing)
        self._bar.show(0, self._listed)
        try:
            await self._show_entries(reader, folder)
        finally:
            self._bar.end()

    async def _show_entries(self, reader: ArchiveReader, folder: Path) -> None:
        # Several entries are on their way at once.
        numbers = itertools.count(1)
        async for extracted in reader.extract(self._accept, lambda _: folder / f"entry-{next(numbers)}"):
            if extracted.error is not None:
                self.errors.append(extracted.error)
            for row in await self._rows(extracted):
                self._show(row)
            if extracted.path is not None:
                await asyncio.to_thread(extracted.path.unlink)

    def _show(self, row: Row) -> None:
        with self._bar.aside():
            self._show_row(row)
        self._shown += 1
        # What is in archives in the archive is not listed.
        self._bar.show(self._shown, None if self._listed is None else max(self._listed, self._shown))

    def _accept(self, entry: Entry, head: bytes) -> bool:
        kind = kind_of(head, entry.name)
        wanted = self._choice.wants(kind)
        if wanted and self._choice.untouched(kind):
            self._untouched[entry.key] = self._choice.may_be_music(head, entry.name)
        if not wanted:
            self._show(Row(entry.path, entry.size, "other", "skip", "It is neither a picture nor a video."))
        return wanted

    async def _rows(self, extracted: Extracted) -> list[Row]:
        """That of the entry, and that of a film in it."""
        path, film = extracted.path, None
        if path is not None and extracted.size and extracted.entry.key not in self._untouched:
            film = path.with_suffix(".film")
            film = film if await self._has_film(extracted.entry, path, film) else None
        row = await self._row(extracted)
        if film is None or path is None:
            return [row]
        name, size = f"{extracted.entry.path} (film)", (await asyncio.to_thread(film.stat)).st_size
        inspection = await self._media.inspect(film, "film.mp4")
        await asyncio.to_thread(film.unlink)
        plan = inspection.plan.action.value if inspection.plan else "send"
        if inspection.plan is None or inspection.duration > LIVE_SECONDS or row.kind != "photo":
            return [row, Row(name, size, "video" if inspection.plan else "document", plan, inspection.reason)]
        reason = f"{inspection.reason} It comes as a live photo, with {extracted.entry.name}."
        return [row, Row(name, size, "video", plan, reason)]

    async def _has_film(self, entry: Entry, path: Path, film: Path) -> bool:
        """Whether the picture ``path`` has one, which is now in ``film``; a video is none."""
        with path.open("rb") as file:  # noqa: ASYNC230 - a few bytes that were just written
            head = file.read(HEAD)
        return kind_of(head, entry.name) is Kind.PHOTO and await self._media.take_film(path, film)

    async def _row(self, extracted: Extracted) -> Row:
        entry = extracted.entry
        if extracted.path is None:
            reason = extracted.error.told if extracted.error else ""
            return Row(entry.path, entry.size, "other", "skip", reason)
        if not extracted.size:
            return Row(entry.path, 0, "other", "skip", "It is empty, and Telegram takes no empty files.")
        if entry.key in self._untouched:
            return await self._row_of_untouched(extracted, extracted.path)
        try:
            seen = await self._media.first_look(extracted.path, entry.name)
            inspection = await self._media.inspect(extracted.path, entry.name, seen)
            if inspection.verdict is Verdict.PHOTO:
                note = await self._note(extracted.path) or inspection.reason
                note += self._with_half(entry, "photo", 0.0, seen.pair)
                return Row(entry.path, extracted.size, "photo", "send", note)
        except MediaError as error:
            return Row(entry.path, extracted.size, "document", "send", error.told)
        if inspection.verdict is Verdict.MUSIC:
            return Row(entry.path, extracted.size, "music", "send", inspection.reason)
        if inspection.verdict is Verdict.OTHER:
            return Row(entry.path, extracted.size, "document", "send", inspection.reason)
        plan = inspection.plan.action.value if inspection.plan else "send"
        reason = inspection.reason + self._with_half(entry, "video", inspection.duration, seen.pair)
        return Row(entry.path, extracted.size, "video", plan, reason)

    def _with_half(self, entry: Entry, kind: Literal["photo", "video"], duration: float, pair: str) -> str:
        """What is said of it if a picture and a film belong together, of the one that comes second."""
        other = self._films.other_half(entry, kind, duration, pair)
        return f" It comes as a live photo, with {other.rpartition('/')[2]}." if other else ""

    async def _row_of_untouched(self, extracted: Extracted, path: Path) -> Row:
        entry, kind = extracted.entry, "document"
        if self._untouched.pop(entry.key):
            music = await self._media.describe_music(path, path.with_suffix(".cover"))
            kind = "music" if music else kind
            if music and music.cover:
                await asyncio.to_thread(music.cover.unlink)
        return Row(entry.path, extracted.size, kind, "send", "It comes as it is.")

    async def _note(self, path: Path) -> str:
        """What would be changed about a picture. Raises NotMedia when it cannot be read after all."""
        photo = await self._media.prepare_photo(path, path.with_suffix(".photo"))
        if photo.path != path:
            await asyncio.to_thread(photo.path.unlink)
        notes = [photo.note, f"It comes as {photo.parts} {photo.part_name}s." if photo.parts > 1 else ""]
        for part in range(1, photo.parts):
            try:
                other = await self._media.prepare_photo(path, path.with_suffix(".photo"), part)
                await asyncio.to_thread(other.path.unlink)
            except MediaError as error:
                notes.append(photo.without(part, error))
        return " ".join(filter(None, notes))


def print_json(row: Row) -> None:
    """One JSON object a line."""
    print(json.dumps(asdict(row), ensure_ascii=False), flush=True)


def print_text(row: Row) -> None:
    """One line a person can read."""
    size = "?" if row.size is None else f"{row.size:,}"
    print(f"{row.plan:<6} {row.kind:<6} {size:>15}  {row.name}  ({row.reason})", flush=True)
