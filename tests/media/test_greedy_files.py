"""What the bot reads of a file in its own process takes little time and memory, whatever is in it."""

from __future__ import annotations

import struct
import time
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from tests.files import photo, video
from tests.media.makers import TOOLS, clip, ffmpeg
from utils.errors import ConversionFailed
from utils.media import Verdict, inspect
from utils.media.boxes import read_index, read_layout
from utils.media.first_look import first_look
from utils.media.frame_times import _ordered, _Packets
from utils.media.moments import taken_at
from utils.media.motion import take_film
from utils.media.probe import probe

MB = 1 << 20


def box(kind: bytes, size: int) -> bytes:
    return struct.pack(">I4s", size, kind)


def endless_film(path: Path) -> None:
    """Each of a million boxes may be the first of a film, and is followed by all others."""
    path.write_bytes(photo(1) + box(b"ftyp", 8) * 1_000_000)


def deep_index(path: Path) -> None:
    """Tracks in tracks in tracks."""
    inner = b"".join(box(b"trak", 8 * (5000 - depth)) for depth in range(5000))
    path.write_bytes(
        box(b"ftyp", 16) + b"isom\0\0\0\0" + box(b"moov", 8 + len(inner)) + inner + box(b"mdat", 8)
    )


def index_of_boxes(path: Path) -> None:
    path.write_bytes(
        box(b"ftyp", 16) + b"isom\0\0\0\0" + box(b"moov", 8 + 24 * MB) + box(b"free", 8) * (3 * MB)
    )


def huge_index(path: Path) -> None:
    """200 MB, which cost the sender nothing: zeros in the times of a track, and in what all tell together."""
    nested = box(b"stts", 50 * MB) + struct.pack(">II", 0, MB)
    for depth, kind in enumerate((b"stbl", b"minf", b"mdia", b"trak")):
        nested = box(kind, 50 * MB + 8 * (depth + 1)) + nested
    with path.open("wb") as file:
        file.write(box(b"ftyp", 16) + b"isom\0\0\0\0" + box(b"moov", 200 * MB) + nested)
        file.seek(24 + 50 * MB + 32)
        file.write(box(b"udta", 100 * MB))
        file.truncate(16 + 200 * MB)
        file.seek(0, 2)
        file.write(box(b"mdat", 8))


def padded_picture(path: Path) -> None:
    """700 MB of zeros behind a picture."""
    with path.open("wb") as file:
        file.write(photo(1))
        file.truncate(700 * MB)


@pytest.mark.parametrize(
    "make",
    [endless_film, deep_index, index_of_boxes, huge_index, padded_picture],
    ids=lambda make: make.__name__,
)
def test_it_is_looked_at_in_little_time_and_memory(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "1"
    make(path)
    tracemalloc.start()
    began = time.thread_time()
    first_look(path, "a.jpg" if "picture" in make.__name__ or "film" in make.__name__ else "a.mp4")
    read_layout(path)
    read_index(path)
    taken_at(path)
    assert not take_film(path, tmp_path / "film")
    seconds = time.thread_time() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * MB
    # Tracing makes it slower.
    assert seconds < 8


def test_an_index_that_says_much_of_the_whole_is_read_all_the_same(tmp_path: Path) -> None:
    """What is too large is left out, and the rest is there."""
    film = video("mp4")
    path = tmp_path / "1"
    path.write_bytes(film)
    layout = read_layout(path)
    assert layout is not None and layout.index_found and layout.tracks[0].samples > 0
    assert b"mvhd" in read_index(path) and b"trak" not in read_index(path)


async def test_a_description_without_end_is_not_read(tmp_path: Path) -> None:
    """Tags of 30 MB, of which three are of use."""
    notes = tmp_path / "notes.txt"
    lines = "".join(f"word{number}={'x' * 100_000}\n" for number in range(300))
    notes.write_text(f";FFMETADATA1\ntitle=Holiday\n{lines}", encoding="ascii")
    source, path = tmp_path / "source.mp4", tmp_path / "told.mkv"
    clip(source)
    ffmpeg("-i", source, "-i", notes, "-map_metadata", "1", "-c", "copy", path)
    assert path.stat().st_size > 30_000_000
    tracemalloc.start()
    found = await probe(path, TOOLS)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.title == "Holiday" and peak < 10 * MB
    assert (await inspect(path, "told.mkv", tools=TOOLS)).verdict is not Verdict.OTHER


def test_the_times_of_many_frames_are_sorted_where_they_are() -> None:
    """A file of 6 MB may say that it has millions, each of which can be decoded by itself."""
    reader = _Packets()
    for number in range(0, 90_000, 3):
        for time_ in (number + 2, number, number + 1):
            reader.add(time_, 1, key=True)
    tracemalloc.start()
    found = _ordered(reader, Fraction(1, 1000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert list(found.times) == list(range(90_000)) and 5 in found.keys and 90_000 not in found.keys
    assert peak < 2 * MB


def test_frames_in_no_order_at_all_are_sorted_while_they_are_few() -> None:
    for count, fits in ((1000, True), (301_000, False)):
        reader = _Packets()
        for number in reversed(range(count)):
            reader.add(number, 1, key=number == 7)
        if fits:
            found = _ordered(reader, Fraction(1, 1000))
            assert list(found.times) == list(range(count)) and 7 in found.keys and 8 not in found.keys
        else:
            with pytest.raises(ConversionFailed, match="no order"):
                _ordered(reader, Fraction(1, 1000))
