"""What is said between the bot and a child that decodes pictures: a JSON object a line, each way.

A request travels with one or two open files: the picture, and what is to be written. The child is told no
name of anything, and what it answers is believed no more than the picture is: every answer is made of numbers
and of words from here, and is checked.
"""

import json
from enum import StrEnum
from typing import Any, NamedTuple

#: Bytes of an answer at most; that about the pictures of a long animation is the longest.
LONGEST = 1 << 20
#: Width or height at most that any format can have.
_MOST = 1 << 31
#: What Pillow may be made with, in its words.
FEATURES = ("jpg", "zlib", "webp", "libtiff")


class Act(StrEnum):
    """What a child can do with a picture."""

    LOOK = "look"  #: say which format it has, and whether it moves
    STAY = "stay"  #: see whether it may be sent as it is, and is whole: not ``changed`` then
    PHOTO = "photo"  #: see that it is whole, or write what Telegram takes
    TIMES = "times"  #: of one that moves: how many pictures, and how long each of the first is shown
    FRAMES = "frames"  #: of one that moves: write each picture as PNG, one after another
    SQUARE = "square"  #: write a small square of it
    SHEET = "sheet"  #: write several such squares as one picture
    TRIAL = "trial"  #: without a picture: what can be decoded here


class Why(StrEnum):
    """Why a picture could not be decoded."""

    DAMAGED = "damaged"  #: it is not what it says
    KIND = "kind"  #: whole, but of a kind that is not decoded here
    NO_PREVIEW = "no preview"  #: a camera's raw file without a picture to be shown
    CUT_OFF = "cut off"  #: its end is missing, and nothing can be seen without
    PIXELS = "pixels"  #: more of them than are decoded here: width, height, limit
    MEMORY = "memory"  #: it takes more memory than there is: width, height, bytes (0: not known)
    STAYS_LARGE = "stays large"  #: however it is compressed
    NO_ROOM = "no room"  #: what was to be written of it found no room on the disk
    TIME = "time"  #: it takes too long
    CRASHED = "crashed"  #: the decoder died on it
    LOST = "lost"  #: the child gave no answer that makes sense, or cannot be started


class Undecoded(Exception):  # noqa: N818 - it says what became of the picture
    """A picture could not be decoded because of ``why``; ``figures`` go with some of the reasons."""

    def __init__(self, why: Why, *figures: int) -> None:
        super().__init__(why, *figures)
        self.why = why
        self.figures = figures


class Elsewhere(NamedTuple):
    """The figures of what is damaged, cut off or of another kind: what another decoder is to be told of it.

    ``orientation`` is as in EXIF (0: not known); ``page`` counts from 1 (0: no other decoder is right about
    it), out of ``pages`` (0: it moves).
    """

    orientation: int
    page: int
    pages: int


NOT_ELSEWHERE = Elsewhere(0, 0, 1)


class Request(NamedTuple):
    """What is to be done with a picture, or with one of its parts: a page, or a slice of a long strip.

    ``orientation`` as in EXIF is that of one which does not say so itself; 0: it says so. ``anew``: its bytes
    are not to be kept, though they might be.
    """

    act: Act
    part: int = 0
    orientation: int = 0
    anew: bool = False


class Photo(NamedTuple):
    """What became of a picture, ``width`` x ``height`` now; ``shown`` is the size that it had, upright.

    ``pages`` and ``slices`` are how many of them there are in all, of which this is one; 0 ``pages``:
    it moves, and this is its first.
    """

    format: str
    width: int
    height: int
    shown: tuple[int, int]
    changed: bool
    cut_off: bool
    pages: int
    slices: int


class Look(NamedTuple):
    """A picture that moves: its format in lower case (empty: it does not move), and its size."""

    format: str
    width: int
    height: int


class Times(NamedTuple):
    """``frames`` in all; ``milliseconds`` for each of the first of them."""

    width: int
    height: int
    frames: int
    milliseconds: tuple[int, ...]


class Frames(NamedTuple):
    """The bytes of each picture that was written, and its milliseconds."""

    sizes: tuple[int, ...]
    milliseconds: tuple[int, ...]


class Sheet(NamedTuple):
    """The size of what was written."""

    width: int
    height: int


class Trial(NamedTuple):
    """What Pillow was made with; the size of an HEIC picture that it decoded, or (0, 0); libheif's number."""

    features: tuple[str, ...]
    heic: tuple[int, int]
    version: str


#: How many figures go with a reason, where there are any.
_FIGURES = {
    **{Why.PIXELS: (3,), Why.MEMORY: (3,)},
    **{Why.DAMAGED: (0, 3), Why.CUT_OFF: (0, 3), Why.KIND: (0, 3)},
}
Answer = Photo | Look | Times | Frames | Sheet | Trial
_KINDS: dict[Act, type[Answer]] = {
    Act.LOOK: Look,
    Act.STAY: Photo,
    Act.PHOTO: Photo,
    Act.TIMES: Times,
    Act.FRAMES: Frames,
    Act.SQUARE: Sheet,
    Act.SHEET: Sheet,
    Act.TRIAL: Trial,
}


def request_line(request: Request) -> bytes:
    """A request for the child."""
    return json.dumps(request).encode() + b"\n"


def read_request(line: bytes) -> Request:
    """What is asked for."""
    act, *numbers = json.loads(line)
    return Request(Act(act), *numbers)


def answer_line(answer: Answer | Undecoded, memory: int) -> bytes:
    """An answer to a request, and the ``memory`` that the child holds after it, in bytes."""
    if isinstance(answer, Undecoded):
        told: dict[str, object] = {"why": answer.why, "figures": answer.figures}
    else:
        told = {"answer": answer}
    return json.dumps({**told, "memory": memory}).encode() + b"\n"


def read_answer(act: Act, line: bytes) -> tuple[Answer | Undecoded, int]:
    """The answer to ``act``, and the memory of the child in bytes; one that makes no sense says LOST."""
    try:
        told = json.loads(line)
        memory = _number(told["memory"])
        if "why" in told:
            why, figures = Why(told["why"]), [_number(figure) for figure in told["figures"]]
            if len(figures) not in _FIGURES.get(why, (0,)):
                raise ValueError
            return Undecoded(why, *figures), memory
        kind = _KINDS[act]
        types = kind.__annotations__
        values = told["answer"]
        if len(values) != len(types):
            raise ValueError
        checked = [_CHECKS[of](value) for of, value in zip(types.values(), values, strict=True)]
        return kind(*checked), memory
    except (ValueError, TypeError, KeyError, RecursionError):
        return Undecoded(Why.LOST), 0


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < _MOST:
        raise ValueError
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _word(value: object) -> str:
    if not isinstance(value, str) or len(value) > 20 or not all(c.isalnum() or c == "." for c in value):
        raise ValueError
    return value


def _numbers(value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise ValueError
    return tuple(_number(one) for one in value)


def _pair(value: object) -> tuple[int, ...]:
    numbers = _numbers(value)
    if len(numbers) != 2:
        raise ValueError
    return numbers


def _words(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError
    return tuple(_word(one) for one in value)


_CHECKS: dict[Any, Any] = {
    int: _number,
    bool: _flag,
    str: _word,
    tuple[int, int]: _pair,
    tuple[int, ...]: _numbers,
    tuple[str, ...]: _words,
}
