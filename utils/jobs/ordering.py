"""In which order the entries of an archive are taken out, where it can be chosen. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from utils.archives import Order
from utils.archives.names import natural_order
from utils.jobs.albums import stem_of
from utils.jobs.sidecars import is_sidecar
from utils.media import Kind, clock, kind_by_name, on_the_wall

#: IMG_20240612_101500, PXL_20240612_101500123, 2024-06-12 10.15.00, IMG-20240612-WA0001.
_DATED = re.compile(
    r"(?<!\d)((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)"
    r"(?:(?:[-_ .T]|_?at[ _]?| at )?(\d\d)[-_.:h]?(\d\d)[-_.:m]?(\d\d)(?:\d{3})?)?(?!\d)",
    re.IGNORECASE,
)
#: Milliseconds since 1970, as some programs name what they save.
_STAMPED = re.compile(r"(?<!\d)(1\d{12})(?!\d)")


def date_in_name(name: str) -> float:
    """When a file was made by its ``name`` (see :mod:`utils.media.moments`); 0: that does not say."""
    for found in _DATED.finditer(name):
        year, _, *rest = found.groups()
        if taken := clock(int(year), *(int(part or 0) for part in rest)):
            return taken
    stamped = _STAMPED.search(name)
    if stamped is None:
        return 0.0
    return on_the_wall(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(stamped[1])))


def order_of(setting: str) -> Order:
    """What ``ORDER`` asks for."""
    return order_by_date if setting == "date" else order_by_name


def order_by_name(paths: Sequence[str], times: Sequence[float]) -> list[int]:
    """Indices so that each folder's files stand together in natural order, notes about the others first."""
    return _in_folders(paths, [()] * len(paths))


def order_by_date(paths: Sequence[str], times: Sequence[float]) -> list[int]:
    """The same by when files were made, as far as their names or else the archive's ``times`` say.

    A picture and its film, which have the same name, stay together. What has no date comes last, by name.
    """
    named = zip(paths, times, strict=True)
    made = [date_in_name(path.rpartition("/")[2]) or known_time(at) for path, at in named]
    first: dict[str, float] = {}
    for path, at in zip(paths, made, strict=True):
        if at:
            first[stem_of(path)] = min(at, first.get(stem_of(path), at))
    return _in_folders(paths, [(first.get(stem_of(path), float("inf")),) for path in paths])


def known_time(at: float) -> float:
    """The time ``at`` of a file in an archive, if it can be one."""
    try:
        return clock(*datetime.fromtimestamp(at, UTC).timetuple()[:6]) if at else 0.0
    except (ValueError, OverflowError, OSError):
        return 0.0


def _in_folders(paths: Sequence[str], keys: Sequence[tuple[float, ...]]) -> list[int]:
    order = natural_order(paths, lambda index: (not is_sidecar(paths[index].rpartition("/")[2]), keys[index]))
    return _stills_first(paths, order)


def _stills_first(paths: Sequence[str], order: Sequence[int]) -> list[int]:
    """``order`` with the picture of a video's name in front of that, as it may be its cover, or its still."""
    names = {
        index: (folder, stem_of(name))
        for index in order
        for folder, _, name in [paths[index].rpartition("/")]
    }
    kinds = {index: kind_by_name(paths[index]) for index in order}
    stills: dict[tuple[str, str], int] = {}
    for index in order:
        if kinds[index] is Kind.PHOTO:
            stills.setdefault(names[index], index)
    found: dict[int, None] = {}
    for index in order:
        if kinds[index] is Kind.VIDEO and names[index] in stills:
            found[stills[names[index]]] = None
        found[index] = None
    return list(found)
