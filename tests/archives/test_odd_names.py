"""Names that mean something to a shell, to a list of files or to 7-Zip are names like any other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.archives.making import seven_zip, zip_bytes
from tests.archives.unpacking import unpack
from utils.archives.source import FileSource
from utils.errors import WrongPassword

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
    "\U0001f4f7.jpg",
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


FOREIGN = ("Фото", "Море", "Зима", "Лето")


def foreign_zip(files: Mapping[str, bytes], encoding: str) -> bytes:
    """A ZIP whose names are in ``encoding``, which nothing in it says."""
    stand_ins = {f"{number:04}.jpg": name for number, name in enumerate(files)}
    data = zip_bytes(list(zip(stand_ins, files.values(), strict=True)))
    for stand_in, name in stand_ins.items():
        data = data.replace(stand_in.encode(), f"{name}.jpg".encode(encoding))
    return data


@pytest.mark.parametrize("encoding", ["cp866", "cp1251"])
async def test_names_that_are_no_unicode_are_found_again(encoding: str, tmp_path: Path) -> None:
    files = {name: name.encode() * 500 for name in FOREIGN}
    damaged = foreign_zip(files, encoding).replace(files["Фото"], b"?" * len(files["Фото"]))
    outcome = await unpack(damaged[:-30], tmp_path)
    assert list(outcome.errors) == ["Фото.jpg"]
    assert outcome.files == {f"{name}.jpg": files[name] for name in FOREIGN[1:]}


@pytest.mark.parametrize("method", ["AES256", "ZipCrypto"])
async def test_a_name_that_is_no_unicode_does_not_hide_the_password(method: str, tmp_path: Path) -> None:
    path = seven_zip(tmp_path / "made" / "a.zip", {"0000.jpg": b"x" * 500}, "-psecret", f"-mem={method}")
    data = path.read_bytes().replace(b"0000", "Фото".encode("cp866"))
    outcome = await unpack(data, tmp_path / "right", passwords=["wrong", "secret"])
    assert outcome.files == {"Фото.jpg": b"x" * 500} and outcome.error is None
    outcome = await unpack(data, tmp_path / "wrong", passwords=["wrong"])
    assert isinstance(outcome.error, WrongPassword)


@pytest.mark.parametrize("encoding", ["utf-8", "cp866"])
async def test_a_method_that_nobody_knows_is_no_wrong_password(encoding: str, tmp_path: Path) -> None:
    path = seven_zip(
        tmp_path / "made" / "a.zip", {"00000000.jpg": b"x" * 500}, "-psecret", "-mem=ZipCrypto", "-mx0"
    )
    name = "Фото".encode(encoding).ljust(8, b"_")
    data = bytearray(path.read_bytes().replace(b"0" * 8, name))
    for magic, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        data[data.index(magic) + at] = 200
    outcome = await unpack(bytes(data), tmp_path / "room", passwords=["secret"])
    assert outcome.error is None and len(outcome.errors) == 1


@pytest.mark.parametrize("line_end", ["\n", "\r"])
@pytest.mark.parametrize("kind", ["zip", "7z"])
async def test_a_name_with_a_line_end_does_not_hide_the_password(
    kind: str, line_end: str, tmp_path: Path
) -> None:
    """A list of names has a name a line."""
    path = seven_zip(tmp_path / "made" / f"a.{kind}", {f"a{line_end}b.jpg": b"x" * 500}, "-psecret")
    outcome = await unpack(FileSource(path), tmp_path / "right", passwords=["wrong", "secret"])
    assert list(outcome.files.values()) == [b"x" * 500] and outcome.error is None
    outcome = await unpack(FileSource(path), tmp_path / "wrong", passwords=["wrong"])
    assert isinstance(outcome.error, WrongPassword)


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
