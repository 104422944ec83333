"""The lines of a job's journal about what it begins with, and who takes it up; see ``lines``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal

from utils.jobs.intake import Incoming


@dataclass(frozen=True)
class Line:
    """Any line; the classes of all kinds are directly under it."""

    t: ClassVar[str]


@dataclass(frozen=True)
class Wanted:
    """What of an archive somebody asked for once more.

    Only the ``others``, which are neither pictures nor videos; all ``as_files``; or ``only`` some entries.
    """

    others: bool = False
    as_files: bool = False
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Origin(Incoming, Line):
    """The message with the archive, when it came, a set's title; if results stay ``here``; what is wanted.

    Written: first, before the message is noted in intake.jsonl.
    Crash before: the folder is removed, and the message comes again.
    Crash after: the job is begun.
    """

    t = "origin"
    date: float = 0.0
    title: str = ""
    others: bool = False
    here: bool = False
    as_files: bool = False
    only: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, item: Incoming, *, date: float, title: str = "", here: bool = False, wanted: Wanted | None = None
    ) -> Origin:
        """The line for ``item``."""
        return cls(**_fields_of(item), date=date, title=title, here=here, **asdict(wanted or Wanted()))


@dataclass(frozen=True)
class Volume(Incoming, Line):
    """The message with another volume of the archive, and when it was taken in.

    Written: when it joins the set, before the message is noted in intake.jsonl.
    Crash before: the message comes again.
    Crash after: the volume is in the set.
    """

    t = "volume"
    date: float = 0.0

    @classmethod
    def of(cls, item: Incoming, *, date: float) -> Volume:
        """The line for ``item``."""
        return cls(**_fields_of(item), date=date)


@dataclass(frozen=True)
class Print(Line):
    """The file's fingerprint, by which it is known when it is sent again.

    Written: each time the only file that came is opened, before anything is taken out.
    Crash before: it is taken again.
    Crash after: it is taken again, and is the same.
    """

    t = "print"
    print: str


@dataclass(frozen=True)
class Run(Line):
    """A process took the job up; ``boot`` names the run of the machine. Or it is ``paused``.

    Written: each time the job is taken up, together with what is dropped, before anything else is done.
    Crash before: the next process finds the same.
    Crash after: a process in another run of the machine trusts no file that was not flushed to the disk.
    """

    t = "run"
    boot: str
    paused: bool = False


@dataclass(frozen=True)
class Branch:
    """A folder of an archive, with all below it where that is no branch itself; ``size`` is in bytes."""

    path: str
    photos: int = 0
    videos: int = 0
    others: int = 0
    size: int = 0


@dataclass(frozen=True)
class Question(Line):
    """It is asked what is wanted of these folders (none: nobody knows what is in it), under that picture.

    Written: when the archive was opened and its picture made, before the question is sent.
    Crash before: the archive is opened again.
    Crash after: the question is sent, or is there; the archive is opened when it is answered.
    """

    t = "question"
    folders: tuple[Branch, ...] = ()
    picture: str = ""


@dataclass(frozen=True)
class Ticked(Line):
    """The question shows that page of the folders (0: none), of which these, by their places, are ticked.

    Written: when that was pressed, before it is shown.
    Crash before: nothing was pressed.
    Crash after: it is shown.
    """

    t = "ticked"
    page: int
    folders: tuple[int, ...]


@dataclass(frozen=True)
class Chosen(Line):
    """What is wanted: all, photos, videos, others, or what is in the ticked folders.

    Written: when that was pressed, before the question is taken away.
    Crash before: the question stays open.
    Crash after: that is taken out, and the question goes.
    """

    t = "chosen"
    what: Literal["all", "photos", "videos", "others", "folders"]


def _fields_of(item: Incoming) -> dict[str, Any]:
    return {field.name: getattr(item, field.name) for field in fields(Incoming)}
