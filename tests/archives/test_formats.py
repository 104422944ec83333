"""Formats by content."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.archives.making import iso, rar4, rar5
from tests.archives.unpacking import unpack
from tests.files import photo
from utils.archives.format_table import formats_table
from utils.archives.formats import format_of, is_archive, is_document
from utils.constants import ROOT


def _zip(names: tuple[str, ...] = ("a.txt",)) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return data.getvalue()


def _tar(kind: int) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=kind) as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return data.getvalue()


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (_zip, "zip"),
        (lambda: _zip(()), "zip"),
        (lambda: _tar(tarfile.USTAR_FORMAT), "tar"),
        (lambda: _tar(tarfile.GNU_FORMAT), "tar"),
        (lambda: _tar(tarfile.PAX_FORMAT), "tar"),
        (lambda: gzip.compress(b"x"), "gz"),
        (lambda: bz2.compress(b"x"), "bz2"),
        (lambda: bz2.compress(b""), "bz2"),
        (lambda: lzma.compress(b"x"), "xz"),
        (lambda: rar4([("a", b"x")]), "rar"),
        (lambda: rar5([("a", b"x")]), "rar5"),
        (lambda: b"\x28\xb5\x2f\xfd" + bytes(20), "zst"),
        (lambda: b"7z\xbc\xaf\x27\x1c" + bytes(26), "7z"),
        (lambda: b"MSCF" + bytes(60), "cab"),
        (lambda: b"!<arch>\n", "ar"),
    ],
)
def test_content_decides(make: Callable[[], bytes], expected: str) -> None:
    head = make()[:4096]
    assert format_of(head, "holiday.jpg") == expected
    assert is_archive(head, b"", "holiday.jpg")


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"PK",
        b"hello",
        bytes(4096),
        b"BZh is a word",
        photo(1)[:4096],
        b"Rar!",
        b"\x00\x00\x00\x18ftypmp42",
    ],
)
def test_the_name_alone_makes_no_archive(head: bytes) -> None:
    for name in ("a.zip", "a.tar", "a.7z", "a.rar", "a.7z.001"):
        assert not is_archive(head, b"", name)


def test_later_volumes_of_a_cut_file_are_known_by_name() -> None:
    assert is_archive(b"anything", b"", "a.7z.002")
    assert is_archive(b"anything", b"", "a.z02")
    assert not is_archive(b"", b"", "a.7z.002")


def test_the_table_of_formats_is_that_of_the_code() -> None:
    """To renew: python -c 'from utils.archives.format_table import *; print(formats_table())'."""
    text = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert (
        text.partition("<!-- archives -->\n")[2].partition("<!-- end of archives -->")[0] == formats_table()
    )


def test_the_last_volume_of_a_zip_is_known_by_its_end() -> None:
    tail = _zip(("a.jpg",))[-100:]
    assert is_archive(b"anything", tail, "a.zip")
    assert not is_archive(photo(), tail, "a.zip")


def test_a_zip_behind_something_else_is_known_by_its_end_whatever_its_name() -> None:
    data = _zip(("a.jpg",))
    for name in ("a.exe", "a.cbz", "a", "a.jpg"):
        assert is_archive(b"MZ" + bytes(50), data[-100:], name)
        assert not is_archive(b"MZ" + bytes(50), b"no mark", name)
    for head in (photo(), b"\x89PNG\r\n\x1a\n", b"\0\0\0\x18ftypmp42", b"\x1a\x45\xdf\xa3"):
        assert not is_archive(head, data[-100:], "a.exe")
    # A mark that comes by chance, or in a text about it.
    for tail in (b"PK\x05\x06", b"PK\x05\x06 is how it begins " + bytes(20), data[-100:] + b"more", _zip(())):
        assert not is_archive(b"MZ" + bytes(50), tail, "a.exe")


@pytest.mark.parametrize(
    "first", ["[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF", "AndroidManifest.xml"]
)
def test_documents_are_told_from_collections(first: str) -> None:
    assert is_document(_zip((first, "word/media/image1.png")))
    assert not is_document(_zip(("a.jpg", first)))


@pytest.mark.parametrize("head", [photo(), b"\x89PNG\r\n\x1a\n", b"\0\0\0\x18ftypmp42", b"\x1a\x45\xdf\xa3"])
def test_a_picture_that_is_called_like_a_volume_is_none(head: bytes) -> None:
    assert not is_archive(head[:4096], b"", "IMG.002")


@pytest.mark.parametrize("start", [b"", b"\x33\xed starts a computer"], ids=["plain", "hybrid"])
@pytest.mark.parametrize("name", ["a.iso", "a.img", "a"])
async def test_an_iso_image_is_known_by_its_mark(start: bytes, name: str, tmp_path: Path) -> None:
    outcome = await unpack(iso("A.JPG", b"picture" * 1000, start), tmp_path, name=name)
    assert outcome.files == {"A.JPG": b"picture" * 1000} and outcome.format == "iso"


def test_a_picture_is_no_iso_image_whatever_stands_in_it() -> None:
    assert not is_archive(photo()[:4096] + iso("A.JPG", b"")[4096:], b"", "a.jpg")
