"""A look into an archive before anything is taken out: its first pictures, on one."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path

from utils.archives import ArchiveReader, Entry, Previews
from utils.errors import ArchiveError, DiskFull, PassedOver
from utils.jobs.media_files import Media
from utils.jobs.steps import Steps
from utils.media import Kind, kind_by_name
from utils.storage.workspace import Workspace, disk_errors
from utils.texts import Text

log = logging.getLogger(__name__)

#: Pictures that are shown at most, bytes that they may have together, and one of them if others are smaller.
PICTURES, BYTES, LARGEST = 12, 10_000_000, 3_000_000

#: Seconds that fetching them may take; what is there by then is shown.
SECONDS = 8.0

#: What the picture of them is called in the job's folder.
NAME = "preview"


def first_pictures(listing: Sequence[Entry]) -> list[Entry]:
    """Those of ``listing`` that are shown."""
    pictures = [entry for entry in listing if entry.size and kind_by_name(entry.name) is Kind.PHOTO]
    found: list[Entry] = []
    for entry in [entry for entry in pictures if (entry.size or 0) <= LARGEST] or pictures:
        if sum(one.size or 0 for one in (*found, entry)) <= BYTES:
            found.append(entry)
        if len(found) == PICTURES:
            break
    return found


async def preview_of(reader: ArchiveReader, workspace: Workspace, media: Media, steps: Steps) -> str:
    """The name of a file with a picture of what is in it; "" where there is none."""
    wanted = [entry.key for entry in first_pictures(reader.listing or ())]
    if not wanted or not isinstance(reader, Previews):
        return ""
    folder = workspace.scratch / NAME
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    try:
        async with steps.of("preview", Text("looking into it")):
            with disk_errors():
                paths = await _take(reader, wanted, folder)
                made = await media.contact_sheet(paths, workspace.files / NAME)
    except (ArchiveError, DiskFull, PassedOver) as error:
        # It is asked without; what is wrong is told when it is in the way.
        log.info("No preview: %s", error.told)
        made = False
    return NAME if made else ""


async def _take(reader: Previews, wanted: Sequence[str], folder: Path) -> list[Path]:
    found: dict[str, Path] = {}
    left = set(wanted)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            async with contextlib.aclosing(reader.some(wanted, lambda entry: folder / entry.key)) as entries:
                async for extracted in entries:
                    left.discard(extracted.entry.key)
                    if extracted.path is not None:
                        found[extracted.entry.key] = extracted.path
                    if not left:
                        break
    return [found[key] for key in wanted if key in found]
