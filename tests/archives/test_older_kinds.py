"""What people kept from earlier years, or made with other tools: LZH, Z, lzip, cpio, self-extractors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.archives.making import (
    Files,
    binary_cpio,
    compressed_z,
    lzh,
    lzip,
    rar4,
    rar5,
    seven_zip,
    tar_bytes,
    zip_bytes,
)
from tests.archives.unpacking import MemorySource, unpack
from tests.files import photo
from utils.archives.opening import looks_like_archive

PICTURES = [(f"p{number}.jpg", photo(number, (32, 24))) for number in range(3)]
#: The beginning of a program, with what such programs have in them: the marks that they look for.
PROGRAM = b"MZ\x90" + bytes(70_000) + b"7z\xbc\xaf\x27\x1c\0\x04Rar!\x1a\x07\0Rar!\x1a\x07\x01\0" + bytes(900)


def seven(files: Files, folder: Path) -> bytes:
    return seven_zip(folder / "made.7z", dict(files)).read_bytes()


KINDS: dict[str, tuple[Callable[[Files, Path], bytes], str]] = {
    "a.lzh": (lambda files, _: lzh(files), "lzh"),
    "a.tar.Z": (lambda files, _: compressed_z(tar_bytes(files)), "tar.Z"),
    "a.tar.lz": (lambda files, _: lzip(tar_bytes(files)), "tar.lz"),
    "little.cpio": (lambda files, _: binary_cpio(files), "cpio"),
    "big.cpio": (lambda files, _: binary_cpio(files, ">"), "cpio"),
    "7z.exe": (lambda files, folder: PROGRAM + seven(files, folder), "7z"),
    "7z.run": (lambda files, folder: b"\x7fELF" + PROGRAM + seven(files, folder), "7z"),
    "rar4.exe": (lambda files, _: PROGRAM + rar4(files), "rar"),
    "rar5.exe": (lambda files, _: PROGRAM + rar5(files), "rar5"),
    "zip.exe": (lambda files, _: PROGRAM + zip_bytes(files), "zip"),
}


@pytest.mark.parametrize("name", KINDS)
async def test_it_is_opened(name: str, tmp_path: Path) -> None:
    make, kind = KINDS[name]
    data = make(PICTURES, tmp_path)
    assert await looks_like_archive(MemorySource(data, name))
    outcome = await unpack(data, tmp_path / "out", name=name)
    assert (outcome.format, outcome.files, outcome.errors, outcome.told) == (kind, dict(PICTURES), {}, "")


async def test_a_program_is_no_archive_because_of_what_it_looks_for(tmp_path: Path) -> None:
    source = MemorySource(PROGRAM + bytes(9_000_000), "setup.exe")
    assert not await looks_like_archive(source)
    assert source.fetched < 3_000_000
    assert (await unpack(source, tmp_path)).told == "this is no archive that I know."


async def test_of_a_damaged_lzh_the_whole_files_come(tmp_path: Path) -> None:
    data = bytearray(lzh(PICTURES))
    data[data.index(b"p1.jpg") + 300] ^= 1
    outcome = await unpack(bytes(data), tmp_path)
    assert outcome.files == {name: content for name, content in PICTURES if name != "p1.jpg"}
    assert outcome.errors == {"p1.jpg": "its check sum does not match."}


async def test_one_file_is_called_as_it_was(tmp_path: Path) -> None:
    picture = PICTURES[0][1]
    for name, data in (
        ("a.jpg.Z", compressed_z(picture)),
        ("a.jpg.lz", lzip(picture[:99]) + lzip(picture[99:])),
    ):
        outcome = await unpack(data, tmp_path / name, name=name)
        assert outcome.files == {"a.jpg": picture}


async def test_what_is_wrong_with_an_lzip_is_said(tmp_path: Path) -> None:
    data = lzip(PICTURES[0][1])
    sum_at, half = len(data) - 20, len(data) // 2
    wrong_sum = data[:sum_at] + bytes([data[sum_at] ^ 1]) + data[sum_at + 1 :]
    cases = {
        "cut off": (data[:half], "the archive is cut off."),
        "no end": (data[:-3], "the archive is cut off."),
        "sum": (wrong_sum, "its check sum does not match: something that came out of it may be wrong."),
        "greedy": (data[:5] + b"\x1d" + data[6:], "it needs too much memory to be unpacked."),
    }
    for name, (content, told) in cases.items():
        outcome = await unpack(content, tmp_path / name, name="a.jpg.lz")
        assert outcome.files == {} and told in (outcome.told, *outcome.errors.values()), name
