"""Split sets: which volume a name is, and what is missing."""

from __future__ import annotations

import struct

import pytest

from utils.archives.volumes import (
    LAST,
    arrange,
    disks_of_zip,
    in_set,
    missing_numbers,
    volume_name,
    volume_of,
)


@pytest.mark.parametrize(
    ("name", "set_name", "number"),
    [
        ("Holiday.7z.001", "holiday.7z", 1),
        ("holiday.zip.012", "holiday.zip", 12),
        ("a.part1.rar", "a.part*.rar", 1),
        ("a.part0010.rar", "a.part*.rar", 10),
        ("a.r00", "a.rar", 2),
        ("a.r99", "a.rar", 101),
        ("a.s00", "a.rar", 102),
        ("a.z01", "a.zip", 1),
    ],
)
def test_names_say_set_and_number(name: str, set_name: str, number: int) -> None:
    volume = volume_of(name)
    assert volume is not None
    assert (volume.set_name, volume.number) == (set_name, number)


@pytest.mark.parametrize(
    "name", ["a.zip", "a.rar", "a.7z", "a.000", "part1.rar", "IMG.jpg", "v1.2", "2024.01"]
)
def test_other_names_are_by_themselves(name: str) -> None:
    assert volume_of(name) is None


def test_the_first_of_old_rars_and_the_last_of_zips_are_known_by_the_others() -> None:
    rar, zipped = volume_of("Film.r00"), volume_of("x.z01")
    assert rar is not None and zipped is not None
    first = in_set("film.RAR", [rar, zipped])
    last = in_set("X.zip", [rar, zipped])
    assert first is not None and first.number == 1
    assert last is not None and last.number == LAST
    assert in_set("other.rar", [rar, zipped]) is None


@pytest.mark.parametrize("name", ["x.zip", "x.7z", "x.rar", "x.tar.gz"])
def test_a_whole_archive_is_no_volume_of_the_pieces_that_are_called_after_it(name: str) -> None:
    piece = volume_of(f"{name}.001")
    assert piece is not None
    assert in_set(name, [piece]) is None


def test_missing_ones_are_named() -> None:
    assert missing_numbers([4, 1, LAST]) == [2, 3]
    assert missing_numbers([2]) == [1]
    assert missing_numbers([1, 2, 3]) == []
    names = {name: volume_of(name) for name in ("a.7z.001", "a.part1.rar", "a.r00", "a.z01")}
    expected = {"a.7z.001": "a.7z.002", "a.part1.rar": "a.part2.rar", "a.r00": "a.r00", "a.z01": "a.z02"}
    for name, volume in names.items():
        assert volume is not None
        assert volume_name(volume, 2) == expected[name]


def test_what_is_missing_is_called_as_the_others_are() -> None:
    for names, missing in (
        (["a.part10.rar", *(f"a.part{n}.rar" for n in range(2, 10))], "a.part1.rar"),
        ([f"a.part{n:02d}.rar" for n in range(2, 11)], "a.part01.rar"),
    ):
        found = arrange(names)
        assert found is not None and found.missing == (missing,)


def end_of_zip(disk: int, comment: bytes = b"") -> bytes:
    return b"PK\5\6" + struct.pack("<4HLLH", disk, 0, 0, 0, 0, 0, len(comment)) + comment


@pytest.mark.parametrize(
    ("tail", "disks"),
    [
        (end_of_zip(0), 0),
        (end_of_zip(3), 3),
        (b"..." + end_of_zip(3, b"a comment"), 3),
        (end_of_zip(40_000), 40_000),
        (end_of_zip(0xFFFF), 0),  # that is told elsewhere
        (end_of_zip(7) + end_of_zip(2), 2),
        (end_of_zip(3)[:-1], 0),
        (b"...." + end_of_zip(3)[:-1], 0),
        (bytes(40), 0),
        (b"", 0),
    ],
)
def test_the_end_of_a_zip_says_how_many_volumes_come_before(tail: bytes, disks: int) -> None:
    assert disks_of_zip(tail) == disks
