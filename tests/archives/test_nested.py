"""Archives in archives, under one budget."""

from __future__ import annotations

import gzip
from pathlib import Path

from tests.archives.handmade import gzip_quine
from tests.archives.making import rar5, tar_bytes, zip_bytes
from tests.archives.unpacking import unpack
from utils.archives import Entry, Limits
from utils.errors import LimitExceeded


async def test_what_is_in_them_comes_as_if_in_a_folder(tmp_path: Path) -> None:
    innermost = rar5([("deep/img.jpg", b"deep")])
    inner = tar_bytes([("x.jpg", b"x"), ("c.rar", innermost)], "w:gz")
    outer = zip_bytes([("a.jpg", b"a"), ("f/b.tgz", inner), ("z.jpg", b"z")])
    outcome = await unpack(outer, tmp_path)
    assert outcome.files == {
        "a.jpg": b"a", "z.jpg": b"z", "f/b.tgz/x.jpg": b"x", "f/b.tgz/c.rar/deep/img.jpg": b"deep"
    }  # fmt: skip
    assert outcome.keys["f/b.tgz/c.rar/deep/img.jpg"] == "1/1/0"
    assert outcome.error is None and not outcome.errors


async def test_a_compressed_picture_in_an_archive_is_taken_out(tmp_path: Path) -> None:
    outcome = await unpack(zip_bytes([("p.jpg.gz", gzip.compress(b"picture"))]), tmp_path)
    assert outcome.files == {"p.jpg.gz/p.jpg": b"picture"}


async def test_the_content_of_documents_is_nobodys_album(tmp_path: Path) -> None:
    document = zip_bytes([("[Content_Types].xml", b"<x/>"), ("word/media/image1.png", b"png")])
    asked: list[str] = []

    def accept(entry: Entry, _: bytes) -> bool:
        asked.append(entry.path)
        return False

    outcome = await unpack(zip_bytes([("letter.docx", document)]), tmp_path, accept=accept)
    assert asked == ["letter.docx"]
    assert not outcome.files and outcome.error is None


async def test_too_deep_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    data = zip_bytes([("picture.jpg", b"p")])
    for level in range(5):
        data = zip_bytes([("in.zip", data), (f"level{level}.jpg", b"x")])
    outcome = await unpack(data, tmp_path, limits=Limits(disk_reserve=0, max_depth=2))
    assert len([path for path in outcome.files if path.endswith(".jpg")]) == 3
    (sentence,) = outcome.errors.values()
    assert "2" in sentence


async def test_a_file_that_unpacks_to_itself_ends_at_the_depth(tmp_path: Path) -> None:
    quine = gzip_quine()
    assert gzip.decompress(quine) == quine
    outcome = await unpack(quine, tmp_path, name="r.gz")
    assert not outcome.files and outcome.error is None
    (sentence,) = outcome.errors.values()
    assert "depth of 3" in sentence


async def test_a_nested_archive_that_is_damaged_spoils_nothing_else(tmp_path: Path) -> None:
    bad = bytearray(rar5([("a.jpg", b"a" * 1000), ("b.jpg", b"b" * 1000)]))
    bad[500] ^= 1
    outer = zip_bytes([("bad.rar", bytes(bad)), ("torn.zip", b"PK\x03\x04 nonsense"), ("z.jpg", b"z")])
    outcome = await unpack(outer, tmp_path)
    assert outcome.files == {"z.jpg": b"z", "bad.rar/b.jpg": b"b" * 1000}
    assert set(outcome.errors) == {"bad.rar/a.jpg", "torn.zip"}
    assert outcome.error is None


async def test_entries_are_counted_over_all_levels(tmp_path: Path) -> None:
    inner = zip_bytes([(f"{n}.jpg", b"x") for n in range(60)])
    outer = zip_bytes([(f"{n}.zip", inner) for n in range(3)])
    outcome = await unpack(outer, tmp_path, limits=Limits(disk_reserve=0, max_entries=100))
    assert 0 < len(outcome.files) <= 100
    refused = [outcome.told, *outcome.errors.values()]
    assert any("100 entries" in sentence for sentence in refused)


async def test_size_is_counted_over_all_levels(tmp_path: Path) -> None:
    inner = zip_bytes([(f"{n}.jpg", bytes(100_000)) for n in range(5)])
    outer = zip_bytes([(f"{n}.zip", inner) for n in range(5)])
    outcome = await unpack(outer, tmp_path, limits=Limits(disk_reserve=0, max_total=1_500_000))
    assert isinstance(outcome.error, LimitExceeded)
    assert sum(map(len, outcome.files.values())) <= 1_500_000


async def test_a_zip_with_something_in_front_is_opened_inside_an_archive_too(tmp_path: Path) -> None:
    inner = b"a program" * 600 + zip_bytes([("x.jpg", b"x")])
    assert (await unpack(inner, tmp_path / "alone", name="a.exe")).files == {"x.jpg": b"x"}
    outcome = await unpack(zip_bytes([("a.zip", inner), ("z.jpg", b"z")]), tmp_path / "inside")
    assert outcome.files == {"a.zip/x.jpg": b"x", "z.jpg": b"z"} and not outcome.errors
