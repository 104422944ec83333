"""The lines of a job's journal: what each says, when it is written, and what a crash around it means.

On disk a line is a JSON object: ``t`` names its kind, its other members are the fields of the class here.
What is there stays readable by the version before this one and by this one after the next: kinds and fields
are added, never renamed, and a new field has a default. docs/architecture.md has a table made of this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from utils.jobs.albums import MediaFile
from utils.jobs.first_lines import Branch, Chosen, Line, Origin, Print, Question, Run, Ticked, Volume
from utils.jobs.medium import Medium

__all__ = [
    "KINDS",
    "Announce",
    "Branch",
    "Cancelled",
    "Chosen",
    "Converted",
    "Defer",
    "Done",
    "Drop",
    "Extracted",
    "Failed",
    "File",
    "Line",
    "Media",
    "Medium",
    "Origin",
    "Other",
    "Print",
    "Question",
    "Refused",
    "Rejected",
    "Renew",
    "Run",
    "Sent",
    "Skip",
    "Split",
    "Ticked",
    "Unconvertible",
    "Volume",
]


@dataclass(frozen=True)
class File(Line):
    """A file is ready to be sent.

    Written: when it was taken out, looked at and written, before it is uploaded.
    Crash before: it is swept away and taken out again.
    Crash after: it is sent; if the power failed, it is dropped and taken out again.
    """

    t = "file"
    file: MediaFile


@dataclass(frozen=True)
class Drop(Line):
    """The file ``number`` is gone or not to be trusted, or Telegram will not have it at all.

    Written: when a process takes the job up; together with the file's skip, after it was set aside.
    Crash before: the same is found again.
    Crash after: it is taken out again, or converted again, unless it was skipped.
    """

    t = "drop"
    number: int


@dataclass(frozen=True)
class Defer(Line):
    """A video is to be converted; ``cost`` orders the queue.

    Written: when the video is flushed to the disk, before its conversion is queued.
    Crash before: it is swept away and taken out again.
    Crash after: its conversion is queued.
    """

    t = "defer"
    file: MediaFile
    cost: float


@dataclass(frozen=True)
class Converted(Line):
    """The deferred video ``number`` became ``file``.

    Written: when the result is verified and its thumbnail made, before it is sent.
    Crash before: the result is found by the conversion's own state, and not converted again.
    Crash after: it is sent.
    """

    t = "converted"
    number: int
    file: MediaFile


@dataclass(frozen=True)
class Split(Line):
    """``file`` is too large for one message; ``parts`` are sent in its place.

    Written: when all parts are flushed to the disk, before the whole is deleted.
    Crash before: the parts are swept away and made again.
    Crash after: the parts are sent.
    """

    t = "split"
    file: MediaFile
    parts: tuple[MediaFile, ...]


@dataclass(frozen=True)
class Unconvertible(Line):
    """The deferred video ``number`` cannot be converted and will be sent as it is.

    Written: after the last attempt, when the video is in quarantine, before it is sent.
    Crash before: its conversion is tried again.
    Crash after: it is sent as a document.
    """

    t = "unconvertible"
    number: int
    reason: str


@dataclass(frozen=True)
class Skip(Line):
    """The entry ``key`` will not be sent.

    Written: when it cannot be read or used, before its file is deleted; or after its file was set aside.
    Crash before: it is looked at again.
    Crash after: it is never taken out again.
    """

    t = "skip"
    key: str
    name: str
    reason: str


@dataclass(frozen=True)
class Other(Line):
    """The entry ``key`` is neither a picture nor a video.

    Written: at the end of the archive, before extracted.
    Crash before: it is looked at again.
    Crash after: it is never looked at again.
    """

    t = "other"
    key: str
    name: str


@dataclass(frozen=True)
class Announce(Line):
    """The message ``key`` is about to go, with these files, under these random_ids; a film has its photo's.

    Written: before the call.
    Crash before: nothing was sent; other random_ids are drawn.
    Crash after: the call is made with the same random_ids, so that Telegram sends nothing twice.
    """

    t = "announce"
    key: str
    numbers: tuple[int, ...]
    random_ids: tuple[int, ...]


@dataclass(frozen=True)
class Media(Line):
    """The file ``number`` is at Telegram, as ``media``.

    Written: after Telegram looked at the upload.
    Crash before: it is uploaded again.
    Crash after: it is sent without being uploaded again.
    """

    t = "media"
    number: int
    media: Medium


@dataclass(frozen=True)
class Renew(Line):
    """What Telegram called the file ``number`` is no longer valid.

    Written: when Telegram says so, before it is uploaded again.
    Crash before: Telegram says so again.
    Crash after: it is uploaded again.
    """

    t = "renew"
    number: int


@dataclass(frozen=True)
class Refused(Line):
    """Telegram will not take the file ``number`` as the picture or video that it is.

    Written: when Telegram says so, before it is sent otherwise.
    Crash before: Telegram is asked again.
    Crash after: it is sent as a document.
    """

    t = "refused"
    number: int
    reason: str


@dataclass(frozen=True)
class Rejected(Line):
    """Telegram took nothing of the message ``key``, or does not say what became of it.

    Written: when that is certain, before any of its files goes in another message.
    Crash before: the same message is tried again, under the same random_ids.
    Crash after: it is never sent again as it is, and its files go in other messages.
    """

    t = "rejected"
    key: str
    reason: str


@dataclass(frozen=True)
class Sent(Line):
    """The message ``key`` is in the chat, with these files, under these ids (0: not known).

    Written: when a message is known for each of the files, before they are deleted.
    Crash before: the call is made again, and Telegram answers with the same messages.
    Crash after: it is never sent again; what is left of its files is swept away.
    """

    t = "sent"
    key: str
    numbers: tuple[int, ...]
    messages: tuple[int, ...]


@dataclass(frozen=True)
class Extracted(Line):
    """All in the archive was looked at; ``ignored`` counts the junk, ``left`` what by choice was not sent.

    Written: at its end.
    Crash before: the archive is opened again, for what is not in the journal yet.
    Crash after: it is not opened again.
    """

    t = "extracted"
    ignored: int
    left: int = 0


@dataclass(frozen=True)
class Failed(Line):
    """The archive as a whole could not be handled; ``told`` is what the user is told.

    Written: when trying again does not help, before the summary.
    Crash before: it is tried again.
    Crash after: what was taken out is sent, and the job ends.
    """

    t = "failed"
    told: str


@dataclass(frozen=True)
class Cancelled(Line):
    """Nothing more is to be sent, on the user's word or because nothing can be.

    Written: together with failed on the user's word, before that is answered; after it for a closed chat.
    Crash before: the job goes on.
    Crash after: the job ends.
    """

    t = "cancelled"


@dataclass(frozen=True)
class Done(Line):
    """Nothing is left to do.

    Written: after the summary, before the folder is removed.
    Crash before: the job ends again; its summary is not sent twice.
    Crash after: the folder is removed.
    """

    t = "done"


#: Every kind of line by its name on disk.
KINDS: Mapping[str, type[Line]] = {kind.t: kind for kind in Line.__subclasses__()}
