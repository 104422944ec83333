"""Names that mean something to a shell, to a list of files or to 7-Zip are names like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.archives.making import zip_bytes
from tests.archives.unpacking import unpack

NAMES = (
    "starry.jpg",
    " space before.jpg",
    "space behind.jpg ",
    "dot.",
    '"quoted".jpg',
    "'quoted'.jpg",
    "@list.jpg",
    "-dash.jpg",
    "--",
    "star*.jpg",
    "question?.jpg",
    "[brackets].jpg",
    "tab\t.jpg",
    "escape\x1b[31m.jpg",
    "../up.jpg",
    "/absolute.jpg",
    "C:\\drive\\x.jpg",
    "back\\slash.jpg",
    "sub/./x.jpg",
    "sub//y.jpg",
    "фото.jpg",
    "日本.jpg",
    "#.jpg",
    ";.jpg",
    "$HOME.jpg",
    "dir.jpg",
    "dir.jpg/inner.jpg",
    "con",
    "a:b.jpg",
    "~",
    "\u202egpj.jpg",
    "cafe\u0301.jpg",
    "same.jpg",
    "SAME.jpg",
    "x" * 300 + ".jpg",
)
FILES = [(name, f"{number} {name}".encode() * 50) for number, name in enumerate(NAMES)]


@pytest.mark.parametrize("damaged", [0, 1, len(NAMES) // 2])
async def test_each_is_found_again_behind_a_damaged_one(damaged: int, tmp_path: Path) -> None:
    """It is cut before its end, so that 7-Zip reads it; what comes behind damage is asked for by name."""
    files = [*FILES[:damaged], ("bad.bin", b"?" * 500), *FILES[damaged:]]
    data = zip_bytes(files).replace(b"?" * 500, b"!" * 500)
    outcome = await unpack(data[:-30], tmp_path)
    assert set(outcome.errors) == {"bad.bin"}
    assert sorted(outcome.files.values()) == sorted(content for _, content in FILES)


async def test_a_thousand_small_files_with_a_dozen_damaged_come_in_seconds(tmp_path: Path) -> None:
    files = [(f"{number:04d}.jpg", b"%04d" % number * 100) for number in range(1000)]
    data = zip_bytes(files)
    bad = range(50, 1000, 80)
    for number in bad:
        data = data.replace(files[number][1], b"#" * 400)
    outcome = await unpack(data[:-30], tmp_path)
    assert len(outcome.files) == 1000 - len(bad)
    assert list(outcome.errors) == [f"{number:04d}.jpg" for number in bad]


async def test_a_damaged_stretch_of_entries_does_not_end_the_rest(tmp_path: Path) -> None:
    files = [(f"{number:04d}.jpg", b"%04d" % number * 100) for number in range(200)]
    data = zip_bytes(files)
    for number in range(20, 60):
        data = data.replace(files[number][1], b"#" * 400)
    outcome = await unpack(data[:-30], tmp_path)
    assert len(outcome.errors) == 40 and len(outcome.files) == 160
