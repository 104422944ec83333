"""What an archive may cost: decided from figures before anything is written, and counted while it is."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from utils.constants import Settings
from utils.errors import LimitExceeded, NoRoom
from utils.texts import Text

MB = 1_000_000
#: Free disk is looked at again each time so many bytes were written, or sooner: after a part of what is left,
#: since others write meanwhile.
LOOK_AGAIN, PART_OF_REST = 16 * MB, 8


def free_bytes(folder: Path) -> int:
    """Free bytes on the disk that holds ``folder``."""
    return shutil.disk_usage(folder).free


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes. ``max_ratio`` counts from ``ratio_from`` bytes of content on.

    ``timeout`` is how many seconds 7-Zip may stand still. ``read_ahead`` is how many bytes of wanted
    entries may be written before the consumer asks for them (0: not one is begun before).
    """

    max_entries: int = 50_000
    max_total: int = 100_000 * MB
    max_ratio: int = 250
    max_file: int = 20_000 * MB
    max_depth: int = 3
    disk_reserve: int = 500 * MB
    ratio_from: int = 100 * MB
    read_ahead: int = 8 * MB
    timeout: float = 1800.0
    free: Callable[[Path], int] = field(default=free_bytes, compare=False)

    @classmethod
    def from_settings(cls, settings: Settings) -> Limits:
        """As the owner has set them."""
        return cls(
            max_entries=settings.ARCHIVE_MAX_ENTRIES,
            max_total=settings.ARCHIVE_MAX_TOTAL_MB * MB,
            max_ratio=settings.ARCHIVE_MAX_RATIO,
            max_file=settings.ARCHIVE_MAX_FILE_MB * MB,
            max_depth=settings.ARCHIVE_MAX_DEPTH,
            disk_reserve=settings.DISK_RESERVE_MB * MB,
            # Little beside what may wait to be sent, as both are on the disk.
            read_ahead=min(cls.read_ahead, settings.SPOOL_LIMIT_MB * MB // 8),
            timeout=settings.COMPRESSION_TIMEOUT_SECONDS,
        )


#: Bytes of a table of contents for each entry that the limit allows: the bot holds all of it.
ENTRY_BYTES = 320


class FileTooLarge(LimitExceeded):
    """One entry exceeds the limit of a single file; the others may go on."""


def megabytes(size: float) -> Text:
    """``size`` in bytes as a person reads it."""
    size /= MB
    return Text("{size:,.1f} MB", size=size) if size < 100 else Text("{size:,.0f} MB", size=size)


def _no_room(size: int, available: int, reserve: int) -> Text:
    """That ``size`` bytes do not fit; of what grows as it comes it is not known how many they are (0)."""
    needed, left, kept = megabytes(size), megabytes(available), megabytes(reserve)
    if available > 0 and size:
        return Text(
            "{needed} of disk are needed, but only {left} may be used ({kept} are kept free).",
            needed=needed,
            left=left,
            kept=kept,
        )
    if available > 0:
        return Text(
            "more of the disk is needed, but only {left} may be used ({kept} are kept free).",
            left=left,
            kept=kept,
        )
    if size:
        return Text(
            "{needed} of disk are needed, but nothing more may be used ({kept} are kept free).",
            needed=needed,
            kept=kept,
        )
    return Text("more of the disk is needed, but nothing more may be used ({kept} are kept free).", kept=kept)


def check_table(size: int, limits: Limits) -> None:
    """Raise LimitExceeded when a table of contents of ``size`` bytes is more than its entries can need."""
    if size > limits.max_entries * ENTRY_BYTES:
        raise LimitExceeded(
            Text("its table of contents is larger than {count:,} entries can need.", count=limits.max_entries)
        )


class Budget:
    """What one archive, with all that is nested in it, has used of its :class:`Limits`.

    ``packed`` is the size of the outermost archive in bytes. Safe to use from several threads.
    """

    def __init__(self, limits: Limits, packed: int) -> None:
        self.limits = limits
        self.packed = packed
        self.entries = 0
        self.admitted = 0
        self.decoded = 0
        #: Bytes that may come out until the disk is looked at again.
        self._until_look = LOOK_AGAIN
        self._lock = threading.Lock()

    def add_entries(self, count: int) -> None:
        """``count`` more entries were found. Raises LimitExceeded."""
        if self.entries + count > self.limits.max_entries:
            raise LimitExceeded(
                Text("it has more than {count:,} entries, which is the limit.", count=self.limits.max_entries)
            )
        self.entries += count

    def check_content(self, size: int) -> None:
        """A listing says that ``size`` bytes come out of the archive. Raises LimitExceeded."""
        limits = self.limits
        if size > limits.ratio_from and size > limits.max_ratio * max(1, self.packed):
            raise LimitExceeded(
                Text(
                    "its content would be {size} from {packed}, more than {times} times its size: it "
                    "looks like a trap.",
                    size=megabytes(size),
                    packed=megabytes(self.packed),
                    times=limits.max_ratio,
                )
            )

    def admit(self, size: int, folder: Path) -> None:
        """An entry of ``size`` bytes is about to be written to ``folder``.

        Raises FileTooLarge, LimitExceeded and NoRoom.
        """
        self.check_file(size)
        with self._lock:
            self._add(size)
        try:
            self.check_disk(size, folder)
        except NoRoom:
            with self._lock:
                self.admitted -= size
            raise

    def check_file(self, size: int) -> None:
        """Raise FileTooLarge when a file of ``size`` bytes is too large."""
        if size > self.limits.max_file:
            raise FileTooLarge(
                Text(
                    "it has at least {size} unpacked, the limit of one file is {limit}.",
                    size=megabytes(size),
                    limit=megabytes(self.limits.max_file),
                )
            )

    def check_disk(self, size: int, folder: Path) -> None:
        """Raise NoRoom, with the figures, unless ``size`` bytes fit into ``folder``; 0: it is not full."""
        available = self.limits.free(folder) - self.limits.disk_reserve
        if size > available:
            raise NoRoom(_no_room(size, available, self.limits.disk_reserve))
        with self._lock:
            self._until_look = min(LOOK_AGAIN, (available - size) // PART_OF_REST)

    def grow(self, size: int) -> None:
        """``size`` bytes more than an entry had announced. Raises LimitExceeded."""
        with self._lock:
            self._add(size)

    def decode(self, size: int, folder: Path) -> None:
        """``size`` bytes really came out; they may be on their way to ``folder``. Raises as the above."""
        with self._lock:
            self.decoded += size
            self._until_look -= size
            look = self._until_look <= 0
        self.check_content(self.decoded)
        if look:
            self.check_disk(0, folder)

    def _add(self, size: int) -> None:
        self.admitted += size
        if self.admitted > self.limits.max_total:
            raise LimitExceeded(
                Text(
                    "what is taken out would exceed {limit}, which is the limit.",
                    limit=megabytes(self.limits.max_total),
                )
            )
