"""Pictures with a film in them: both come, each once, also when the bot was stopped between the two."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from tests.files import photo, video, zip_of
from tests.media.makers import TOOLS
from tests.world import World
from utils.archives import Limits, open_archive
from utils.archives.source import FileSource
from utils.jobs import lines
from utils.jobs.albums import MediaFile
from utils.jobs.extraction import Extraction
from utils.jobs.gate import Gate
from utils.jobs.journal import JobJournal
from utils.jobs.live import Live
from utils.jobs.marks import Marks
from utils.jobs.sending import Sending
from utils.jobs.steps import Steps
from utils.media import Choice, MediaTools, Verdict
from utils.queue_manager import ConversionTask, Places, QueueManager, Turn

READY, DEFERRED = video("mp4"), video("pcm")
TRIP = {"a.jpg": photo(1) + READY, "b.jpg": photo(2) + DEFERRED, "c.jpg": photo(3)}


async def test_a_picture_and_its_film_both_arrive(world: World, tmp_path: Path) -> None:
    async with world.running():
        await world.send(zip_of(tmp_path / "trip.zip", TRIP))
        summary = await world.summary()
    assert "3 pictures (2 of them live) sent" in summary
    first, second, third = world.media()
    assert first.live is not None and first.live.read_bytes() == READY
    assert second.live is not None and await is_playable(second.live)
    assert third.live is None and len({m.album for m in world.media()}) == 1
    assert "INFO: 📤 Uploading 1 image and 2 live photos as album..." in world.lines()


async def is_playable(path: Path) -> bool:
    return (await MediaTools(TOOLS).inspect(path, "film.mp4")).verdict is Verdict.READY


class Bench:
    """The taking out of an archive, its journal real and what follows stood in for."""

    def __init__(self, folder: Path, archive: Path, story: Sequence[lines.Line] = ()) -> None:
        self.files = folder / "files"
        self.files.mkdir()
        self.archive = archive
        self.scratch = folder / "scratch"
        self.journal = JobJournal(folder / "journal.jsonl")
        self.journal.open()
        self.kept: list[str] = []
        self.deferred: list[int] = []
        self._story = story

    async def run(self) -> list[str]:
        await self.journal.write(*self._story)
        sending = SimpleNamespace(collect=self._nothing, keep=self._keep, make_room=self._wait)
        sending.awaits = lambda _: False
        steps = Steps(Marks(self.files.parent / "marks"), Gate(), "a.zip")
        extraction = Extraction(
            files=self.files,
            number=itertools.count(self.journal.record.next_number()).__next__,
            journal=self.journal,
            media=MediaTools(TOOLS),
            sending=cast(Sending, sending),
            convert=self._convert,
            deferred=True,
            steps=steps,
            choice=Choice,
            live=Live(self.journal.record, QueueManager(self._never), {}, steps),
        )
        await extraction.run(
            await open_archive(FileSource(self.archive), scratch=self.scratch, limits=Limits(disk_reserve=0)),
            Turn(Places(1)),
        )
        found = [self.journal.record.deferred[number] for number in self.deferred]
        return sorted([*self.kept, *(f"{file.name}?" for file in found)])

    async def _never(self, _: ConversionTask) -> None:
        raise AssertionError("nothing is converted")

    def _nothing(self, **_: object) -> None:
        pass

    async def _wait(self) -> None:
        pass

    async def _keep(self, file: MediaFile, *more: MediaFile) -> None:
        await self.journal.write(*map(lines.File, (*more, file)))
        self.kept += [file.name for file in (file, *more)]

    async def _convert(self, number: int) -> None:
        self.deferred.append(number)


def known(number: int, key: str, name: str) -> lines.File:
    return lines.File(MediaFile(number, key, name, "", "photo", f"{number:06d}", 4))


async def test_what_is_on_record_does_not_come_twice_and_what_is_lost_comes_again(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", TRIP)
    everything = ["a.jpg", "a.mp4", "b.jpg", "b.mp4", "c.jpg"]
    film, picture = known(1, "0#film", "a.mp4"), known(2, "0", "a.jpg")
    cases: list[tuple[list[lines.Line], list[str]]] = [
        ([], everything),
        # Stopped after the line of the film and before that of its picture.
        ([film], [name for name in everything if name != "a.mp4"]),
        ([film, picture], ["b.jpg", "b.mp4", "c.jpg"]),
        # The picture was delivered, and the film was not on the disk any more.
        ([film, picture, lines.Drop(1)], ["a.mp4", "b.jpg", "b.mp4", "c.jpg"]),
        ([film, picture, lines.Drop(2)], [name for name in everything if name != "a.mp4"]),
    ]
    for number, (story, taken_out) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        bench = Bench(folder, archive, story)
        assert await bench.run() == taken_out, number
        record = bench.journal.record
        assert record.extracted and not record.lacking()
        on_disk = {path.name for path in bench.files.iterdir()}
        new = {file.path for file in (*record.files.values(), *record.deferred.values())} - {
            "000001",
            "000002",
        }
        assert new <= on_disk and not [name for name in on_disk if name.endswith(".film")]
