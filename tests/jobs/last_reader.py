"""How the version before typed lines read a journal, kept as it was: it must go on with what we write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from utils.jobs.albums import MediaFile


class LastRecord:
    """What that version made of a journal; the members are called as those of ``JobRecord``."""

    def __init__(self, records: Iterable[Mapping[str, Any]]) -> None:
        self.origin: Mapping[str, Any] = {}
        self.volumes: list[Mapping[str, Any]] = []
        self.print = self.boot = self.failed = ""
        self.files: dict[int, MediaFile] = {}
        self.deferred: dict[int, MediaFile] = {}
        self.costs: dict[int, float] = {}
        self.converted: dict[int, MediaFile] = {}
        self.wholes: dict[int, MediaFile] = {}
        self.parts: dict[int, list[int]] = {}
        self.unconvertible: dict[int, str] = {}
        self.skipped: dict[str, tuple[str, str]] = {}
        self.others: dict[str, str] = {}
        self.announced: dict[str, Mapping[str, Any]] = {}
        self.media: dict[int, Mapping[str, Any]] = {}
        self.refused: dict[int, str] = {}
        self.rejected: dict[str, str] = {}
        self.sent: dict[str, list[int]] = {}
        self.delivered: set[int] = set()
        self.extracted = self.cancelled = self.done = False
        self.ignored = 0
        for record in records:
            self.apply(record)

    def apply(self, record: Mapping[str, Any]) -> None:
        getattr(self, f"on_{record['t']}")(record)

    def on_origin(self, line: Mapping[str, Any]) -> None:
        self.origin = line

    def on_volume(self, line: Mapping[str, Any]) -> None:
        self.volumes.append(line)

    def on_print(self, line: Mapping[str, Any]) -> None:
        self.print = str(line["print"])

    def on_run(self, line: Mapping[str, Any]) -> None:
        self.boot = str(line["boot"])

    def on_file(self, line: Mapping[str, Any]) -> None:
        file = MediaFile(**line["file"])
        self.files[file.number] = file

    def on_drop(self, line: Mapping[str, Any]) -> None:
        converted = self.converted.pop(line["number"], None)
        if converted is None or converted.key in self.skipped:
            self._drop(line["number"])

    def on_defer(self, line: Mapping[str, Any]) -> None:
        file = MediaFile(**line["file"])
        self.deferred[file.number] = file
        self.costs[file.number] = float(line["cost"])

    def on_converted(self, line: Mapping[str, Any]) -> None:
        self.converted[line["number"]] = MediaFile(**line["file"])

    def on_split(self, line: Mapping[str, Any]) -> None:
        whole, parts = MediaFile(**line["file"]), [MediaFile(**part) for part in line["parts"]]
        self.wholes[whole.number] = whole
        self.parts[whole.number] = [part.number for part in parts]
        self.files |= {part.number: part for part in parts}

    def on_unconvertible(self, line: Mapping[str, Any]) -> None:
        self.unconvertible[line["number"]] = line["reason"]

    def on_skip(self, line: Mapping[str, Any]) -> None:
        self.skipped[line["key"]] = (line["name"], line["reason"])

    def on_other(self, line: Mapping[str, Any]) -> None:
        self.others[line["key"]] = line["name"]

    def on_announce(self, line: Mapping[str, Any]) -> None:
        self.announced[line["key"]] = line
        self.rejected.pop(line["key"], None)

    def on_media(self, line: Mapping[str, Any]) -> None:
        self.media[line["number"]] = line["media"]

    def on_renew(self, line: Mapping[str, Any]) -> None:
        self.media.pop(line["number"], None)

    def on_refused(self, line: Mapping[str, Any]) -> None:
        self.refused[line["number"]] = line["reason"]
        self.media.pop(line["number"], None)

    def on_rejected(self, line: Mapping[str, Any]) -> None:
        self.rejected[line["key"]] = line["reason"]

    def on_sent(self, line: Mapping[str, Any]) -> None:
        self.sent[line["key"]] = line["messages"]
        self.delivered |= set(line["numbers"])
        self._count_wholes()

    def on_extracted(self, line: Mapping[str, Any]) -> None:
        self.extracted, self.ignored = True, int(line["ignored"])

    def on_failed(self, line: Mapping[str, Any]) -> None:
        self.failed = line["told"]

    def on_cancelled(self, _: Mapping[str, Any]) -> None:
        self.cancelled = True

    def on_done(self, _: Mapping[str, Any]) -> None:
        self.done = True

    def _drop(self, number: int) -> None:
        files = self.files.pop(number, None), self.deferred.pop(number, None)
        self.media.pop(number, None)
        if any(file is not None and file.key not in self.skipped for file in files):
            self.extracted, self.failed = False, ""
        for parts in self.parts.values():
            if number in parts:
                parts.remove(number)
        self._count_wholes()

    def _count_wholes(self) -> None:
        self.delivered |= {whole for whole, parts in self.parts.items() if self.delivered.issuperset(parts)}
