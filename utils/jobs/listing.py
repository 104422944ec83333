"""What the listing of an archive says of the files that will come. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from utils.archives import Entry
from utils.jobs.albums import stem_of
from utils.media import Kind, kind_by_name


def films_in(listing: Sequence[Entry]) -> frozenset[tuple[str, str]]:
    """Folder and stem of each film that may go with a picture, by its name."""
    films = [entry for entry in listing if entry.name.lower().endswith((".mov", ".mp4", ".mp"))]
    return frozenset((entry.folder, stem_of(entry.name)) for entry in films)


def videos_in(listing: Sequence[Entry]) -> frozenset[tuple[str, str]]:
    """Folder and stem of each video, by its name."""
    videos = [entry for entry in listing if kind_by_name(entry.name) is Kind.VIDEO]
    return frozenset((entry.folder, stem_of(entry.name)) for entry in videos)


def is_grouped(listing: Sequence[Entry]) -> bool:
    """Whether the entries of each folder stand together, so that a folder is over when the next begins."""
    folders = [folder for folder, _ in itertools.groupby(entry.folder for entry in listing)]
    return len(folders) == len(set(folders))


def looked_through(
    listing: Sequence[Entry] | None,
) -> tuple[bool, frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
    """:func:`is_grouped`, :func:`films_in` and :func:`videos_in`; of what is not known beforehand nothing."""
    known = listing or ()
    return listing is not None and is_grouped(known), films_in(known), videos_in(known)
