"""Volumes of split archives: any set, in any order, with any of them missing."""

from __future__ import annotations

import random
import struct
import zlib

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.archives.unpacking import MemorySource
from tests.drawn import any_text, stems
from utils.archives.source import JoinedSource
from utils.archives.volumes import (
    LAST,
    Scheme,
    Volume,
    arrange,
    canonical_names,
    disks_of_zip,
    in_set,
    missing_numbers,
    rar_continues,
    size_of_7z,
    volume_name,
    volume_of,
)

#: The most volumes that each way of naming has names for.
MOST = {Scheme.CUT: 999, Scheme.PART: 99_999, Scheme.OLD_RAR: 801, Scheme.ZIP: 999}
schemes = st.sampled_from(Scheme)


def names_of(stem: str, scheme: Scheme, count: int, width: int = 1) -> list[str]:
    """What a set of so many volumes is called, the first one first."""
    if scheme is Scheme.CUT:
        return [f"{stem}.7z.{n:03d}" for n in range(1, count + 1)]
    if scheme is Scheme.PART:
        return [f"{stem}.part{n:0{width}d}.rar" for n in range(1, count + 1)]
    if scheme is Scheme.ZIP:
        return [f"{stem}.z{n:02d}" for n in range(1, count)] + [f"{stem}.zip"]
    return [f"{stem}.rar"] + [f"{stem}.{'rstuvwxy'[n // 100]}{n % 100:02d}" for n in range(count - 1)]


@given(any_text)
def test_any_name_at_all_is_a_volume_or_is_not(name: str) -> None:
    for odd in (name, f"{name}.001", f"{name}.part1.rar", f"{name}.r00", f"{name}.z01"):
        volume = volume_of(odd)
        assert volume is None or 0 <= volume.number < LAST


@given(stems, schemes, st.integers(1, 801), st.integers(1, 5))
def test_a_volumes_name_says_which_one_it_is(stem: str, scheme: Scheme, number: int, width: int) -> None:
    set_name = f"{stem}.part*.rar" if scheme is Scheme.PART else f"{stem}.rar"
    if scheme is Scheme.ZIP:
        set_name = f"{stem}.zip"
    volume = Volume(set_name.lower(), number, scheme, width if scheme is Scheme.PART else 1)
    if scheme is Scheme.PART:
        assume(len(str(number)) <= width)
    found = in_set(volume_name(volume, number), [volume])
    assert found == volume


@given(stems, schemes, st.integers(2, 120), st.integers(1, 4), st.randoms())
def test_a_whole_set_is_put_in_order_however_it_comes(
    stem: str, scheme: Scheme, count: int, width: int, draw: random.Random
) -> None:
    names = names_of(stem, scheme, count, width)
    mixed = [draw.choice([name, name.upper(), name.lower()]) for name in draw.sample(names, count)]
    found = arrange(mixed)
    assert found is not None and found.scheme is scheme and found.missing == ()
    assert [mixed[index].lower() for index in found.order] == [name.lower() for name in names]
    following = names_of(stem, scheme, count + 1, width)[count - 1 if scheme is Scheme.ZIP else count]
    assert found.following == following.lower()


@given(stems, schemes, st.integers(2, 40), st.data())
def test_what_is_missing_is_named_and_nothing_else(
    stem: str, scheme: Scheme, count: int, data: st.DataObject
) -> None:
    names = names_of(stem, scheme, count)
    there = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=count, unique=True))
    # By itself, part10 does not say whether part1 or part01 began the set.
    assume(scheme is not Scheme.PART or count < 10 or any(name in there for name in names[:9]))
    found = arrange(there)
    if found is None:
        # What has no number says nothing of a set while it is alone.
        assert there in ([f"{stem}.rar"], [f"{stem}.zip"])
        return
    assert [there[index] for index in found.order] == [name for name in names if name in there]
    numbered = [index for index, name in enumerate(names) if name in there and not name.endswith(".zip")]
    surely = {name.lower() for name in names[: max(numbered, default=-1)] if name not in there}
    if scheme is Scheme.ZIP and names[-1] not in there:
        surely.add(names[-1].lower())
    assert set(found.missing) == surely


@given(stems, stems, schemes, st.integers(2, 9))
def test_volumes_of_two_sets_make_none(stem: str, other: str, scheme: Scheme, count: int) -> None:
    assume(stem.lower() != other.lower())
    assert arrange(names_of(stem, scheme, count) + names_of(other, scheme, count)) is None


@given(st.sets(st.integers(1, 300)), st.booleans())
def test_missing_and_present_numbers_make_all(numbers: set[int], last: bool) -> None:
    missing = missing_numbers([*numbers, LAST] if last else numbers)
    assert not numbers & set(missing)
    assert numbers | set(missing) == set(range(1, max(numbers, default=0) + 1))
    assert missing == sorted(missing)


@given(schemes, st.integers(2, 150))
def test_names_of_ours_are_a_set_in_the_same_order(scheme: Scheme, count: int) -> None:
    given_ = arrange(names_of("x", scheme, count, width=3))
    assert given_ is not None
    ours = canonical_names(given_)
    found = arrange(ours)
    assert found is not None and found.scheme is scheme
    assert found.order == tuple(range(count)) and not found.missing


@given(st.binary(max_size=80))
def test_any_end_of_a_file_can_be_asked(tail: bytes) -> None:
    assert rar_continues(tail) in (True, False, None)
    assert disks_of_zip(tail) >= 0
    assert size_of_7z(tail) is None or len(tail) >= 32
    # 7-Zip's mark alone, with anything behind it, promises no size.
    assert size_of_7z(b"7z\xbc\xaf\x27\x1c" + tail) is None or len(tail) >= 26


@given(st.binary(max_size=40), st.integers(0, 1), st.binary(max_size=8))
def test_the_end_of_a_rar_says_whether_it_goes_on(before: bytes, flag: int, after: bytes) -> None:
    block = bytes([3, 5, 0, flag])
    assert rar_continues(before + zlib.crc32(block).to_bytes(4, "little") + block) is bool(flag)
    old = struct.pack("<BHH", 0x7B, flag, 7 + len(after)) + after
    tail = struct.pack("<H", zlib.crc32(old) & 0xFFFF) + old
    assert rar_continues(tail) is bool(flag)


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.binary(max_size=10))
def test_the_head_of_a_7z_says_how_long_it_is(offset: int, size: int, after: bytes) -> None:
    start = struct.pack("<QQI", offset, size, 7)
    head = b"7z\xbc\xaf\x27\x1c\0\4" + zlib.crc32(start).to_bytes(4, "little") + start
    assert size_of_7z(head + after) == 32 + offset + size
    assert size_of_7z(head[:31]) is None


@given(st.lists(st.binary(max_size=6), min_size=1, max_size=6), st.integers(0, 40), st.integers(0, 40))
async def test_pieces_of_a_file_read_as_the_file(pieces: list[bytes], offset: int, size: int) -> None:
    joined = JoinedSource("x", [MemorySource(piece) for piece in pieces])
    assert joined.size == len(b"".join(pieces))
    assert await joined.read(offset, size) == b"".join(pieces)[offset : offset + size]
