"""Going on where an earlier process, if there was one, left a job."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from utils.jobs import lines
from utils.jobs.journal import JobJournal
from utils.jobs.media_files import size_of
from utils.jobs.record import JobRecord
from utils.jobs.sending import Sending


async def take_up(
    journal: JobJournal,
    files: Path,
    *,
    boot: str,
    sending: Sending,
    convert: Callable[[int], Awaitable[None]],
) -> None:
    """Sort out what is in the folder ``files``; send, or ``convert``, what was on its way.

    ``boot`` identifies the machine's current run.
    """
    record = journal.record
    doubtful = await asyncio.to_thread(doubtful_files, record, files, boot)
    await journal.write(*(lines.Drop(number) for number in doubtful), lines.Run(boot))
    await asyncio.to_thread(_sweep, record, files)
    under_way: set[int] = set()
    for key, numbers in record.in_doubt().items():
        if not under_way & set(numbers):
            under_way |= set(numbers)
            await sending.put(tuple(record.to_send(number) for number in numbers), key)
    done = under_way | record.delivered
    for number in sorted(record.files.keys() - done):
        if record.whole_of(number) == number:
            await sending.add(record.files[number])
        else:
            await sending.put((record.files[number],))
    for number in sorted(record.deferred.keys() - done - record.wholes.keys()):
        if number in record.converted or number in record.unconvertible:
            await sending.put_by_itself(record.to_send(number))
        else:
            await convert(number)


def doubtful_files(record: JobRecord, files: Path, boot: str) -> list[int]:
    """Files of which a crash may have left something else than the journal says. Blocking.

    A killed process loses nothing that it wrote. A machine that lost its power may have, so what was
    written before it started is not trusted, except videos to convert, which were fsynced.
    """
    # Parts were fsynced before they were journaled, and what they were made of may be gone.
    parts = {number for numbers in record.parts.values() for number in numbers}
    in_doubt = {number for numbers in record.in_doubt().values() for number in numbers}
    safe = record.delivered | in_doubt | record.wholes.keys() | parts
    rebooted = record.boot != boot
    return [
        number
        for number, file in {**record.files, **record.deferred, **record.converted}.items()
        if number not in safe
        and ((number in record.files and rebooted) or size_of(files / file.path) != file.size)
    ]


def _sweep(record: JobRecord, files: Path) -> None:
    """Remove what an extraction that was cut off left behind. Blocking."""
    known = record.paths()
    for path in files.iterdir():
        if path.name in known:
            continue
        # A film that was being converted along with its picture has a folder.
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
