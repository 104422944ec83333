"""What comes out of an archive, on its way."""

from __future__ import annotations

from dataclasses import dataclass

from utils.archives import Extracted
from utils.jobs.albums import MediaFile


@dataclass(frozen=True)
class Taken:
    """An entry that came out of the archive, and the ``file`` to be sent, or converted at that ``cost``.

    ``more`` are the other files that were made of it, and ``film`` was in it.
    """

    extracted: Extracted
    file: MediaFile | None = None
    cost: float | None = None
    more: tuple[MediaFile, ...] = ()
    film: Taken | None = None
