"""ffmpeg and ffprobe as the bot calls them, and what is said when it is they that fail."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fake_tools import crashing_on_transport_streams, on_path
from tests.media.makers import AAC, H264, QUICK, TOOLS, Memory, clip, convert
from tests.media.test_kill_and_resume import recipe_in
from utils.errors import ConversionFailed, ConversionTimeout, DiskFull, ToolCrashed, ToolStopped
from utils.media import Converter, Verdict, inspect
from utils.media.commands import Job
from utils.media.tools import Progress, Tools

MPEG4 = ("-c:v", "mpeg4", "-q:v", "4")


def transport_stream(folder: Path) -> Path:
    return clip(folder / "a.ts", *H264, *AAC, seconds=1)


def dying(number: int, words: str = "") -> str:
    return f"import os, sys; print({words!r}, file=sys.stderr, flush=True); os.kill(os.getpid(), {number})"


# -- a tool that crashes is not a damaged file ---------------------------------------------------------------


async def test_an_ffprobe_that_crashes_is_named_and_the_file_is_not_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = transport_stream(tmp_path)
    on_path(monkeypatch, tmp_path, "ffprobe", crashing_on_transport_streams("ffprobe", signal.SIGSEGV))
    found = await inspect(source, source.name, tools=Tools())
    assert (found.verdict, found.reason) == (Verdict.OTHER, "ffprobe crashed on it (signal 11).")


@pytest.mark.parametrize("name", ["SIGABRT", "SIGILL", "SIGBUS"])
async def test_an_ffmpeg_that_crashes_is_named_after_every_way_was_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source = clip(tmp_path / "a.ts", "-c:v", "mpeg2video", *AAC, seconds=1)
    number = signal.Signals[name]
    on_path(monkeypatch, tmp_path, "ffmpeg", crashing_on_transport_streams("ffmpeg", number))
    with pytest.raises(ToolCrashed, match=rf"ffmpeg crashed on it \(signal {number:d}\)"):
        await convert(source, tmp_path / "out.mp4", tools=Tools())
    assert not (tmp_path / "out.mp4").exists()


async def test_an_ffmpeg_that_crashes_while_it_looks_for_a_picture_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = clip(tmp_path / "a.avi", *MPEG4, seconds=3, sound=False)
    data = bytearray(source.read_bytes())
    at = data.index(b"movi") + 4
    while data[at : at + 4] == b"00dc":
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        data[at + 8 : at + 8 + size] = bytes(size)
        at += 8 + size + size % 2
    source.write_bytes(data)
    assert "None of its pictures" in (await inspect(source, source.name, tools=Tools())).reason
    on_path(monkeypatch, tmp_path, "ffmpeg", dying(signal.SIGSEGV))
    found = await inspect(source, source.name, tools=Tools())
    assert (found.verdict, found.reason) == (Verdict.OTHER, "ffmpeg crashed on it (signal 11).")


@pytest.mark.parametrize(
    ("number", "words", "told"),
    [
        (signal.SIGKILL, "", "was killed"),
        (signal.SIGTERM, "", "was killed"),
        (signal.SIGABRT, "what():  std::bad_alloc", "got too little memory for it"),
    ],
)
async def test_one_that_was_killed_or_got_no_memory_has_not_crashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str, told: str
) -> None:
    source = transport_stream(tmp_path)
    on_path(monkeypatch, tmp_path, "ffmpeg", dying(number, words))
    with pytest.raises(ToolStopped) as caught:
        await Tools().convert(["-i", str(source)], within=30)
    assert caught.value.told == f"ffmpeg {told}."


async def test_an_ffprobe_that_is_not_there_is_not_the_files_fault(tmp_path: Path) -> None:
    found = await inspect(transport_stream(tmp_path), "a.ts", tools=Tools(ffprobe="ffprobe-of-nowhere"))
    assert (found.verdict, found.reason) == (Verdict.OTHER, "ffprobe-of-nowhere is not installed.")


# -- what befalls a call, as what it means for the file ------------------------------------------------------


async def test_a_description_without_an_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utils.processes.supervisor.STDOUT_LIMIT", 1 << 20)
    on_path(monkeypatch, tmp_path, "ffprobe", "while True: print('x' * 1000)")
    with pytest.raises(ConversionFailed, match="absurdly long"):
        await Tools().describe(["-version"])


async def test_a_look_that_takes_too_long_is_a_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_path(monkeypatch, tmp_path, "ffprobe", "import time; time.sleep(60)")
    with pytest.raises(ConversionTimeout, match="longer than 1 seconds"):
        await Tools().describe(["-version"], within=1)


async def test_a_result_larger_than_it_may_be_is_a_full_disk(tmp_path: Path) -> None:
    job = Job()
    number = job.input(clip(tmp_path / "a.mkv", *H264, *AAC, seconds=1))
    job.output(tmp_path / "out.avi", [(number, "v:0")], {"c:v": "rawvideo", "f": "avi"})
    with pytest.raises(DiskFull):
        await TOOLS.convert(job.arguments(), within=60, file_bytes=100_000)
    assert (tmp_path / "out.avi").stat().st_size <= 100_000
    assert (await TOOLS.convert(job.arguments(), within=60, file_bytes=None)).frames > 0
    assert (tmp_path / "out.avi").stat().st_size > 100_000


async def test_a_conversion_leaves_the_reserve_of_the_disk_alone(tmp_path: Path) -> None:
    source = clip(tmp_path / "a.avi", *MPEG4, seconds=2)
    largest: dict[str, int | None] = {}

    class Watched(Tools):
        async def convert(self, arguments: Sequence[str], **options: Any) -> Progress:
            if arguments[-1].startswith("file:"):
                largest[Path(arguments[-1]).name] = options["file_bytes"]
            return await super().convert(arguments, **options)

    settings = replace(QUICK, disk_reserve=999_000_000)
    await Converter(settings, Watched(), free=lambda _: 1_000_000_000).convert(
        source,
        tmp_path / "out.mp4",
        inspection=await inspect(source, source.name, tools=TOOLS),
        checkpoint=Memory(),
        work_dir=tmp_path / "work",
        on_progress=nothing,
    )
    written = ["audio-1.mp4.part", "out.mp4.part", "segment-00000.mp4.part", "segment-00001.mp4.part"]
    assert largest == dict.fromkeys(written, 1_000_000)


async def nothing(_: float) -> None:
    """Nobody looks on."""


# -- threads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("threads", "each", "seconds"), [(1, 1, 1.0), (3, 3, 1.0), (4, 2, 2.0)])
async def test_every_segment_is_decoded_and_encoded_with_the_threads_of_the_settings(
    tmp_path: Path, threads: int, each: int, seconds: float
) -> None:
    """With an even number two segments share them; see ``lanes_of``."""
    source = clip(tmp_path / "a.avi", *MPEG4, seconds=3)
    calls: list[list[str]] = []

    class Watched(Tools):
        async def convert(self, arguments: Sequence[str], **options: Any) -> Progress:
            if any("segment-" in word for word in arguments):
                calls.append(list(arguments))
            return await super().convert(arguments, **options)

    memory = Memory()
    settings = replace(QUICK, threads=threads, segment_seconds=seconds)
    await convert(source, tmp_path / "out.mp4", settings=settings, checkpoint=memory, tools=Watched())
    assert len(calls) == len(recipe_in(memory).segments) >= 2
    for call in calls:
        places = [place for place, word in enumerate(call) if word == "-threads"]
        assert [call[place + 1] for place in places] == [str(each), str(each)]
        decoding, encoding = places
        assert decoding < call.index("-i") < encoding < len(call) - 2
