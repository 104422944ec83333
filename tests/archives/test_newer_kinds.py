"""What programs and systems keep files in: LZ4, Brotli, images of disks, installers."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from tests.archives.disks import compound, dmg, fat12, vhd
from tests.archives.making import tar_bytes
from tests.archives.unpacking import MemorySource, unpack
from tests.files import photo
from utils.archives import added
from utils.archives.formats import format_of
from utils.archives.opening import looks_like_archive

PICTURES = [(f"P{number}.JPG", photo(number, (640, 480))) for number in range(3)]


def lz4(data: bytes, *, checked: bool = False) -> bytes:
    return bytes(import_module("lz4.frame").compress(data, content_checksum=checked))


def brotli(data: bytes) -> bytes:
    return bytes(import_module("brotli").compress(data, quality=3))


KINDS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a.tar.lz4": (lambda: lz4(tar_bytes(PICTURES)), "tar.lz4"),
    "a.tar.br": (lambda: brotli(tar_bytes(PICTURES)), "tar.br"),
    "floppy.img": (lambda: fat12(PICTURES), "disk"),
    "floppy": (lambda: fat12(PICTURES), "disk"),
    "a.vhd": (lambda: vhd(fat12(PICTURES)), "vhd"),
    "a.dmg": (lambda: dmg(fat12(PICTURES)), "dmg"),
    "setup.msi": (lambda: compound(PICTURES), "msi"),
}


@pytest.mark.parametrize("name", KINDS)
async def test_it_is_opened(name: str, tmp_path: Path) -> None:
    make, kind = KINDS[name]
    data = make()
    assert await looks_like_archive(MemorySource(data, name))
    outcome = await unpack(data, tmp_path / "out", name=name)
    assert (outcome.format, outcome.files, outcome.errors, outcome.told) == (kind, dict(PICTURES), {}, "")


async def test_one_file_is_called_as_it_was_and_may_come_in_several_frames(tmp_path: Path) -> None:
    picture = PICTURES[0][1]
    for name, data in (
        ("a.jpg.br", brotli(picture)),
        ("a.jpg.lz4", lz4(picture[:99]) + lz4(picture[99:])),
    ):
        outcome = await unpack(data, tmp_path / name, name=name)
        assert outcome.files == {"a.jpg": picture}, name


async def test_what_is_wrong_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = PICTURES[0][1]
    whole = lz4(picture, checked=True)
    wrong_sum = whole[:-1] + bytes([whole[-1] ^ 1])
    cases = {
        "cut.lz4": (whole[: len(whole) // 2], "the archive is cut off."),
        "cut.br": (brotli(picture)[:500], "the archive is cut off."),
        "bent.br": (b"\xff" * 3000, "its compressed data are damaged: what was just before may be wrong."),
        "sum.lz4": (wrong_sum, "its check sum does not match: something that came out of it may be wrong."),
    }
    for name, (content, told) in cases.items():
        outcome = await unpack(content, tmp_path / name, name=f"a.jpg.{name.partition('.')[2]}")
        assert outcome.files == {} and told in (outcome.told, *outcome.errors.values()), (name, outcome)
    monkeypatch.setattr(added, "_lz4", None)
    monkeypatch.setattr(added, "_brotli", None)
    for kind, content in (("lz4", whole), ("br", brotli(picture))):
        told = (await unpack(content, tmp_path / f"none-{kind}", name=f"a.jpg.{kind}")).told
        assert "is not unpacked here: the package" in told, kind


@pytest.mark.parametrize(
    ("head", "name", "kind"),
    [
        (b"ITSF\x03\0\0\0" + bytes(600), "help.chm", "chm"),
        (b"vhdxfile" + bytes(600), "a", "vhd"),
        (b"\xeb\x52\x90NTFS    ".ljust(510, b"\0") + b"\x55\xaa", "a", "disk"),
        (bytes(510) + b"\x55\xaa", "card.img", "disk"),
        (bytes(510) + b"\x55\xaa", "card.jpg", ""),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "letter.doc", ""),
        (photo(1), "a.dmg", ""),
        (photo(1), "a.br", ""),
    ],
)
def test_what_a_file_is_is_known_by_its_beginning_or_its_name(head: bytes, name: str, kind: str) -> None:
    assert format_of(head, name) == kind
