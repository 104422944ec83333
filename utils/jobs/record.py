"""What a job's journal says, folded into one value. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import singledispatchmethod
from itertools import pairwise

from utils.jobs import lines
from utils.jobs.albums import MediaFile, stem_of, whole_key
from utils.jobs.lines import Line
from utils.jobs.medium import Medium
from utils.texts import said, tr


@dataclass(slots=True)
class JobRecord:
    """One job as its journal tells it; :meth:`apply` takes one line in."""

    known_origin: lines.Origin | None = None
    volumes: list[lines.Volume] = field(default_factory=list)
    print: str = ""
    question: lines.Question | None = None
    ticked: lines.Ticked = field(default_factory=lambda: lines.Ticked(0, ()))
    chosen: lines.Chosen | None = None
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
    announced: dict[str, lines.Announce] = field(default_factory=dict)
    #: Copies of photos, to become the covers of videos, by folder and stem.
    stills: dict[tuple[str, str], str] = field(default_factory=dict)
    #: Folder and stem of the videos that were deferred.
    deferred_names: set[tuple[str, str]] = field(default_factory=set)
    media: dict[int, Medium] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    sent: dict[str, tuple[int, ...]] = field(default_factory=dict)
    delivered: set[int] = field(default_factory=set)
    #: The same in their order, and of files, deferred videos and wholes those that are not delivered.
    arrivals: list[int] = field(default_factory=list)
    under_way: dict[int, None] = field(default_factory=dict)
    #: The keys of all that became known, in that order; how often something known was dropped.
    news: list[str] = field(default_factory=list)
    dropped: int = 0
    extracted: bool = False
    ignored: int = 0
    left: int = 0
    failed: str = ""
    cancelled: bool = False
    paused: bool = False
    done: bool = False
    #: Keys of films, pages and slices that were made of an entry and are gone since.
    _gone: set[str] = field(default_factory=set)
    #: The file that each part belongs to.
    _whole: dict[int, int] = field(default_factory=dict)
    #: Numbers of the films that came in one message with their pictures, as live photos.
    live: set[int] = field(default_factory=set)
    #: The highest number that any file had, also one that was dropped.
    highest: int = 0
    #: The highest ids of a text and of another message that were known when each message was announced.
    before: dict[str, tuple[int, int]] = field(default_factory=dict)
    _newest: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, story: Iterable[Line]) -> JobRecord:
        """The state after all lines of ``story``."""
        record = cls()
        for line in story:
            record.apply(line)
        return record

    @singledispatchmethod
    def apply(self, line: Line) -> None:
        """Take one journal line in."""
        raise NotImplementedError(f"no fold for {type(line).__name__}")

    # No decorators here: the mutation tester passes over what is decorated.

    def _on_origin(self, line: lines.Origin) -> None:
        self.known_origin = line

    apply.register(_on_origin)

    def _on_volume(self, line: lines.Volume) -> None:
        self.volumes.append(line)

    apply.register(_on_volume)

    def _on_print(self, line: lines.Print) -> None:
        self.print = line.print

    apply.register(_on_print)

    def _on_asking(self, line: lines.Question | lines.Ticked | lines.Chosen) -> None:
        setattr(self, line.t, line)

    apply.register(_on_asking)

    def _on_run(self, line: lines.Run) -> None:
        self.boot, self.paused = line.boot, line.paused

    apply.register(_on_run)

    def _on_file(self, line: lines.File) -> None:
        self.files[line.file.number] = line.file
        if line.file.kind == "photo" and line.file.cover:
            self.stills[line.file.folder, stem_of(line.file.name)] = line.file.cover
        self._count(line.file)
        self.news.append(line.file.key)

    apply.register(_on_file)

    def _on_drop(self, line: lines.Drop) -> None:
        # Of a converted video only the result is dropped: it is made again, unless it was skipped.
        self.dropped += 1
        converted = self.converted.pop(line.number, None)
        if converted is None or converted.key in self.skipped:
            self._drop(line.number)

    apply.register(_on_drop)

    def _on_defer(self, line: lines.Defer) -> None:
        self.deferred[line.file.number] = line.file
        self.costs[line.file.number] = line.cost
        self.deferred_names.add((line.file.folder, stem_of(line.file.name)))
        self._count(line.file)
        self.news.append(line.file.key)

    apply.register(_on_defer)

    def _on_converted(self, line: lines.Converted) -> None:
        self.converted[line.number] = line.file

    apply.register(_on_converted)

    def _on_split(self, line: lines.Split) -> None:
        self.wholes[line.file.number] = line.file
        for part in self.parts.pop(line.file.number, []):
            self._whole.pop(part, None)
        self.parts[line.file.number] = [part.number for part in line.parts]
        self._whole |= {part.number: line.file.number for part in line.parts}
        self.files |= {part.number: part for part in line.parts}
        self.news += [part.key for part in line.parts]
        self._count(line.file, *line.parts)

    apply.register(_on_split)

    def _on_unconvertible(self, line: lines.Unconvertible) -> None:
        self.unconvertible[line.number] = line.reason

    apply.register(_on_unconvertible)

    def _on_skip(self, line: lines.Skip) -> None:
        self.skipped[line.key] = (line.name, line.reason)
        self.news.append(line.key)

    apply.register(_on_skip)

    def _on_other(self, line: lines.Other) -> None:
        self.others[line.key] = line.name
        self.news.append(line.key)

    apply.register(_on_other)

    def _on_announce(self, line: lines.Announce) -> None:
        self.announced[line.key] = line
        self.before[line.key] = self._newest
        self.rejected.pop(line.key, None)

    apply.register(_on_announce)

    def _on_media(self, line: lines.Media) -> None:
        self.media[line.number] = line.media

    apply.register(_on_media)

    def _on_renew(self, line: lines.Renew) -> None:
        self.media.pop(line.number, None)

    apply.register(_on_renew)

    def _on_refused(self, line: lines.Refused) -> None:
        self.refused[line.number] = line.reason
        self.media.pop(line.number, None)

    apply.register(_on_refused)

    def _on_rejected(self, line: lines.Rejected) -> None:
        self.rejected[line.key] = line.reason

    apply.register(_on_rejected)

    def _on_sent(self, line: lines.Sent) -> None:
        self.sent[line.key] = line.messages
        text, other = self._newest
        newest = max(line.messages, default=0)
        self._newest = (text, max(other, newest)) if line.numbers else (max(text, newest), other)
        self._deliver(line.numbers)
        together = pairwise(zip(line.numbers, line.messages, strict=False))
        self.live |= {number for (_, still), (number, film) in together if film and film == still}
        self._count_wholes({self.whole_of(number) for number in line.numbers})

    apply.register(_on_sent)

    def _on_extracted(self, line: lines.Extracted) -> None:
        self.extracted, self.ignored, self.left = True, line.ignored, line.left

    apply.register(_on_extracted)

    def _on_failed(self, line: lines.Failed) -> None:
        self.failed = line.told

    apply.register(_on_failed)

    def _on_cancelled(self, line: lines.Cancelled) -> None:
        self.cancelled = True

    apply.register(_on_cancelled)

    def _on_done(self, line: lines.Done) -> None:
        self.done = True

    apply.register(_on_done)

    @property
    def origin(self) -> lines.Origin:
        """What somebody sent. Not to be asked for before it is known."""
        assert self.known_origin is not None
        return self.known_origin

    @property
    def only_others(self) -> bool:
        """Whether only what is neither picture nor video is wanted."""
        asked_for = self.known_origin is not None and self.known_origin.others
        return asked_for or (self.chosen is not None and self.chosen.what == "others")

    def messages(self) -> list[int]:
        """Ids of the messages with the archive, or its volumes."""
        return [item.message for item in (self.origin, *self.volumes)]

    def known_keys(self) -> set[str]:
        """Keys of the archive's entries that need not be extracted again."""
        kept = {file.key for file in (*self.files.values(), *self.deferred.values())}
        return kept | self.skipped.keys() | self.others.keys()

    def lacking(self) -> set[str]:
        """Keys of the known entries that are to be extracted again, for something else made of them alone."""
        return {whole_key(key) for key in self._gone - self.known_keys()}

    def settled(self) -> bool:
        """Whether nothing is left but the summary."""
        if self.cancelled:
            return True
        over = bool(self.extracted or self.failed)
        return over and not any(n in self.files or n in self.deferred for n in self.under_way)

    def open_conversions(self) -> list[int]:
        """Numbers of the deferred videos whose result is not delivered yet."""
        return [number for number in self.under_way if number in self.deferred]

    def still_of(self, video: MediaFile) -> str:
        """The copy of the photo that is called like ``video``; empty: there is none."""
        return self.stills.get((video.folder, stem_of(video.name)), "")

    def whole_of(self, number: int) -> int:
        """The file of which ``number`` is a part, or ``number`` itself."""
        return self._whole.get(number, number)

    def delivered_files(self) -> list[int]:
        """Numbers of the files that are delivered, each counted once in however many parts it was sent."""
        return sorted(n for n in self.delivered if self.whole_of(n) == n and self.parts.get(n) != [])

    def _drop(self, number: int) -> None:
        """That file is not there; unless it was skipped, it is to be taken out of the archive again."""
        files = self.files.pop(number, None), self.deferred.pop(number, None)
        self.media.pop(number, None)
        if number not in self.wholes:
            self.under_way.pop(number, None)
        self._gone |= {file.key for file in files if file is not None and whole_key(file.key)}
        if any(file is not None and file.key not in self.skipped for file in files):
            self.extracted, self.failed = False, ""
        self._without_part(number)

    def _without_part(self, number: int) -> None:
        """That part will not be sent; what is left of its file may all be delivered now."""
        whole = self._whole.pop(number, None)
        if whole is not None:
            self.parts[whole].remove(number)
            self._count_wholes({whole})

    def _count_wholes(self, numbers: Iterable[int]) -> None:
        """Of ``numbers``, a file that is sent in parts is delivered when all of them are."""
        self._deliver(n for n in numbers if n in self.parts and self.delivered.issuperset(self.parts[n]))

    def _deliver(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            if number not in self.delivered:
                self.delivered.add(number)
                self.arrivals.append(number)
                self.under_way.pop(number, None)

    def to_send(self, number: int) -> MediaFile:
        """What is sent for the file ``number``: the video that it became, or itself."""
        if number in self.wholes:
            return self.wholes[number]
        if number in self.converted:
            return self.converted[number]
        if number not in self.deferred:
            return self.files[number]
        reason = said(self.unconvertible.get(number, ""))
        note = tr("It could not be converted: {reason}", reason=reason)
        return replace(self.deferred[number], note=note)

    def in_doubt(self) -> dict[str, tuple[int, ...]]:
        """The messages that were perhaps sent (key -> numbers of its files): announced, but never answered.

        One of which a file is delivered otherwise, or is to be sent no more, was refused in the end.
        """
        waiting = (self.files.keys() | self.deferred.keys() | self.wholes.keys()) - self.delivered
        return {
            key: line.numbers
            for key, line in self.announced.items()
            if line.numbers and waiting.issuperset(line.numbers) and key not in self.rejected
        }

    def paths(self) -> set[str]:
        """Names in the files folder that belong to something that is not delivered."""
        known = (*self.files.values(), *self.deferred.values(), *self.converted.values())
        waiting = [file for file in known if file.number not in self.delivered]
        results = {f"{file.path}.mp4" for file in waiting}
        used = {name for file in waiting for name in (file.path, file.thumb, file.cover) if name}
        return results | used | set(self.stills.values())

    def next_number(self) -> int:
        """The next file's number; numbers are never used twice, as what was announced goes by them."""
        return 1 + self.highest

    def _count(self, *files: MediaFile) -> None:
        self.highest = max(self.highest, *(file.number for file in files))
        self.under_way |= {file.number: None for file in files if file.number not in self.delivered}
