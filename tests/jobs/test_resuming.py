"""What a job trusts of the files that it finds after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from utils.jobs import lines
from utils.jobs.albums import Kind, MediaFile
from utils.jobs.lines import Line
from utils.jobs.record import JobRecord
from utils.jobs.resuming import doubtful_files

SIZE = 10


def file(number: int, kind: Kind = "photo") -> MediaFile:
    return MediaFile(number, str(number), f"{number}.jpg", "", kind, f"{number:06d}", SIZE)


READY, VIDEO = lines.File(file(1)), lines.Defer(file(1, "document"), 1.0)
RESULT = lines.Converted(1, MediaFile(1, "1", "1.mp4", "", "video", "000001.mp4", SIZE))
ANNOUNCED = lines.Announce("album-1", (1,), (7,))
PARTS = lines.Split(file(1, "video"), (file(2, "video"), file(3, "video")))


def doubtful(folder: Path, story: list[Line], sizes: dict[str, int], *, boot: str = "now") -> list[int]:
    """The files that are not trusted in a folder that holds files of these ``sizes``."""
    for name, size in sizes.items():
        (folder / name).write_bytes(bytes(size))
    return doubtful_files(JobRecord.of([lines.Run("now"), *story]), folder, boot)


@pytest.mark.parametrize("story", [[READY], [VIDEO]], ids=["ready", "deferred"])
@pytest.mark.parametrize("sizes", [{}, {"000001": SIZE - 1}, {"000001": SIZE + 1}])
def test_a_file_that_is_gone_or_of_another_size_is_not_trusted(
    tmp_path: Path, story: list[Line], sizes: dict[str, int]
) -> None:
    assert doubtful(tmp_path, story, sizes) == [1]


@pytest.mark.parametrize("story", [[READY], [VIDEO]], ids=["ready", "deferred"])
def test_what_a_killed_process_wrote_is_trusted(tmp_path: Path, story: list[Line]) -> None:
    assert doubtful(tmp_path, story, {"000001": SIZE}) == []


def test_after_a_power_cut_only_what_was_flushed_is_trusted(tmp_path: Path) -> None:
    whole = {"000001": SIZE}
    assert doubtful(tmp_path, [READY], whole, boot="another") == [1]
    assert doubtful(tmp_path, [VIDEO], whole, boot="another") == []


def test_of_a_converted_video_the_result_is_looked_at(tmp_path: Path) -> None:
    assert doubtful(tmp_path, [VIDEO, RESULT], {"000001": SIZE}) == [1]
    assert doubtful(tmp_path, [VIDEO, RESULT], {"000001.mp4": SIZE}) == []


@pytest.mark.parametrize("boot", ["now", "another"])
@pytest.mark.parametrize(
    "story",
    [
        [READY, lines.Sent("album-1", (1,), (20,))],
        [READY, ANNOUNCED],
        [READY, PARTS],
    ],
    ids=["delivered", "perhaps sent", "in parts"],
)
def test_what_need_not_be_there_any_more_is_not_missed(tmp_path: Path, story: list[Line], boot: str) -> None:
    assert doubtful(tmp_path, story, {}, boot=boot) == []
