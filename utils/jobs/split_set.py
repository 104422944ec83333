"""The volumes of one split archive that somebody sends in several messages, as one job collects them."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property

from utils.archives import Volume, volume_of
from utils.archives.volumes import in_set
from utils.jobs import lines
from utils.jobs.intake import Incoming
from utils.jobs.record import JobRecord

#: Seconds that a set waits at least once that is begun: it may have stood in a queue until then, or its
#: volumes may have come while the bot was away.
GRACE = 60.0

_PART = re.compile(r"(?i)\.part\d+(?=\.(?:rar|exe)$)")
_NUMBERED = re.compile(r"(?i)\.([r-z])\d{2,3}$")


class SplitSet:
    """What came of one job's archive so far: at first one file, which may turn out to be all of it.

    ``write`` journals lines of the job and takes them into ``record``; ``wait`` is in seconds from the
    newest volume on; ``clock`` gives Unix times.
    """

    def __init__(
        self,
        record: JobRecord,
        write: Callable[[lines.Volume], Awaitable[None]],
        *,
        wait: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._record = record
        self._write = write
        self._clock = clock
        self._items: list[Incoming] = [record.origin, *record.volumes]
        self._wait = wait
        self._until = max([record.origin.date, *(volume.date for volume in record.volumes)]) + wait
        self._opened = 0
        self._over = False
        #: Whether a file of the set has the number of a volume in its name.
        self.numbered = any(volume_of(item.name) for item in self._items)

    @cached_property
    def _came(self) -> asyncio.Event:
        return asyncio.Event()

    @property
    def items(self) -> Sequence[Incoming]:
        """The files that came, in the order in which they did."""
        return tuple(self._items)

    def take(self) -> Sequence[Incoming]:
        """The same, to be opened: :meth:`more` waits for what comes afterwards."""
        self._opened = len(self._items)
        return self.items

    def has(self, item: Incoming) -> bool:
        """Whether ``item`` is in the set already: the same message, or the same volume sent twice."""
        is_volume = volume_of(item.name) is not None
        return any(
            known.job == item.job
            or (is_volume and (known.document, known.name) == (item.document, item.name))
            for known in self._items
            if (known.chat, known.sender) == (item.chat, item.sender)
        )

    def wants(self, item: Incoming) -> bool:
        """Whether ``item`` is another volume of the set: same chat, same person, a number not there yet."""
        first, record = self._items[0], self._record
        if self._over or record.extracted or record.failed or record.cancelled:
            return False
        if (item.chat, item.sender) != (first.chat, first.sender):
            return False
        known = _volumes([known.name for known in (*self._items, item)])
        volume = known.pop() if known else None
        return bool(known) and volume is not None and all(_fits(volume, other) for other in known)

    async def add(self, item: Incoming) -> None:
        """Take another volume in; it is in the journal when this returns."""
        self._items.append(item)
        self.numbered = self.numbered or volume_of(item.name) is not None
        now = self._clock()
        self._until = now + self._wait
        try:
            await self._write(lines.Volume.of(item, date=now))
        except BaseException:
            self._items.remove(item)
            raise
        self._came.set()

    @property
    def left(self) -> float:
        """Seconds that :meth:`more` would wait."""
        return max(self._until - self._clock(), min(GRACE, self._wait))

    async def more(self) -> bool:
        """Wait for a volume that was not there at the last :meth:`take`; False when the time is over."""
        self._until = max(self._until, self._clock() + min(GRACE, self._wait))
        while len(self._items) <= self._opened:
            left = self._until - self._clock()
            if left <= 0:
                self._over = True
                return False
            self._came.clear()
            try:
                await asyncio.wait_for(self._came.wait(), left)
            except TimeoutError:
                continue
        return True


def set_title(name: str) -> str:
    """What the whole archive is called that ``name`` is a volume of: "a.7z" for "a.7z.001"."""
    if (match := _NUMBERED.search(name)) is not None:
        return f"{name[: match.start()]}.{'zip' if match[1] in 'zZ' else 'rar'}"
    joined = _PART.sub("", name)
    return joined if joined != name else name.rpartition(".")[0]


def _volumes(names: Sequence[str]) -> list[Volume | None]:
    """Which volume each name is; what is by itself until another says otherwise counts, too."""
    said = [volume for name in names if (volume := volume_of(name))]
    return [in_set(name, said) for name in names]


def _fits(volume: Volume, other: Volume | None) -> bool:
    return other is not None and other.set_name == volume.set_name and other.number != volume.number
