"""Damaged archives give everything that verifies, and say what did not."""

from __future__ import annotations

import gzip
import random
import struct
from pathlib import Path

import pytest

from tests.archives.making import tar_bytes, zip_bytes
from tests.archives.unpacking import unpack
from utils.errors import ArchiveDamaged, LimitExceeded

FILES = [(f"{number}.jpg", random.Random(number).randbytes(20_000)) for number in range(30)]


@pytest.mark.parametrize(("mode", "least"), [("w:gz", 14), ("w:xz", 14)])
async def test_what_came_before_damage_in_a_stream_is_kept(mode: str, least: int, tmp_path: Path) -> None:
    data = bytearray(tar_bytes(FILES, mode))
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    outcome = await unpack(bytes(data), tmp_path)
    assert isinstance(outcome.error, ArchiveDamaged)
    whole = [name for name, content in FILES if outcome.files.get(name) == content]
    assert len(whole) >= least


@pytest.mark.parametrize("mode", ["w:gz", "w:xz", "w:bz2"])
async def test_what_came_before_a_cut_in_a_stream_is_kept(mode: str, tmp_path: Path) -> None:
    # bzip2 has blocks of 900 KB, of which nothing comes before they are whole.
    files = [(f"{number}.jpg", random.Random(number).randbytes(300_000)) for number in range(10)]
    data = tar_bytes(files, mode)
    outcome = await unpack(data[: len(data) * 3 // 4], tmp_path)
    assert len(outcome.files) >= 5
    assert all(dict(files)[name] == content for name, content in outcome.files.items())
    assert isinstance(outcome.error, ArchiveDamaged) and "cut off" in outcome.told


@pytest.mark.parametrize("padding", [0, 3_000_000])
async def test_a_check_sum_at_the_end_of_a_stream_that_does_not_match_is_told(
    padding: int, tmp_path: Path
) -> None:
    data = bytearray(gzip.compress(tar_bytes(FILES) + bytes(padding)))
    data[-6] ^= 1
    outcome = await unpack(bytes(data), tmp_path)
    assert outcome.files == dict(FILES)
    assert isinstance(outcome.error, ArchiveDamaged) and "may be wrong" in outcome.told


async def test_a_tar_whose_first_header_is_damaged_gives_the_others(tmp_path: Path) -> None:
    data = bytearray(tar_bytes(FILES))
    data[3] ^= 1
    outcome = await unpack(bytes(data), tmp_path)
    assert outcome.files == dict(FILES[1:])
    assert isinstance(outcome.error, ArchiveDamaged)


def change(data: bytes, index: int, field: int, value: int) -> bytes:
    """``data`` with a 32-bit field of one entry of a ZIP's directory changed."""
    changed = bytearray(data)
    at = changed.index(b"PK\x01\x02")
    for _ in range(index):
        at = changed.index(b"PK\x01\x02", at + 46)
    struct.pack_into("<I", changed, at + field, value)
    return bytes(changed)


@pytest.mark.parametrize(
    ("field", "value", "told", "lost"),
    [
        (24, 4_000_000_000, "sizes cannot be true", {"5.jpg"}),
        (20, 500_000_000, "sizes cannot be true", {"5.jpg"}),
        (42, 20_100 * 8, "another entry lies", {"5.jpg", "7.jpg", "8.jpg", "9.jpg"}),
        (42, 3_000_000_000, "beyond the end", {"5.jpg"}),
        (16, 12345, "check sum", {"5.jpg"}),
    ],
)
async def test_one_wrong_line_in_a_zips_directory_costs_no_more_than_it_must(
    field: int, value: int, told: str, lost: set[str], tmp_path: Path
) -> None:
    data = change(zip_bytes(FILES), 5, field, value)
    outcome = await unpack(data, tmp_path)
    assert told in outcome.errors["5.jpg"]
    assert set(outcome.files) >= dict(FILES).keys() - lost
    assert outcome.error is None


async def test_a_directory_in_which_most_entries_overlap_is_a_bomb(tmp_path: Path) -> None:
    data = zip_bytes(FILES)
    for index in range(20):
        data = change(data, index, 42, 0)
    outcome = await unpack(data, tmp_path)
    assert isinstance(outcome.error, LimitExceeded) and outcome.files == {}
