"""What a job's journal says, folded into one value. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from utils.albums import MediaFile

#: The kinds of journal lines ("t"), with what else they hold.
ORIGIN = "origin"  #      chat, message, sender, name, size: what somebody sent
RUN = "run"  #            boot: a process took the job up
FILE = "file"  #          a MediaFile: it is on disk, ready to be sent
DROP = "drop"  #          number: its file is gone or doubtful, it must be extracted again
DEFER = "defer"  #        a MediaFile and plan cost: it is on disk, to be converted
CONVERTED = "converted"  # number, and the MediaFile that came of it
SKIP = "skip"  #          key, name, reason: it will not be sent
OTHER = "other"  #        key, name: it is neither a picture nor a video
ANNOUNCE = "announce"  #  message key, numbers, random_ids: before the call
MEDIA = "media"  #        number, and what uploadMedia gave for it
RENEW = "renew"  #        number: that medium is no longer valid
REFUSED = "refused"  #    number, reason: Telegram will not take it as it is
SENT = "sent"  #          message key, numbers, message ids: the server's answer
EXTRACTED = "extracted"  # everything in the archive was looked at
FAILED = "failed"  #      told: the archive as a whole could not be handled
DONE = "done"  #          nothing is left to do


@dataclass
class JobRecord:
    """One job as its journal tells it; :meth:`apply` takes one line in."""

    origin: Mapping[str, Any] = field(default_factory=dict)
    boot: str = ""
    files: dict[int, MediaFile] = field(default_factory=dict)
    deferred: dict[int, MediaFile] = field(default_factory=dict)
    costs: dict[int, float] = field(default_factory=dict)
    converted: dict[int, MediaFile] = field(default_factory=dict)
    skipped: dict[str, tuple[str, str]] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    announced: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    media: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    sent: dict[str, list[int]] = field(default_factory=dict)
    delivered: set[int] = field(default_factory=set)
    extracted: bool = False
    failed: str = ""
    done: bool = False

    @classmethod
    def of(cls, records: Iterable[Mapping[str, Any]]) -> JobRecord:
        """The state after all ``records``."""
        state = cls()
        for record in records:
            state.apply(record)
        return state

    def apply(self, line: Mapping[str, Any]) -> None:
        """Take one journal line in; an unknown kind of line is ignored."""
        kind = line.get("t")
        if kind == ORIGIN:
            self.origin = line
        elif kind == RUN:
            self.boot = str(line["boot"])
        elif kind == FILE:
            file = MediaFile(**line["file"])
            self.files[file.number] = file
        elif kind == DROP:
            for group in (self.files, self.deferred, self.media):
                group.pop(line["number"], None)
        elif kind == DEFER:
            file = MediaFile(**line["file"])
            self.deferred[file.number] = file
            self.costs[file.number] = float(line["cost"])
        elif kind == CONVERTED:
            self.converted[line["number"]] = MediaFile(**line["file"])
        elif kind == SKIP:
            self.skipped[line["key"]] = (line["name"], line["reason"])
        elif kind == OTHER:
            self.others[line["key"]] = line["name"]
        elif kind == ANNOUNCE:
            self.announced[line["key"]] = line
        elif kind == MEDIA:
            self.media[line["number"]] = line["media"]
        elif kind == RENEW:
            self.media.pop(line["number"], None)
        elif kind == REFUSED:
            self.refused[line["number"]] = line["reason"]
            self.media.pop(line["number"], None)
        elif kind == SENT:
            self.sent[line["key"]] = line["messages"]
            self.delivered |= set(line["numbers"])
        elif kind == EXTRACTED:
            self.extracted = True
        elif kind == FAILED:
            self.failed = line["told"]
        elif kind == DONE:
            self.done = True

    def known_keys(self) -> set[str]:
        """Keys of the archive's entries that need not be extracted again."""
        kept = {file.key for file in (*self.files.values(), *self.deferred.values())}
        return kept | self.skipped.keys() | self.others.keys()

    def open_conversions(self) -> list[int]:
        """Numbers of the deferred videos whose result is not delivered yet."""
        return [number for number in self.deferred if number not in self.delivered]

    def next_number(self) -> int:
        """The next file's number; numbers are never used twice."""
        return 1 + max((*self.files, *self.deferred), default=0)


def file_line(kind: str, file: MediaFile, **more: Any) -> dict[str, Any]:
    """A journal line about ``file``."""
    return {"t": kind, "file": asdict(file), **more}
