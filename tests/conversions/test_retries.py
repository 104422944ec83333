"""What becomes of a conversion that does not succeed at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from utils.conversion_state import ConversionStateManager
from utils.conversions.runner import Conversions
from utils.errors import ChatClosed, ConversionFailed, ConversionTimeout, DiskFull
from utils.jobs import lines
from utils.jobs.albums import MediaFile
from utils.jobs.record import JobRecord
from utils.media import Inspection, Verdict
from utils.queue_manager import ConversionTask

FILM = MediaFile(3, "3", "film.avi", "", "document", "000003", 4)
TO_CONVERT = Inspection(Verdict.DEFERRED, 0, 0, 0.0, True, None, "old")


@dataclass
class Job:
    """The job that waits for the result."""

    id: str = "7_1"
    name: str = "a.zip"
    record: JobRecord = field(default_factory=JobRecord)
    converted: list[int] = field(default_factory=list)
    originals: list[tuple[int, str]] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)

    async def deliver_converted(self, number: int, *_: object) -> None:
        self.converted.append(number)

    async def deliver_original(self, number: int, reason: str) -> None:
        self.originals.append((number, reason))

    async def give_up(self, error: ChatClosed) -> None:
        self.given_up.append(error.told)

    def show(self, step: str, percent: float | None = None) -> None:
        self.shown.append(step)


class Room:
    """Conversions of one film in ``folder``; each attempt ends as the next of ``outcomes`` says."""

    def __init__(self, folder: Path, outcomes: Sequence[Exception | None], *, most: int = 3) -> None:
        files = folder / "7_1" / "files"
        files.mkdir(parents=True, exist_ok=True)
        (files / FILM.path).write_bytes(b"film")
        self.folder = folder
        self.job = Job()
        self.job.record.apply(lines.Defer(FILM, 1.0))
        self.outcomes = list(outcomes)
        self.states = ConversionStateManager(folder / "conversion_state.json", folder / "quarantine")
        self.waits: list[float] = []
        jobs: Any = {"7_1": self.job}
        converter: Any = SimpleNamespace(convert=self._convert, resumed_from=lambda _: 0.0)
        self.conversions = Conversions(
            states=self.states,
            converter=converter,
            inspect=self._inspect,
            jobs=folder,
            recovery=folder / "recovery",
            quarantine=folder / "quarantine",
            max_retries=most,
            deferred=True,
        )
        self.conversions.connect(jobs, self._again)

    async def run(self) -> None:
        """Until it is not queued again."""
        for _ in range(100):
            before = len(self.waits)
            await self.conversions.run(ConversionTask(1.0, 0, "7_1", FILM.number))
            if len(self.waits) == before:
                return
        raise AssertionError("it never ends")

    async def _convert(self, source: Path, output: Path, **_: object) -> Inspection:
        outcome = self.outcomes.pop(0)
        if outcome is not None:
            raise outcome
        output.write_bytes(b"result")
        return TO_CONVERT

    async def _inspect(self, path: Path, name: str) -> Inspection:
        return TO_CONVERT

    def _again(self, job: str, number: int, cost: float, *, after: float = 0.0) -> None:
        assert (job, number, cost) == ("7_1", FILM.number, 1.0)
        self.waits.append(after)

    def state(self) -> dict[str, Any]:
        (state,) = self.states.states.values()
        return state


async def test_each_failure_waits_longer_and_the_third_is_the_last(tmp_path: Path) -> None:
    room = Room(tmp_path, [ConversionFailed("no"), ConversionTimeout("slow"), ConversionFailed("never")])
    await room.run()
    assert room.waits == [30, 120]
    assert room.job.originals == [(3, "never")] and room.job.converted == []
    state = room.state()
    assert (state["status"], state["error"], state["retry_count"]) == ("failed", "never", 3)


async def test_from_the_third_on_it_waits_ten_minutes(tmp_path: Path) -> None:
    room = Room(tmp_path, [ConversionFailed("no")] * 6, most=6)
    await room.run()
    assert room.waits == [30, 120, 600, 600, 600]


async def test_what_was_given_up_is_kept_with_the_reason(tmp_path: Path) -> None:
    await Room(tmp_path, [ConversionFailed("it is broken")], most=1).run()
    kept = {path.suffix: path for path in (tmp_path / "quarantine").iterdir()}
    assert kept[""].read_bytes() == b"film"
    assert kept[".txt"].read_text() == "film.avi: it is broken\n"
    # It still has to be sent as it is.
    assert (tmp_path / "7_1" / "files" / FILM.path).exists()


async def test_one_that_succeeds_the_second_time_is_delivered(tmp_path: Path) -> None:
    room = Room(tmp_path, [ConversionFailed("no"), None])
    await room.run()
    assert room.job.converted == [3] and room.job.originals == []
    assert room.state()["status"] == "completed"
    assert not (tmp_path / "quarantine").exists()


@pytest.mark.parametrize("error", [DiskFull("no room"), RuntimeError("nobody foresaw it")])
async def test_what_is_not_the_films_fault_does_not_count(tmp_path: Path, error: Exception) -> None:
    room = Room(tmp_path, [*[error] * 5, None])
    await room.run()
    assert room.waits == [30] * 5
    assert room.job.converted == [3] and room.state()["retry_count"] == 0
    assert any("no room" in step for step in room.job.shown) is isinstance(error, DiskFull)


async def test_a_closed_chat_ends_the_job(tmp_path: Path) -> None:
    room = Room(tmp_path, [ChatClosed("closed")])
    await room.run()
    assert room.job.given_up == ["closed"] and room.waits == []


async def test_attempts_count_on_after_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        room = Room(tmp_path, [ConversionFailed("no")])
        await room.conversions.run(ConversionTask(1.0, 0, "7_1", FILM.number))
        assert room.job.originals == []
    room = Room(tmp_path, [ConversionFailed("no")])
    await room.run()
    assert room.waits == [] and room.job.originals == [(3, "no")]


async def test_of_a_job_that_is_over_nothing_is_converted(tmp_path: Path) -> None:
    room = Room(tmp_path, [])
    await room.conversions.run(ConversionTask(1.0, 0, "7_2", FILM.number))
    assert room.states.states == {}
