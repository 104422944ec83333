"""What a conversion believes of an earlier run, of ffmpeg and of itself: only what was looked at."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.fake_tools import let_it_write
from tests.media.makers import (
    H264,
    QUICK,
    TOOLS,
    Memory,
    clip,
    convert,
    frame_hashes,
    largest_time_error,
)
from utils.errors import ConversionFailed
from utils.media import Converter, EncodeSettings, Tools, inspect
from utils.media.checkpoint import EncodeState, read_state
from utils.media.encode import concat_listing
from utils.media.tools import Features

MPEG4 = ("-c:v", "mpeg4", "-q:v", "6", "-g", "25")
FRONT = ("-movflags", "+faststart")
#: Segments of a second each, and a checkpoint for each of them, for the recipe and for the result.
SEGMENTS = 2
SAVES = SEGMENTS + 2


def film(path: Path, *codec: str, picture_filter: str = "", seconds: float = SEGMENTS) -> Path:
    return clip(
        path, *(codec or MPEG4), size="64x48", seconds=seconds, sound=False, picture_filter=picture_filter
    )


class Died(Exception):
    """Stands for a kill while the checkpoint is saved."""


class Dying(Memory):
    """Dies in save number ``last``: ``after`` it was on the disk, or before."""

    def __init__(self, last: int, *, after: bool = True) -> None:
        super().__init__()
        self._left = last
        self._after = after

    async def save(self, data: object, progress: float) -> None:
        self._left -= 1
        if self._left or self._after:
            await super().save(data, progress)
        if not self._left:
            raise Died


@dataclass(frozen=True)
class Run:
    """One conversion: its source, its result, its folder, and what is on record of it."""

    source: Path
    output: Path
    memory: Memory

    @property
    def work(self) -> Path:
        return self.output.with_name(f"{self.output.name}.work")

    @property
    def state(self) -> EncodeState:
        state = read_state(self.memory.data)
        assert state is not None
        return state

    def resumed(self) -> float:
        return Converter(QUICK, TOOLS).resumed_from(self.memory, self.work)

    def segment(self, number: int) -> Path:
        return self.work / f"segment-{number:05d}.mp4"

    async def go_on(self, tools: Tools = TOOLS, settings: EncodeSettings = QUICK) -> None:
        await convert(self.source, self.output, checkpoint=self.memory, tools=tools, settings=settings)


async def killed(source: Path, folder: Path, last: int, *, after: bool = True) -> Run:
    """A conversion that died in save number ``last``."""
    run = Run(source, folder / "out.mp4", Dying(last, after=after))
    with pytest.raises(Died):
        await run.go_on()
    return run


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("source") / "a.avi")


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What becomes of it when nothing disturbs."""
    output = tmp_path_factory.mktemp("whole") / "out.mp4"
    asyncio.run(convert(source, output))
    return output


@pytest.fixture(scope="module")
def killed_half_way(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """With all segments and no result."""
    return asyncio.run(killed(source, tmp_path_factory.mktemp("half"), SAVES - 1))


@pytest.fixture(scope="module")
def killed_at_the_end(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """With a result, and nobody who was told."""
    return asyncio.run(killed(source, tmp_path_factory.mktemp("end"), SAVES))


def copy_of(run: Run, folder: Path) -> Run:
    """The same with files and a record of its own, to be spoiled."""
    memory = Memory()
    memory.data = json.loads(json.dumps(run.memory.data))
    copied = Run(Path(shutil.copy2(run.source, folder)), folder / run.output.name, memory)
    shutil.copytree(run.work, copied.work)
    if run.output.exists():
        shutil.copy2(run.output, copied.output)
    assert memory.data is not None
    memory.data["source"] = str(copied.source)
    return copied


@pytest.fixture
def half(killed_half_way: Run, tmp_path: Path) -> Run:
    return copy_of(killed_half_way, tmp_path)


@pytest.fixture
def ended(killed_at_the_end: Run, tmp_path: Path) -> Run:
    return copy_of(killed_at_the_end, tmp_path)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def false_tool(folder: Path, script: str) -> Tools:
    """An ffmpeg that does ``script`` first; ``$real`` is the true one, ``$last`` its last argument."""
    program = folder / "ffmpeg"
    begin = f"real={shutil.which('ffmpeg')}\nfor last; do :; done\nlast=${{last#file:}}\n"
    program.write_text(f'#!/bin/sh\n{begin}{script}\nexec "$real" "$@"\n')
    program.chmod(0o755)
    return Tools(ffmpeg=str(program))


def with_option(name: str, value: str, where: str) -> str:
    """A script: the option ``name`` has another value in calls that match ``where``."""
    swap = f'[ "$before" = {name} ] && one={value}; before=$one; set -- "$@" "$one"'
    return f'case "$*" in {where}) for one; do shift; {swap}; done ;; esac'


def damage(where: str) -> str:
    """A script: what calls that match ``where`` have written is damaged in its third quarter.

    That is picture or sound, wherever its index is: only decoding finds it.
    """
    half = 'size=$(wc -c <"$last"); half=$((size / 2))'
    noise = "tr '\\000' '\\377' </dev/zero | head -c $((half / 2))"
    spoil = f'{half}; {noise} | dd of="$last" bs=1 seek=$half conv=notrunc status=none'
    return f'case "$*" in {where}) "$real" "$@" || exit; {spoil}; exit ;; esac'


# -- what an earlier run left --------------------------------------------------------------------------------


@pytest.mark.parametrize("spoil", ["missing", "too short", "too long"])
async def test_a_segment_that_is_not_as_it_was_is_encoded_again_and_no_other(
    half: Run, whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: str
) -> None:
    assert half.resumed() == 100
    content = half.segment(0).read_bytes()
    if spoil == "missing":
        half.segment(0).unlink()
    else:
        half.segment(0).write_bytes(content[:-1] if spoil == "too short" else content + b"\0")
    assert half.resumed() == pytest.approx(100 / SEGMENTS)
    if spoil == "too long":
        return  # the rest is the same
    with caplog.at_level(logging.INFO):
        await half.go_on(false_tool(tmp_path, 'case "$*" in *segment-00001*) exit 1 ;; esac'))
    assert "failed" not in caplog.text
    assert sha256(half.output) == sha256(whole)


async def test_another_source_of_the_same_size_starts_over(
    half: Run, whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = half.source.stat()
    other = film(tmp_path / "b.avi", picture_filter="negate").read_bytes()
    half.source.write_bytes(other[: before.st_size].ljust(before.st_size, b"\0"))
    os.utime(half.source, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert half.resumed() == 0
    await half.go_on()
    assert "The source of a conversion has changed" in caplog.text
    assert not set(frame_hashes(half.output)) & set(frame_hashes(whole))


def test_a_source_that_was_only_read_is_the_same(half: Run) -> None:
    os.utime(half.source, ns=(0, half.source.stat().st_mtime_ns))
    assert half.resumed() == 100


def test_a_source_that_is_gone_resumes_from_nothing(half: Run) -> None:
    half.source.unlink()
    assert half.resumed() == 0


async def test_the_recipe_is_followed_though_the_settings_have_changed(half: Run, whole: Path) -> None:
    """Half a film in one quality and half in another would be no film."""
    half.segment(1).unlink()
    await half.go_on(settings=replace(QUICK, crf=48, preset="medium", max_height=32))
    assert sha256(half.output) == sha256(whole)


async def test_another_way_takes_over_no_segment_of_another_quality(
    half: Run, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun in one quality, gone on with in another, when the source has to be read in another way."""
    half.segment(1).unlink()
    let_it_write(monkeypatch, tmp_path)
    once = f'[ -e "{tmp_path}/once" ] || {{ : >"{tmp_path}/once"; exit 1; }}'
    tools = false_tool(tmp_path, f'case "$*" in *segment-00001*) {once} ;; esac')
    await half.go_on(tools, replace(QUICK, crf=48))
    assert (tmp_path / "once").exists()
    assert not set(frame_hashes(half.output)) & set(frame_hashes(whole))


async def test_a_recipe_that_does_not_fit_the_frames_is_not_followed(
    half: Run, whole: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert half.memory.data is not None
    half.memory.data["recipe"]["segments"][1][0] += 1  # type: ignore[index]
    half.segment(1).unlink()
    with caplog.at_level(logging.INFO):
        await half.go_on()
    assert sha256(half.output) == sha256(whole)
    assert "failed" not in caplog.text


class NewFfmpeg(Tools):
    """The same program under another version."""

    async def features(self) -> Features:
        return replace(await super().features(), version="ffmpeg version of tomorrow")


async def test_another_ffmpeg_starts_over(half: Run, caplog: pytest.LogCaptureFixture) -> None:
    await half.go_on(NewFfmpeg())
    assert half.state.recipe.ffmpeg == "ffmpeg version of tomorrow"
    assert "ffmpeg has changed since a conversion was begun" in caplog.text


async def test_a_result_that_was_finished_is_not_made_again(ended: Run, tmp_path: Path) -> None:
    """Killed between the result and the word that it is done."""
    before = ended.output.stat()
    await ended.go_on(false_tool(tmp_path, "exit 1"))
    assert (ended.output.stat().st_ino, ended.output.stat().st_mtime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
    )
    assert not ended.work.exists()


@pytest.mark.parametrize("spoil", ["missing", "too short"])
async def test_a_result_that_is_not_as_it_was_is_made_again(ended: Run, whole: Path, spoil: str) -> None:
    # The folder went first: what was recorded of it helps nobody any more.
    shutil.rmtree(ended.work)
    if spoil == "missing":
        ended.output.unlink()
    else:
        os.truncate(ended.output, ended.output.stat().st_size - 1)
    await ended.go_on()
    assert sha256(ended.output) == sha256(whole)


async def test_the_segments_stay_until_the_result_is_on_record(source: Path, tmp_path: Path) -> None:
    run = await killed(source, tmp_path, SAVES, after=False)
    assert run.output.exists()
    assert run.resumed() == 100


async def test_the_recipe_is_on_record_before_anything_is_encoded(source: Path, tmp_path: Path) -> None:
    run = await killed(source, tmp_path, 1)
    assert len(run.state.recipe.segments) == SEGMENTS
    assert list(run.work.iterdir()) == []


# -- what ffmpeg says it has done ----------------------------------------------------------------------------


class Watched(Memory):
    """Notes at every save which files of a segmented recipe would be believed after a kill right now."""

    def __init__(self) -> None:
        super().__init__()
        self.believed: set[int] = set()

    async def save(self, data: object, progress: float) -> None:
        await super().save(data, progress)
        state = read_state(self.data)
        if state is not None and state.recipe.frames:
            self.believed |= set(state.segments)


@pytest.mark.parametrize(
    ("option", "value"), [("-frames:v", "20"), ("-vf", '"$one,setpts=PTS*1.1"')], ids=["frames", "times"]
)
async def test_a_segment_with_wrong_frames_is_never_on_record(
    source: Path, tmp_path: Path, option: str, value: str
) -> None:
    run = Run(source, tmp_path / "out.mp4", Watched())
    await run.go_on(false_tool(tmp_path, with_option(option, value, "*segment-00001*")))
    assert isinstance(run.memory, Watched)
    assert run.memory.believed == {0}
    assert largest_time_error(source, run.output) <= 0.002


@pytest.mark.parametrize(
    ("where", "sound"), [("*segments.txt*", False), ("*audio-1.mp4.part", True)], ids=["picture", "sound"]
)
async def test_a_result_that_cannot_be_decoded_to_its_end_is_refused(
    tmp_path: Path, where: str, sound: bool
) -> None:
    source, output = tmp_path / "a.avi", tmp_path / "out.mp4"
    clip(source, *MPEG4, "-c:a", "libmp3lame", size="64x48", seconds=1, sound=sound)
    with pytest.raises(ConversionFailed):
        await convert(source, output, tools=false_tool(tmp_path, damage(where)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.avi", "ffmpeg"]


async def test_a_join_that_loses_frames_is_refused_in_whatever_way_the_source_is_read(tmp_path: Path) -> None:
    source, output = film(tmp_path / "a.avi", seconds=1), tmp_path / "out.mp4"
    with pytest.raises(ConversionFailed, match="frames instead of 25"):
        await convert(
            source,
            output,
            tools=false_tool(tmp_path, 'case "$*" in *segments.txt*) set -- -t 0.5 "$@" ;; esac'),
        )
    assert not output.exists()


async def test_a_copy_that_lacks_frames_is_encoded_instead(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source, output = film(tmp_path / "a.mkv", *H264, seconds=1), tmp_path / "out.mp4"
    tools = false_tool(tmp_path, 'case "$*" in *"-c:v copy"*) set -- -t 0.5 "$@" ;; esac')
    with caplog.at_level(logging.INFO):
        await convert(source, output, tools=tools)
    assert "Copying the picture failed, so it is encoded: It has " in caplog.text
    assert largest_time_error(source, output) <= 0.002


async def test_a_picture_that_stands_still_at_a_cut_is_joined_by_the_first_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No segment knows by itself how long its last picture is shown."""
    still = "settb=1/1000,setpts='(N/25+0.7*gte(N,25))/TB'"
    codec = ("-c:v", "ffv1", "-fps_mode", "passthrough", "-enc_time_base", "1:1000")
    source = film(tmp_path / "a.mkv", *codec, picture_filter=still)
    with caplog.at_level(logging.INFO):
        await convert(source, tmp_path / "out.mp4")
    assert largest_time_error(source, tmp_path / "out.mp4") <= 0.002
    assert "way failed" not in caplog.text


def test_the_list_for_the_join_says_how_long_each_segment_lasts() -> None:
    listing = concat_listing([("a.mp4", 1_000_040), ("b.mp4", 2_000_000), ("c.mp4", None)])
    assert listing.splitlines()[1:] == [
        "file a.mp4",
        "duration 1.000040",
        "file b.mp4",
        "duration 2.000000",
        "file c.mp4",
    ]


@pytest.mark.parametrize(("name", "codec"), [("a.avi", MPEG4), ("a.mkv", H264), ("a.mp4", (*H264, *FRONT))])
async def test_nothing_counts_before_it_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, codec: tuple[str, ...]
) -> None:
    source, output = film(tmp_path / name, *codec, seconds=1), tmp_path / "out.mp4"
    work, sync = tmp_path / "out.mp4.work", os.fsync
    synced: list[tuple[int, bool]] = []

    def note(file: int) -> None:
        sync(file)
        synced.append((os.fstat(file).st_ino, output.exists()))

    class Checked(Memory):
        async def save(self, data: object, progress: float) -> None:
            await super().save(data, progress)
            state = read_state(self.data)
            for done in state.segments.values() if state and not output.exists() else ():
                assert ((work / done.name).stat().st_ino, False) in synced

    monkeypatch.setattr(os, "fsync", note)
    await convert(source, output, checkpoint=Checked())
    assert (output.stat().st_ino, False) in synced, "it had its name first"
    assert (tmp_path.stat().st_ino, True) in synced, "its name would be lost"


async def test_it_is_not_at_a_hundred_before_the_result_is_there(source: Path, tmp_path: Path) -> None:
    output, seen = tmp_path / "out.mp4", list[tuple[float, bool]]()

    async def on_progress(percent: float) -> None:
        seen.append((percent, output.exists()))

    await Converter(QUICK, TOOLS).convert(
        source,
        output,
        inspection=await inspect(source, "a.avi", tools=TOOLS),
        checkpoint=(memory := Memory()),
        work_dir=tmp_path / "work",
        on_progress=on_progress,
    )
    assert seen[-1] == (100.0, True)
    assert all(there for percent, there in seen if percent >= 100)
    # So short a film is not saved in between.
    assert len(memory.saved) == SAVES
