"""Limits, before anything is written and while it is."""

from __future__ import annotations

import gzip
import struct
import zipfile
from pathlib import Path

import pytest

from tests.archives.handmade import empty_7z
from tests.archives.making import rar5, seven_zip, tar_bytes, zip_bytes
from tests.archives.unpacking import MB, MemorySource, unpack
from utils.archives import Limits
from utils.errors import DiskFull, LimitExceeded


def archives(files: list[tuple[str, bytes]], folder: Path) -> dict[str, bytes]:
    """The same files in every format that has a way of its own."""
    folder.mkdir(parents=True)
    return {
        "zip": zip_bytes(files, zipfile.ZIP_DEFLATED),
        "tar": tar_bytes(files),
        "tar.gz": tar_bytes(files, "w:gz"),
        "rar5": rar5(files),
        "7z": seven_zip(folder / "a.7z", dict(files), "-mx1").read_bytes(),
    }


FORMATS = ["zip", "tar", "tar.gz", "rar5", "7z"]


@pytest.mark.parametrize("kind", FORMATS)
async def test_too_many_entries_are_refused_with_the_figure(kind: str, tmp_path: Path) -> None:
    data = archives([(f"{n}", b"") for n in range(30)], tmp_path / "made")[kind]
    outcome = await unpack(data, tmp_path / "room", limits=Limits(disk_reserve=0, max_entries=20))
    assert isinstance(outcome.error, LimitExceeded) and "20" in outcome.told
    allowed = await unpack(data, tmp_path / "other", limits=Limits(disk_reserve=0, max_entries=31))
    assert len(allowed.files) == 30 and allowed.error is None


@pytest.mark.parametrize("kind", FORMATS)
async def test_a_file_too_large_is_left_out_and_the_others_come(kind: str, tmp_path: Path) -> None:
    files = [("a", b"x" * 50), ("b.bin", bytes(3 * MB)), ("c", b"y" * 50)]
    data = archives(files, tmp_path / "made")[kind]
    outcome = await unpack(data, tmp_path / "room", limits=Limits(disk_reserve=0, max_file=1 * MB))
    assert outcome.files == {"a": b"x" * 50, "c": b"y" * 50}
    assert "3.0 MB" in outcome.errors["b.bin"] and "1.0 MB" in outcome.errors["b.bin"]


@pytest.mark.parametrize("kind", FORMATS)
async def test_the_total_is_limited(kind: str, tmp_path: Path) -> None:
    data = archives([(f"{n}", bytes([n]) * MB) for n in range(6)], tmp_path / "made")[kind]
    outcome = await unpack(data, tmp_path / "room", limits=Limits(disk_reserve=0, max_total=3 * MB + 500))
    assert isinstance(outcome.error, LimitExceeded) and "3.0 MB" in outcome.told
    assert len(outcome.files) <= 3


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "7z"])
async def test_an_absurd_ratio_is_refused_with_the_figures(kind: str, tmp_path: Path) -> None:
    data = archives([(f"{n}", bytes(5 * MB)) for n in range(4)], tmp_path / "made")[kind]
    limits = Limits(disk_reserve=0, ratio_from=4 * MB, max_ratio=20)
    outcome = await unpack(data, tmp_path / "room", limits=limits)
    assert isinstance(outcome.error, LimitExceeded) and "20 times" in outcome.told
    fine = await unpack(data, tmp_path / "other", limits=Limits(disk_reserve=0))
    assert len(fine.files) == 4 and fine.error is None


async def test_a_single_file_that_grows_without_end_is_stopped(tmp_path: Path) -> None:
    data = gzip.compress(bytes(30 * MB))
    limits = Limits(disk_reserve=0, max_file=2 * MB)
    outcome = await unpack(data, tmp_path, name="a.bin.gz", limits=limits)
    assert not outcome.files
    assert "2.0 MB" in (outcome.errors.get("a.bin") or outcome.told)


@pytest.mark.parametrize("kind", FORMATS)
async def test_the_disk_is_never_filled(kind: str, tmp_path: Path) -> None:
    entries = [("a", b"x"), ("b.bin", bytes(3 * MB)), ("c", b"y"), ("d", bytes(1000))]
    data = archives(entries, tmp_path / "made")[kind]
    limits = Limits(disk_reserve=10 * MB, free=lambda _: 12 * MB, max_total=3 * MB + 500)
    outcome = await unpack(data, tmp_path / "room", limits=limits)
    if outcome.error is not None:
        # What has to be fetched first does not fit as a whole.
        assert isinstance(outcome.error, DiskFull) and not outcome.listing
    else:
        # What does not fit does not keep back what does.
        assert outcome.errors.keys() == {"b.bin"}
        assert outcome.files == dict(entries[:1] + entries[2:])
    told = outcome.told or " ".join(outcome.errors.values())
    assert "3.0 MB" in told and "2.0 MB" in told


async def test_an_archive_larger_than_the_disk_is_not_even_fetched(tmp_path: Path) -> None:
    source = MemorySource(rar5([("a.bin", bytes(3 * MB))]))
    outcome = await unpack(source, tmp_path, limits=Limits(disk_reserve=10 * MB, free=lambda _: 12 * MB))
    assert isinstance(outcome.error, DiskFull)
    assert "3.0 MB" in outcome.told and "2.0 MB" in outcome.told
    assert source.fetched < 200_000


async def test_a_zip_whose_sizes_lie_is_stopped_at_what_it_said(tmp_path: Path) -> None:
    data = bytearray(zip_bytes([("bomb", bytes(20 * MB)), ("a.txt", b"hello")], zipfile.ZIP_DEFLATED))
    at = data.index(b"PK\x01\x02")
    assert struct.unpack_from("<I", data, at + 24)[0] == 20 * MB
    struct.pack_into("<I", data, at + 24, 1000)
    outcome = await unpack(bytes(data), tmp_path)
    assert outcome.files == {"a.txt": b"hello"}
    assert list(outcome.errors) == ["bomb"]
    assert "more than its header says" in outcome.errors["bomb"]


async def test_a_million_empty_entries_are_refused_soon(tmp_path: Path) -> None:
    """Their listing is read no further than to the limit."""
    outcome = await unpack(empty_7z(1_000_000), tmp_path)
    assert isinstance(outcome.error, LimitExceeded) and "50,000" in outcome.told


async def test_as_many_entries_as_allowed_are_taken_out(tmp_path: Path) -> None:
    outcome = await unpack(empty_7z(700), tmp_path, limits=Limits(disk_reserve=0, max_entries=700))
    assert len(outcome.files) == 700 and outcome.error is None
