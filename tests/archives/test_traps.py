"""Archives that are small outside and endless inside, each by a way of its own."""

from __future__ import annotations

import gzip
import lzma
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.archives.making import seven_zip, tar_bytes, zip_bytes
from tests.archives.unpacking import MB, MemorySource, unpack
from utils.archives import Limits
from utils.archives.names import display_path
from utils.errors import ArchiveDamaged, LimitExceeded, UnsupportedArchive


@contextmanager
def memory_stays_below(size: int) -> Iterator[None]:
    """``size`` in bytes, as far as Python itself allocates them."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


def tar_header(name: str, kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
async def test_a_name_of_gigabytes_is_not_read_into_memory(kind: bytes, tmp_path: Path) -> None:
    size = 12 * MB
    data = gzip.compress(
        tar_header("before", tarfile.REGTYPE, 0) + tar_header("long", kind, size) + bytes(size), 1
    )
    with memory_stays_below(8 * MB):
        outcome = await unpack(data, tmp_path)
    assert list(outcome.files) == ["before"]
    assert isinstance(outcome.error, ArchiveDamaged)


async def test_gigabytes_after_the_end_mark_are_not_looked_at(tmp_path: Path) -> None:
    source = MemorySource(tar_bytes([("a", b"1")]) + bytes(40 * MB))
    outcome = await unpack(source, tmp_path)
    assert outcome.files == {"a": b"1"} and outcome.error is None
    assert source.fetched < 4 * MB


async def test_a_chain_of_long_names_ends(tmp_path: Path) -> None:
    """Each header says that the next one has a long name: ``tarfile`` follows them one inside the other."""
    link = tar_header("long", tarfile.GNUTYPE_LONGNAME, 1) + bytes(512)
    outcome = await unpack(tar_header("before", tarfile.REGTYPE, 0) + link * 5000, tmp_path)
    assert list(outcome.files) == ["before"]
    assert isinstance(outcome.error, ArchiveDamaged)


def long_map() -> bytes:
    """A sparse file whose list of pieces with content is longer than a megabyte (PAX format 1.0)."""
    info = tarfile.TarInfo("map")
    lines = b"6000\n" + (b"0" * 99 + b"\n") * 12_000
    info.size = len(lines)
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "5"}
    return info.tobuf(tarfile.PAX_FORMAT) + lines + bytes(-len(lines) % 512)


def long_old_map() -> bytes:
    """The same in the format of old GNU tar: each block says that another one follows."""
    header = bytearray(tar_header("map", tarfile.GNUTYPE_SPARSE, 0))
    header[482] = 1
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\x00 " % sum(header)
    block = (b"%011o\x00" % 1 * 42).ljust(512, b"\x01")
    return bytes(header) + block * 2400 + block[:504] + bytes(8)


@pytest.mark.parametrize("make", [long_map, long_old_map])
async def test_a_sparse_file_in_too_many_pieces_is_passed_over(
    make: Callable[[], bytes], tmp_path: Path
) -> None:
    """Each byte of the list takes a hundred in memory."""
    data = gzip.compress(tar_bytes([("a.jpg", b"1")])[:1024] + make() + tar_bytes([("z.jpg", b"2")]), 1)
    outcome = await unpack(data, tmp_path)
    assert outcome.files == {"a.jpg": b"1", "z.jpg": b"2"}
    assert isinstance(outcome.error, ArchiveDamaged)


async def test_a_sparse_file_of_a_terabyte_is_refused_before_it_is_written(tmp_path: Path) -> None:
    header = bytearray(tar_header("hole", tarfile.GNUTYPE_SPARSE, 512))
    header[386:410] = b"00000000000\x0000000001000\x00"
    header[483:495] = b"\x80" + (1 << 40).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\x00 " % sum(header)
    outcome = await unpack(bytes(header) + b"x" * 512 + bytes(1024), tmp_path)
    assert "1,099,512 MB" in outcome.errors["hole"]
    assert outcome.files == {}


async def test_a_stream_without_end_is_stopped_though_nothing_of_it_is_wanted(tmp_path: Path) -> None:
    data = tar_bytes([("zeros", bytes(3 * MB))], "w:gz")
    limits = Limits(disk_reserve=0, ratio_from=MB // 2)
    outcome = await unpack(data, tmp_path, limits=limits, accept=lambda entry, head: False)
    assert isinstance(outcome.error, LimitExceeded) and "250 times" in outcome.told


def xz_of_gigabytes(content: bytes) -> bytes:
    """A stream whose header says that it looks back on 4 GB."""
    data = bytearray(lzma.compress(content))
    size = (data[12] + 1) * 4  # of the header of the first block, which begins behind that of the stream
    data[16] = 40
    data[12 + size - 4 : 12 + size] = zlib.crc32(data[12 : 12 + size - 4]).to_bytes(4, "little")
    return bytes(data)


async def test_a_stream_that_looks_back_on_gigabytes_is_refused(tmp_path: Path) -> None:
    outcome = await unpack(xz_of_gigabytes(tar_bytes([("a.jpg", b"1")])), tmp_path)
    assert isinstance(outcome.error, UnsupportedArchive) and "memory" in outcome.told
    assert outcome.files == {}


async def test_an_entry_that_looks_back_on_gigabytes_is_refused_alone(tmp_path: Path) -> None:
    data = bytearray(zip_bytes([("a.jpg", b"1" * 100), ("b.jpg", b"2" * 100)], zipfile.ZIP_LZMA))
    at = data.index(b"\x09\x04\x05\x00") + 5  # the version and the length of the properties, and the first
    data[at : at + 4] = b"\xff" * 4
    outcome = await unpack(bytes(data), tmp_path)
    assert outcome.files == {"b.jpg": b"2" * 100}
    assert "memory" in outcome.errors["a.jpg"]


async def test_gzip_in_gzip_in_gzip_ends_at_the_depth(tmp_path: Path) -> None:
    data = b"core"
    for _ in range(8):
        data = gzip.compress(data)
    outcome = await unpack(data, tmp_path, name="a.gz", limits=Limits(disk_reserve=0, max_depth=3))
    assert outcome.files == {}
    assert len(outcome.errors) == 1 and "depth of 3" in next(iter(outcome.errors.values()))


async def test_hundreds_of_bombs_side_by_side_share_one_budget(tmp_path: Path) -> None:
    bomb = zip_bytes([("zeros", bytes(4 * MB))], 8)
    data = zip_bytes([(f"{number:03d}.zip", bomb) for number in range(100)], 8)
    limits = Limits(disk_reserve=0, max_total=20 * MB)
    outcome = await unpack(data, tmp_path, limits=limits)
    assert isinstance(outcome.error, LimitExceeded) and "20.0 MB" in outcome.told
    assert sum(map(len, outcome.files.values())) <= 20 * MB


async def test_unwanted_zeros_in_a_7z_are_counted_too(tmp_path: Path) -> None:
    """No listing alone is suspicious here; what came out of all of them is."""
    path = seven_zip(tmp_path / "made" / "zeros.7z", {"zeros.bin": bytes(2 * MB)}, "-mx1")
    data = zip_bytes([(f"{number}.7z", path.read_bytes()) for number in range(8)])
    limits = Limits(disk_reserve=0, ratio_from=5 * MB)
    outcome = await unpack(data, tmp_path / "room", limits=limits, accept=lambda entry, head: False)
    assert isinstance(outcome.error, LimitExceeded) and "250 times" in outcome.told


async def test_endless_names_are_shortened(tmp_path: Path) -> None:
    """Names of 60,000 characters: shown short."""
    name = "x" * 60_000
    data = zip_bytes([(f"{number}{name}", b"1") for number in range(20)])
    # Cut before its directory ends, so that 7-Zip has to list it.
    with memory_stays_below(30 * MB):
        outcome = await unpack(data[: len(data) - 30], tmp_path)
    assert all(len(path) <= 300 for path in (*outcome.files, *outcome.errors))
    assert outcome.error is not None


@pytest.mark.parametrize("reader", ["zip", "7-Zip"])
async def test_names_of_megabytes_are_not_all_kept(reader: str, tmp_path: Path) -> None:
    data = zip_bytes([(f"{number}{'x' * 60_000}", b"1") for number in range(20)])
    limits = Limits(disk_reserve=0, max_entries=1000)
    outcome = await unpack(data if reader == "zip" else data[:-30], tmp_path, limits=limits)
    assert isinstance(outcome.error, LimitExceeded) and "table of contents is larger" in outcome.told


def test_a_path_of_any_length_is_shown_short_with_its_name() -> None:
    for name in ("folder/" * 20_000 + "b.jpg", "x" * 60_000 + "/b.jpg", "a/" * 600 + "y" * 300 + ".jpg"):
        shown = display_path(name)
        assert len(shown) <= 1000 and shown.endswith(".jpg") and display_path(shown) == shown
