"""Split sets: which volume a name is, and what is missing."""

from __future__ import annotations

import struct
import zlib

import pytest

from utils.archives.volumes import (
    LAST,
    arrange,
    disks_of_zip,
    in_set,
    missing_numbers,
    rar_continues,
    size_of_7z,
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


@pytest.mark.parametrize(
    ("number", "name"),
    [(1, "a.rar"), (2, "a.r00"), (101, "a.r99"), (102, "a.s00"), (201, "a.s99"), (801, "a.y99")],
)
def test_old_rars_go_on_with_the_next_letter(number: int, name: str) -> None:
    volume = volume_of("a.r05")
    assert volume is not None and volume_name(volume, number) == name


def test_no_names_make_no_set() -> None:
    assert arrange([]) is None


NEW_END = zlib.crc32(b"\3\5\0\1").to_bytes(4, "little") + b"\3\5\0\1"
OLD_END = b"\x7b\1\0\x0b\0abcd"
OLD_END = (zlib.crc32(OLD_END) & 0xFFFF).to_bytes(2, "little") + OLD_END


@pytest.mark.parametrize("before", [b"", b"12345\3\5\0\0", b"1\3\5\3\5"])
@pytest.mark.parametrize("after", [b"", b"\0\0\0", b"1234\3\5\0\0", b"\3\5"])
def test_the_end_of_a_rar_is_found_among_what_only_looks_like_it(before: bytes, after: bytes) -> None:
    assert rar_continues(before + NEW_END + after) is True


def test_what_is_no_end_of_a_rar_says_nothing() -> None:
    assert rar_continues(OLD_END) is True
    assert rar_continues(b"before" + OLD_END) is True
    for at in range(len(OLD_END)):
        changed = bytearray(OLD_END)
        changed[at] ^= 0x40
        assert rar_continues(bytes(changed)) is None
    assert rar_continues(b"1234\3\5\0\0") is None
    assert rar_continues(NEW_END[:-1] + b"\0") is None


def test_a_7z_may_say_that_it_is_as_large_as_it_likes() -> None:
    start = struct.pack("<QQI", 2**63 + 5, 2**63, 7)
    head = b"7z\xbc\xaf\x27\x1c\0\4" + zlib.crc32(start).to_bytes(4, "little") + start
    assert size_of_7z(head) == 32 + 2**64 + 5
