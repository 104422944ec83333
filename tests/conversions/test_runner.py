"""What becomes of a deferred conversion however an attempt ends. Engine and chat are stood in for."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from utils.conversion_state import COMPLETED, FAILED, IN_PROGRESS, PENDING, ConversionStateManager
from utils.conversions.checkpoint import StateCheckpoint
from utils.conversions.runner import BACKOFF, SENT_AT_ONCE, Conversions, is_light
from utils.errors import ChatClosed, ConversionFailed, ConversionTimeout, DiskFull, ToolCrashed, ToolStopped
from utils.jobs.albums import MediaFile
from utils.jobs.gate import Gate
from utils.jobs.job import Job
from utils.jobs.marks import Marks
from utils.jobs.steps import Steps
from utils.media import Action, Converter, Inspection, Verdict
from utils.queue_manager import ConversionTask

FILM = MediaFile(7, "7", "film.avi", "", "video", "000007", 4)
TASK = ConversionTask(5.0, 0, "1_1", 7)
DEFERRED = Inspection(Verdict.DEFERRED, 64, 48, 2.0, True, None, "It is old.")
READY = Inspection(Verdict.READY, 64, 48, 2.0, True, None, "It plays as it is.")


@dataclass
class Chat:
    """In place of a job: notes what it is told."""

    files: Path
    id: str = "1_1"
    name: str = "a.zip"
    told: list[tuple[object, ...]] = field(default_factory=list)
    record: Any = field(
        default_factory=lambda: SimpleNamespace(deferred={7: FILM}, wholes={}, open_conversions=lambda: [7])
    )
    fails: Exception | None = None
    results: dict[int, tuple[object, ...]] = field(default_factory=dict)
    sending: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.steps = Steps(Marks(self.files / "steps"), Gate(), self.name)
        self.live = SimpleNamespace(
            converts=lambda number, percent: self.told.append(("converts", number, percent))
        )

    def language(self) -> str:
        return ""

    def waits(self, text: str, seconds: float) -> None:
        self.told.append(("waits", text))

    async def take_converted(self, number: int, output: Path, result: Inspection, note: str) -> None:
        self.results[number] = ("converted", number, output.name, output.read_bytes(), note)

    async def deliver_original(self, number: int, reason: str) -> None:
        self.told.append(("original", number, reason))

    async def deliver_one(self, number: int) -> None:
        if self.fails:
            raise self.fails
        self.sending.append(number)
        await asyncio.sleep(0)
        assert len(self.sending) <= SENT_AT_ONCE
        self.sending.remove(number)
        self.told.append(self.results.pop(number, ("one", number)))

    async def finish_if_done(self) -> None:
        self.told.append(("finish",))

    async def give_up(self, error: ChatClosed) -> None:
        self.told.append(("given up", error.told))

    @property
    def ends(self) -> list[tuple[object, ...]]:
        return [each for each in self.told if each[0] not in ("waits", "converts")]


@dataclass
class Engine:
    """In place of the converter: fails as often as it has errors, then writes a result."""

    errors: list[Exception] = field(default_factory=list)
    resumes: float = 0.0
    folders: list[Path] = field(default_factory=list)
    tail: asyncio.Event | None = None

    def resumed_from(self, _: object) -> float:
        return self.resumes

    async def convert(
        self,
        source: Path,
        output: Path,
        *,
        inspection: Inspection,
        checkpoint: StateCheckpoint,
        work_dir: Path,
        on_progress: Callable[[float], Awaitable[None]],
        name: str,
        on_idle: Callable[[], None],
    ) -> Inspection:
        assert name == FILM.name
        self.folders.append(work_dir)
        await checkpoint.save({"plan": len(self.folders)}, 45.0)
        await on_progress(45.0)
        if self.errors:
            raise self.errors.pop(0)
        if self.tail:
            on_idle()
            await self.tail.wait()
        output.write_bytes(b"result")
        return READY


class Bench:
    """Conversions with everything around them."""

    def __init__(self, folder: Path, *errors: Exception, retries: int = 3) -> None:
        self.folder = folder
        self.chat = Chat(folder)
        self.engine = Engine(list(errors))
        self.states = ConversionStateManager(folder / "conversion_state.json")
        self.source = folder / "1_1" / "files" / FILM.path
        self.source.parent.mkdir(parents=True, exist_ok=True)
        self.source.write_bytes(b"film")
        self.quarantine = folder / "quarantine"
        self.again: list[float] = []
        self.conversions = Conversions(
            states=self.states,
            converter=cast(Converter, self.engine),
            inspect=self._inspect,
            jobs=folder,
            recovery=folder / "recovery",
            quarantine=self.quarantine,
            max_retries=retries,
            deferred=True,
        )
        self.let_go: list[int] = []
        self.conversions.connect({"1_1": cast(Job, self.chat)}, self._requeue, self._let_next)

    async def deferred(self, path: Path, _: str) -> Inspection:
        return DEFERRED

    async def _inspect(self, path: Path, _: str) -> Inspection:
        return DEFERRED if path == self.source else READY

    def _requeue(
        self, job: str, number: int, cost: float, *, light: bool = False, after: float = 0.0
    ) -> None:
        assert (job, number, cost, light) == ("1_1", 7, 5.0, False)
        self.again.append(after)

    def _let_next(self, task: ConversionTask) -> None:
        assert all(end[1:2] != (task.number,) for end in self.chat.ends)
        self.let_go.append(task.number)

    @property
    def state(self) -> dict[str, Any]:
        """As the next process would read it."""
        state = ConversionStateManager(self.states.state_file).load_state(self.source)
        assert state is not None
        return state

    async def run(self, times: int = 1) -> None:
        for _ in range(times):
            await self.conversions.run(TASK)


async def test_a_conversion_that_succeeds_is_on_record_and_delivered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path)
    with caplog.at_level(logging.INFO):
        await bench.run()
    assert bench.chat.ends == [("converted", 7, "000007.mp4", b"result", "")]
    assert set(bench.let_go) == {7}  # and the next one runs while this is sent
    assert ("converts", 7, 45.0) in bench.chat.told
    assert (bench.state["status"], bench.state["progress"], bench.state["details"]) == (COMPLETED, 100, {})
    assert bench.engine.folders == [tmp_path / "recovery" / "1_1-000007"]
    assert bench.again == []
    told = [record.message for record in caplog.records]
    assert told[0] == "🎬 Starting deferred conversion: film.avi"
    assert "💾 Conversion state saved: film.avi (45% complete)" in told
    assert "✅ Conversion completed: film.avi -> film_converted.mp4" in told


async def test_each_attempt_waits_longer_than_the_one_before(tmp_path: Path) -> None:
    assert list(BACKOFF) == sorted(set(BACKOFF)) and BACKOFF[0] > 0
    bench = Bench(tmp_path, *[ToolStopped("It broke.")] * 4, retries=5)
    await bench.run(4)
    assert bench.again == [30.0, 120.0, 600.0, 600.0]
    assert (bench.state["status"], bench.state["retry_count"]) == (IN_PROGRESS, 4)
    assert bench.chat.ends == []


async def test_what_failed_as_often_as_allowed_is_given_up_kept_and_sent_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path, ToolStopped("No."), ConversionTimeout("Slow."), ToolCrashed("It broke."))
    await bench.run(2)
    assert bench.chat.ends == [] and not bench.quarantine.exists()
    await bench.run()
    assert bench.source.exists()  # It still has to be sent as it is.
    assert bench.again == [30.0, 120.0]
    assert bench.chat.ends == [("original", 7, "It broke.")]
    assert (bench.state["status"], bench.state["error"], bench.state["retry_count"]) == (
        FAILED,
        "It broke.",
        3,
    )
    assert {path.name: path.read_bytes() for path in bench.quarantine.iterdir()} == {
        "1_1-000007": b"film",
        "1_1-000007.reason.txt": b"film.avi: It broke.\n",
    }
    assert [
        line.rpartition(" - ")[2] for line in caplog.messages if "❌ Conversion failed: film.avi" in line
    ] == [
        "No.",
        "Timeout",
        "It broke.",
    ]
    assert "❌ Max retries exceeded: film.avi (3 attempts)" in caplog.text


async def test_what_cannot_end_otherwise_another_time_is_sent_as_it_is_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path, ConversionFailed("It broke."))
    await bench.run()
    assert bench.again == [] and bench.chat.ends == [("original", 7, "It broke.")]
    assert (bench.state["status"], bench.state["error"]) == (FAILED, "It broke.")
    assert (bench.quarantine / "1_1-000007").read_bytes() == b"film"
    assert "❌ Conversion failed: film.avi - It broke." in caplog.messages
    assert "Max retries" not in caplog.text


async def test_one_that_succeeds_the_second_time_is_delivered(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ToolStopped("No."))
    await bench.run(2)
    assert bench.chat.ends == [("converted", 7, "000007.mp4", b"result", "")]
    assert bench.state["status"] == COMPLETED and not bench.quarantine.exists()


async def test_attempts_count_on_after_a_restart(tmp_path: Path) -> None:
    for _ in range(2):
        bench = Bench(tmp_path, ToolStopped("No."))
        await bench.run()
        assert bench.chat.ends == []
    bench = Bench(tmp_path, ToolStopped("No."))
    await bench.run()
    assert bench.again == [] and bench.chat.ends == [("original", 7, "No.")]


async def test_what_is_in_quarantine_outlives_the_source(tmp_path: Path) -> None:
    bench = Bench(tmp_path, ConversionFailed("It broke."), retries=1)
    await bench.run()
    bench.source.unlink()
    assert (bench.quarantine / "1_1-000007").read_bytes() == b"film"


async def test_quarantine_on_another_disk_gets_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr("os.link", refused)
    bench = Bench(tmp_path, ConversionFailed("It broke."), retries=1)
    await bench.run()
    assert (bench.quarantine / "1_1-000007").read_bytes() == b"film"


async def test_that_it_took_too_long_is_said_in_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await Bench(tmp_path, ConversionTimeout("It took longer than 9 seconds.")).run()
    assert "❌ Conversion failed: film.avi - Timeout" in caplog.text


async def test_a_full_disk_is_no_failed_attempt(tmp_path: Path) -> None:
    bench = Bench(tmp_path, DiskFull("No room."), OSError(errno.ENOSPC, "No space left on device"), retries=1)
    await bench.run(2)
    assert bench.again == [30.0, 30.0]
    assert bench.state["retry_count"] == 0 and bench.chat.ends == []
    assert ("waits", "⏸️ film.avi waits: No room.") in bench.chat.told
    await bench.run()
    assert bench.chat.ends[0][:2] == ("converted", 7)


async def test_an_error_that_nobody_foresaw_is_logged_and_no_failed_attempt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path, *[ZeroDivisionError("division by zero")] * 5, retries=1)
    await bench.run(5)
    assert bench.again == [30.0] * 5 and bench.chat.ends == []
    assert bench.state["retry_count"] == 0
    assert "Conversion 7 of a.zip broke off" in caplog.text and "ZeroDivisionError" in caplog.text


async def test_a_chat_that_is_closed_gives_the_job_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.chat.fails = ChatClosed("USER_IS_BLOCKED")
    await bench.run()
    assert bench.chat.ends == [("given up", "USER_IS_BLOCKED")]
    assert bench.again == []


async def test_what_was_converted_before_a_crash_is_not_converted_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.chat.fails = RuntimeError("killed before it was delivered")
    await bench.run()
    bench.chat.fails = None
    await bench.run()
    assert bench.chat.ends == [("converted", 7, "000007.mp4", b"result", "")]
    assert len(bench.engine.folders) == 1


async def test_a_result_that_is_gone_is_made_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.run()
    (tmp_path / "1_1" / "files" / "000007.mp4").unlink()
    await bench.run()
    assert len(bench.engine.folders) == 2


async def test_what_goes_on_where_it_was_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(tmp_path, DiskFull("No room."))
    await bench.run()
    bench.engine.resumes = 45.0
    with caplog.at_level(logging.INFO):
        await bench.run()
    told = [record.message for record in caplog.records]
    assert "♻️ Resumed conversion after crash: film.avi (from 45%)" in told
    assert "🎬 Starting deferred conversion: film.avi" not in told


async def test_what_is_no_video_to_convert_after_all_is_a_failed_attempt(tmp_path: Path) -> None:
    bench = Bench(tmp_path, retries=1)
    bench.source = tmp_path / "elsewhere"  # so that what is inspected is called ready
    await bench.run()
    assert bench.chat.ends == [("original", 7, "It plays as it is.")]
    assert bench.engine.folders == []


async def test_one_with_which_a_process_died_is_tried_by_itself(tmp_path: Path) -> None:
    """Of two conversions the process died with, one is innocent; it runs through by itself."""
    bench = Bench(tmp_path)
    others = {number: replace(FILM, number=number, path=f"{number:06d}") for number in (8, 9)}
    bench.chat.record.deferred |= others
    bench.chat.record.open_conversions = lambda: [7, 8, 9]
    bench.chat.steps = Steps(Marks(tmp_path / "steps"), Gate(), "a.zip")
    bench.chat.steps._marks.deaths["convert 8"] = 1
    most, running = [0], [0]
    meeting: list[asyncio.Barrier] = []

    async def inspect(path: Path, _: str) -> Inspection:
        running[0] += 1
        most[0] = max(most[0], running[0])
        if path.name == "000008":
            assert running[0] == 1
        await (asyncio.wait_for(meeting[0].wait(), 30) if meeting else asyncio.sleep(0.01))
        running[0] -= 1
        return DEFERRED

    bench.conversions._inspect = inspect
    await asyncio.gather(*(bench.conversions.run(replace(TASK, number=number)) for number in (7, 8, 9)))
    assert most[0] == 1
    bench.chat.told.clear()
    meeting.append(asyncio.Barrier(2))
    await asyncio.gather(*(bench.conversions.run(replace(TASK, number=number)) for number in (7, 9)))
    assert most[0] == 2


async def test_the_next_one_begins_beside_the_last_segments(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.engine.tail = asyncio.Event()
    running = asyncio.create_task(bench.run())
    async with asyncio.timeout(10):
        while not bench.let_go:
            await asyncio.sleep(0.01)
    assert not running.done() and bench.state["status"] == IN_PROGRESS
    bench.engine.tail.set()
    await running


async def test_few_results_of_a_chat_are_sent_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    numbers = range(8, 12)
    bench.chat.record.deferred |= {n: replace(FILM, number=n, path=f"{n:06d}") for n in numbers}
    bench.chat.record.open_conversions = lambda: list(numbers)
    bench.conversions._inspect = bench.deferred
    await asyncio.gather(*(bench.conversions.run(replace(TASK, number=n)) for n in numbers))
    assert sorted(end[1] for end in bench.chat.ends) == list(numbers)  # type: ignore[type-var]


async def test_what_only_copies_the_picture_is_told_from_what_computes() -> None:
    assert [is_light(FILM, action.cost * FILM.size) for action in Action] == [True, True, True, False]


async def test_what_is_cut_into_parts_already_is_only_sent(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.chat.record.wholes = {7: object()}
    await bench.run()
    assert bench.let_go == [7]
    assert bench.chat.ends == [("one", 7)] and bench.engine.folders == []


async def test_what_was_delivered_already_only_ends_its_job(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.chat.record.open_conversions = list
    await bench.run()
    assert bench.chat.ends == [("finish",)] and bench.engine.folders == []


async def test_a_conversion_of_a_job_that_is_gone_is_nobodys(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.conversions.run(ConversionTask(5.0, 0, "9_9", 7))
    assert bench.chat.told == [] and bench.engine.folders == []


async def test_one_that_is_known_keeps_its_state_and_one_that_failed_begins_anew(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.conversions.register("1_1", FILM, 5.0)
    assert (bench.state["status"], bench.state["progress"]) == (PENDING, 0)
    assert bench.state["details"] == {"name": "film.avi", "job": "1_1", "number": 7, "cost": 5.0}
    bench.states.save_state(bench.source, IN_PROGRESS, 45, "out")
    await bench.conversions.register("1_1", FILM, 5.0)
    assert (bench.state["status"], bench.state["progress"]) == (IN_PROGRESS, 45)
    bench.states.mark_failed(bench.source, "It broke.")
    await bench.conversions.register("1_1", FILM, 5.0)
    assert (bench.state["status"], bench.state["progress"], bench.state["error"]) == (PENDING, 0, None)


async def test_a_checkpoint_keeps_what_else_is_known_and_is_logged_once_a_percent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path)
    await bench.conversions.register("1_1", FILM, 5.0)
    checkpoint = StateCheckpoint(bench.states, bench.source)
    assert checkpoint.load() is None
    with caplog.at_level(logging.INFO):
        for percent in (12.04, 12.3, 13.0):
            await checkpoint.save({"version": percent}, percent)
    assert checkpoint.load() == {"version": 13.0}
    assert (bench.state["status"], bench.state["progress"]) == (IN_PROGRESS, 13.0)
    assert bench.state["details"]["name"] == "film.avi"
    assert caplog.text.count("💾 Conversion state saved: film.avi") == 2


async def test_a_checkpoint_of_what_was_forgotten_brings_nothing_back(tmp_path: Path) -> None:
    """Cancelled while a segment was written."""
    bench = Bench(tmp_path)
    await bench.conversions.register("1_1", FILM, 5.0)
    checkpoint = StateCheckpoint(bench.states, bench.source)
    bench.states.forget(bench.source)
    await checkpoint.save({"version": 1}, 50.0)
    assert bench.states.load_state(bench.source) is None and checkpoint.load() is None
