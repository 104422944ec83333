"""What a job's journal says, folded into one value. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from utils.jobs.albums import MediaFile

#: The kinds of journal lines ("t"), with what else they hold.
ORIGIN = "origin"  #      chat, message, sender, name, size, date: what somebody sent
VOLUME = "volume"  #      the same of another volume of the archive
PRINT = "print"  #        print: tells the same file when it is sent again
RUN = "run"  #            boot: a process took the job up
FILE = "file"  #          a MediaFile: it is on disk, ready to be sent
DROP = "drop"  #          number: its file is gone or doubtful, it must be extracted again
DEFER = "defer"  #        a MediaFile and plan cost: it is on disk, to be converted
CONVERTED = "converted"  # number, and the MediaFile that came of it
SPLIT = "split"  #        a MediaFile, and those that are sent in its place because it is too large
UNCONVERTIBLE = "unconvertible"  # number, reason: it will be sent as it is
SKIP = "skip"  #          key, name, reason: it will not be sent
OTHER = "other"  #        key, name: it is neither a picture nor a video
ANNOUNCE = "announce"  #  message key, numbers, random_ids: before the call
MEDIA = "media"  #        number, and what uploadMedia gave for it
RENEW = "renew"  #        number: that medium is no longer valid
REFUSED = "refused"  #    number, reason: Telegram will not take it as it is
REJECTED = "rejected"  #  message key, reason: Telegram took nothing of that album, not saying which to blame
SENT = "sent"  #          message key, numbers, message ids: the server's answer
EXTRACTED = "extracted"  # ignored: everything in the archive was looked at
FAILED = "failed"  #      told: the archive as a whole could not be handled
CANCELLED = "cancelled"  # nothing more is to be sent, on the user's word or because nothing can be
DONE = "done"  #          nothing is left to do


@dataclass
class JobRecord:
    """One job as its journal tells it; :meth:`apply` takes one line in."""

    origin: Mapping[str, Any] = field(default_factory=dict)
    volumes: list[Mapping[str, Any]] = field(default_factory=list)
    print: str = ""
    boot: str = ""
    files: dict[int, MediaFile] = field(default_factory=dict)
    deferred: dict[int, MediaFile] = field(default_factory=dict)
    costs: dict[int, float] = field(default_factory=dict)
    converted: dict[int, MediaFile] = field(default_factory=dict)
    wholes: dict[int, MediaFile] = field(default_factory=dict)
    parts: dict[int, list[int]] = field(default_factory=dict)
    unconvertible: dict[int, str] = field(default_factory=dict)
    skipped: dict[str, tuple[str, str]] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    announced: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    media: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    sent: dict[str, list[int]] = field(default_factory=dict)
    delivered: set[int] = field(default_factory=set)
    extracted: bool = False
    ignored: int = 0
    failed: str = ""
    cancelled: bool = False
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
        elif kind == VOLUME:
            self.volumes.append(line)
        elif kind == PRINT:
            self.print = str(line["print"])
        elif kind == RUN:
            self.boot = str(line["boot"])
        elif kind == FILE:
            file = MediaFile(**line["file"])
            self.files[file.number] = file
        elif kind == DROP:
            # Of a converted video only the result is dropped: it is made again, unless it was skipped.
            converted = self.converted.pop(line["number"], None)
            if converted is None or converted.key in self.skipped:
                self._drop(line["number"])
        elif kind == DEFER:
            file = MediaFile(**line["file"])
            self.deferred[file.number] = file
            self.costs[file.number] = float(line["cost"])
        elif kind == CONVERTED:
            self.converted[line["number"]] = MediaFile(**line["file"])
        elif kind == SPLIT:
            whole, parts = MediaFile(**line["file"]), [MediaFile(**part) for part in line["parts"]]
            self.wholes[whole.number] = whole
            self.parts[whole.number] = [part.number for part in parts]
            self.files |= {part.number: part for part in parts}
        elif kind == UNCONVERTIBLE:
            self.unconvertible[line["number"]] = line["reason"]
        elif kind == SKIP:
            self.skipped[line["key"]] = (line["name"], line["reason"])
        elif kind == OTHER:
            self.others[line["key"]] = line["name"]
        elif kind == ANNOUNCE:
            self.announced[line["key"]] = line
            self.rejected.pop(line["key"], None)
        elif kind == MEDIA:
            self.media[line["number"]] = line["media"]
        elif kind == RENEW:
            self.media.pop(line["number"], None)
        elif kind == REFUSED:
            self.refused[line["number"]] = line["reason"]
            self.media.pop(line["number"], None)
        elif kind == REJECTED:
            self.rejected[line["key"]] = line["reason"]
        elif kind == SENT:
            self.sent[line["key"]] = line["messages"]
            self.delivered |= set(line["numbers"])
            self._count_wholes()
        elif kind == EXTRACTED:
            self.extracted = True
            self.ignored = int(line["ignored"])
        elif kind == FAILED:
            self.failed = line["told"]
        elif kind == CANCELLED:
            self.cancelled = True
        elif kind == DONE:
            self.done = True

    def messages(self) -> list[int]:
        """Ids of the messages with the archive, or its volumes."""
        return [int(line["message"]) for line in (self.origin, *self.volumes)]

    def known_keys(self) -> set[str]:
        """Keys of the archive's entries that need not be extracted again."""
        kept = {file.key for file in (*self.files.values(), *self.deferred.values())}
        return kept | self.skipped.keys() | self.others.keys()

    def settled(self) -> bool:
        """Whether nothing is left but the summary."""
        if self.cancelled:
            return True
        waiting = self.files.keys() - self.delivered
        return bool(self.extracted or self.failed) and not waiting and not self.open_conversions()

    def open_conversions(self) -> list[int]:
        """Numbers of the deferred videos whose result is not delivered yet."""
        return [number for number in self.deferred if number not in self.delivered]

    def whole_of(self, number: int) -> int:
        """The file of which ``number`` is a part, or ``number`` itself."""
        return next((whole for whole, parts in self.parts.items() if number in parts), number)

    def delivered_files(self) -> list[int]:
        """Numbers of the files that are delivered, each counted once in however many parts it was sent."""
        return sorted(n for n in self.delivered if self.whole_of(n) == n and self.parts.get(n) != [])

    def _drop(self, number: int) -> None:
        """That file is not there; unless it was skipped, it is to be taken out of the archive again."""
        files = self.files.pop(number, None), self.deferred.pop(number, None)
        self.media.pop(number, None)
        if any(file is not None and file.key not in self.skipped for file in files):
            self.extracted, self.failed = False, ""
        self._without_part(number)

    def _without_part(self, number: int) -> None:
        """That part will not be sent; what is left of its file may all be delivered now."""
        for parts in self.parts.values():
            if number in parts:
                parts.remove(number)
        self._count_wholes()

    def _count_wholes(self) -> None:
        """A file that is sent in parts is delivered when all of them are."""
        self.delivered |= {whole for whole, parts in self.parts.items() if self.delivered.issuperset(parts)}

    def to_send(self, number: int) -> MediaFile:
        """What is sent for the file ``number``: the video that it became, or itself."""
        if number in self.wholes:
            return self.wholes[number]
        if number in self.converted:
            return self.converted[number]
        if number not in self.deferred:
            return self.files[number]
        note = f"It could not be converted: {self.unconvertible.get(number, '')}"
        return replace(self.deferred[number], note=note)

    def in_doubt(self) -> dict[str, list[int]]:
        """The messages that were perhaps sent (key -> numbers of its files): announced, but never answered.

        One of which a file is delivered otherwise, or is to be sent no more, was refused in the end.
        """
        waiting = (self.files.keys() | self.deferred.keys() | self.wholes.keys()) - self.delivered
        return {
            key: line["numbers"]
            for key, line in self.announced.items()
            if line["numbers"] and waiting.issuperset(line["numbers"]) and key not in self.rejected
        }

    def paths(self) -> set[str]:
        """Names in the files folder that belong to something that is not delivered."""
        known = (*self.files.values(), *self.deferred.values(), *self.converted.values())
        waiting = [file for file in known if file.number not in self.delivered]
        results = {f"{file.path}.mp4" for file in waiting}
        return results | {name for file in waiting for name in (file.path, file.thumb) if name}

    def next_number(self) -> int:
        """The next file's number; numbers are never used twice."""
        return 1 + max((*self.files, *self.deferred, *self.wholes), default=0)


def file_line(kind: str, file: MediaFile, **more: Any) -> dict[str, Any]:
    """A journal line about ``file``."""
    return {"t": kind, "file": asdict(file), **more}
