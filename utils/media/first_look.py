"""What is read of a file in one go, before it is known what is to be done with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from utils.media.animations import is_sequence
from utils.media.disk import read_head
from utils.media.kinds import Kind, kind_of
from utils.media.motion import has_film
from utils.media.pairs import pair_of


@dataclass(frozen=True)
class FirstLook:
    """``pair`` is as :func:`utils.media.pairs.pair_of` says, ``has_film``: a picture with a film behind it,
    ``is_sequence``: a picture that says to be a film.
    """

    head: bytes
    pair: str
    has_film: bool
    is_sequence: bool


def first_look(path: Path, name: str) -> FirstLook:
    """Look at ``path``, which its sender called ``name``. Blocking; raises OSError."""
    head = read_head(path)
    is_picture = kind_of(head, name) is Kind.PHOTO
    return FirstLook(
        head, pair_of(path), is_picture and has_film(path), is_picture and is_sequence(path, head)
    )
