"""What a piece costs where there are few, ten times and a hundred times as many: it must stay about the same.

CPU of this process a piece (microseconds; the smallest of some rounds), for n, 10 n and 100 n jobs that wait,
files of one archive, entries of one ZIP, conversions, messages seen, files in quarantine, lines of the log.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import logging
import tempfile
import time
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from utils.archives import Entry, FileSource, Limits, open_archive
from utils.conversion_state import IN_PROGRESS, PENDING, ConversionStateManager
from utils.jobs import lines
from utils.jobs.albums import MediaFile
from utils.jobs.building import Work
from utils.jobs.gate import Gate
from utils.jobs.intake import Incoming, Peer, Seen
from utils.jobs.journal import decode, encode
from utils.jobs.listing import films_in, is_grouped, videos_in
from utils.jobs.live import Live
from utils.jobs.marks import Marks
from utils.jobs.medium import Medium
from utils.jobs.ordering import order_by_name
from utils.jobs.record import JobRecord
from utils.jobs.shelf import Shelf
from utils.jobs.split_set import SplitSet
from utils.jobs.status_text import status_text
from utils.jobs.steps import Steps
from utils.queue_manager import ConversionTask, QueueManager
from utils.storage.atomic import set_aside
from utils.storage.quarantine import Quarantine
from utils.terminal.logs import start_logging

MOST = 1.3
#: Files between two looks at a status: five seconds of small photos.
LOOK_EACH = 250


def _item(number: int) -> Incoming:
    return Incoming(Peer("user", 7), 7, number, f"{number}.zip", 1000, number, "")


def _live(record: JobRecord, queue: QueueManager) -> Live:
    return Live(record, queue, {}, Steps(Marks(Path("none")), Gate(), "a.zip"))


async def _no_write(_: lines.Line) -> None:
    return None


async def _no_conversion(_: ConversionTask) -> None:
    return None


async def jobs(_: Path, count: int) -> None:
    """One chat sends so many archives; each status is looked at once while they stand in line."""
    shelf, queue = Shelf(), QueueManager(_no_conversion)
    running = []

    async def wait(job: str) -> None:
        async with queue.upload(7, job):
            await asyncio.sleep(0)

    works = []
    for number in range(count):
        item = _item(number)
        assert not any(work.split.wants(item) for work in shelf.sets_for(item))
        assert next(shelf.of_file(item, ""), None) is None
        record = JobRecord.of([lines.Origin.of(item, date=1.0)])
        job = SimpleNamespace(id=item.job, record=record, name=item.name)
        work = SimpleNamespace(job=job, split=SplitSet(record, _no_write, wait=60))
        shelf.put(cast(Work, work))
        works.append(work)
        running.append(asyncio.create_task(wait(item.job)))
        live = _live(record, queue)
        await asyncio.sleep(0)
        status_text(live.look(item.job, item.name))
    await asyncio.gather(*running)
    for work in works:
        shelf.remove(cast(Work, work))


async def files(_: Path, count: int) -> None:
    """The journal of an archive with so many photos, written and read again, and its status."""
    queue = QueueManager(_no_conversion)
    record, again = (JobRecord.of([lines.Origin.of(_item(1), date=1.0)]) for _ in range(2))
    live = _live(record, queue)
    await live.opened([Entry(str(n), f"{n}.jpg", 20_000) for n in range(count)])
    for begin in range(0, count, 10):
        numbers = tuple(range(begin, min(count, begin + 10)))
        key = f"album-{begin}"
        story: list[lines.Line] = [
            lines.File(MediaFile(n, str(n), f"{n}.jpg", "", "photo", f"{n:06d}", 20_000)) for n in numbers
        ]
        story += [lines.Media(n, Medium("photo", n, n, b"reference")) for n in numbers]
        story += [lines.Announce(key, numbers, numbers), lines.Sent(key, numbers, numbers)]
        for line in story:
            record.apply(line)
            read = decode(encode(line))
            assert read is not None
            again.apply(read)
        if begin % LOOK_EACH == 0:
            status_text(live.look("7_1", "1.zip"))
            record.settled()


async def entries(folder: Path, count: int) -> None:
    """A ZIP with so many entries is opened, and its entries are put in order."""
    path = folder / f"{count}.zip"
    if not path.exists():
        with zipfile.ZipFile(path, "w") as archive:
            for number in range(count):
                archive.writestr(f"trip/IMG_{number}.jpg", b"")
    reader = await open_archive(
        FileSource(path), scratch=folder, limits=Limits(), passwords=(), order=order_by_name
    )
    listing = reader.listing or ()
    assert len(listing) == count
    films_in(listing), videos_in(listing), is_grouped(listing)
    record = JobRecord.of([lines.Origin.of(_item(1), date=1.0)])
    await _live(record, QueueManager(_no_conversion)).opened(listing)
    await reader.close()


async def conversions(folder: Path, count: int) -> None:
    """So many videos are deferred, converted and forgotten; the status is looked at meanwhile."""
    state_file = folder / f"{time.monotonic_ns()}" / "conversion_state.json"
    states = ConversionStateManager(state_file)
    queue = QueueManager(_no_conversion)
    record = JobRecord.of([lines.Origin.of(_item(1), date=1.0)])
    live = _live(record, queue)
    paths = [folder / f"{number:06d}" for number in range(count)]
    details = {"name": "film.avi", "job": "7_1"}
    for number, path in enumerate(paths):
        video = MediaFile(number, str(number), "film.avi", "", "document", path.name, 20_000)
        record.apply(lines.Defer(video, 1.0))
        states.save_state(path, PENDING, 0, path, details={**details, "number": number})
        queue.add_conversion("7_1", number, float(number % 10))
    for number, path in enumerate(paths):
        states.save_state(path, IN_PROGRESS, 0, path)
        states.mark_completed(path)
        record.apply(lines.Sent(f"album-{number}", (number,), (number,)))
        if number % 10 == 0:
            status_text(live.look("7_1", "1.zip"))
            record.settled()
    states.flush()


async def seen(folder: Path, count: int) -> None:
    """So many messages are taken, and delivered, and known after a start."""
    path = folder / f"{time.monotonic_ns()}.jsonl"
    taken = Seen(path)
    taken.open()
    for number in range(count):
        item = _item(number)
        assert not taken.has(item.job) and taken.delivered_before(item) is None
        await taken.add(item)
        await taken.add_delivered(item, f"{number:064d}")
    Seen(path).open()


async def quarantine(folder: Path, count: int) -> None:
    """So many files are set aside, and the owner looks once."""
    place = folder / f"{time.monotonic_ns()}"
    for number in range(count):
        path = folder / f"{number}.bin"
        path.write_bytes(b"x")  # noqa: ASYNC240
        set_aside(path, place, "It is damaged.")
    assert len(Quarantine(place, folder, 30).entries()) == count


async def log(folder: Path, count: int) -> None:
    """So many lines are written to the log."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    listener = start_logging(folder / f"{time.monotonic_ns()}.log")
    # Not on the terminal.
    listener.handlers = tuple(one for one in listener.handlers if isinstance(one, logging.FileHandler))
    for number in range(count):
        root.info("📤 Uploading %d photos as album...", number)
    listener.stop()
    root.handlers, root.level = before, level


Case = Callable[[Path, int], Awaitable[None]]
#: Each with how many there are at first.
CASES: dict[str, tuple[Case, int]] = {
    "jobs": (jobs, 10),
    "files": (files, 500),
    "entries": (entries, 300),
    "conversions": (conversions, 20),
    "seen": (seen, 20),
    "quarantine": (quarantine, 10),
    "log": (log, 200),
}


async def cost(case: Case, folder: Path, count: int, rounds: int) -> float:
    """Microseconds of CPU a piece."""
    found = []
    for _ in range(rounds):
        gc.collect()
        before = time.process_time()
        await case(folder, count)
        found.append(time.process_time() - before)
    return 1e6 * min(found) / count


async def run(options: argparse.Namespace) -> int:
    good = True
    print(f"{'':<12}" + "".join(f"{label:>12}" for label in ("n", "n", "10 n", "100 n", "most")))
    with tempfile.TemporaryDirectory(prefix="growth-") as name:
        for case in options.cases:
            work, first = CASES[case]
            first = max(1, round(first * options.scale))
            costs = [
                await cost(work, Path(name), first * times, rounds)
                for times, rounds in zip((1, 10, 100), (10, 3, 2), strict=True)
            ]
            worst = max(later / earlier for earlier, later in itertools.combinations(costs, 2))
            good &= worst <= MOST
            figures = "".join(f"{one:12.1f}" for one in costs)
            print(
                f"{case:<12}{first:12d}{figures}{worst:12.2f} {'' if worst <= MOST else 'MISSED'}", flush=True
            )
    return 0 if good else 1


def main(arguments: list[str]) -> int:
    """``python -m benchmarks growth``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks growth", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of how many there are")
    parser.add_argument(
        "--cases", type=lambda text: text.split(","), default=list(CASES), help=",".join(CASES)
    )
    return asyncio.run(run(parser.parse_args(arguments)))
