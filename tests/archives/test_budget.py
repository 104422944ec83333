"""What is refused, with the figures, and what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from utils.archives.limits import MB, Budget, FileTooLarge, Limits, megabytes
from utils.constants import load_settings
from utils.errors import DiskFull, LimitExceeded, NoRoom

HERE = Path("somewhere")


def budget(packed: int = 10 * MB, *, free: int = 10**15, **limits: int) -> Budget:
    def free_bytes(folder: Path) -> int:
        assert folder == HERE
        return free

    return Budget(Limits(**limits, free=free_bytes), packed)


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (0, "0.0 MB"),
        (3_140_000, "3.1 MB"),
        (99_940_000, "99.9 MB"),
        (100_000_000, "100 MB"),
        (1_234_567_890, "1,235 MB"),
    ],
)
def test_sizes_are_told_as_people_read_them(size: int, told: str) -> None:
    assert megabytes(size) == told


def test_too_many_entries_are_told_with_the_limit() -> None:
    one = budget(max_entries=50_000)
    one.add_entries(49_999)
    one.add_entries(1)
    with pytest.raises(LimitExceeded) as error:
        one.add_entries(1)
    assert error.value.told == "it has more than 50,000 entries, which is the limit."


def test_a_trap_is_told_with_both_sizes() -> None:
    one = budget(10 * MB, ratio_from=100 * MB, max_ratio=20)
    one.check_content(200 * MB)
    with pytest.raises(LimitExceeded) as error:
        one.check_content(200 * MB + 1)
    told = "its content would be 200 MB from 10.0 MB, more than 20 times its size: it looks like a trap."
    assert error.value.told == told
    budget(0, ratio_from=100, max_ratio=200).check_content(200)
    with pytest.raises(LimitExceeded):
        budget(0, ratio_from=100, max_ratio=200).check_content(201)


def test_a_file_too_large_is_told_with_both_sizes() -> None:
    one = budget(max_file=2 * MB)
    one.check_file(2 * MB)
    with pytest.raises(FileTooLarge) as error:
        one.admit(3 * MB, HERE)
    assert error.value.told == "it has at least 3.0 MB unpacked, the limit of one file is 2.0 MB."
    assert one.admitted == 0


def test_a_disk_too_full_is_told_with_what_may_be_used() -> None:
    one = budget(free=12 * MB, disk_reserve=10 * MB)
    one.admit(2 * MB, HERE)
    with pytest.raises(NoRoom) as error:
        one.admit(3 * MB, HERE)
    told = "3.0 MB of disk are needed, but only 2.0 MB may be used (10.0 MB are kept free)."
    assert told in error.value.told and isinstance(error.value, DiskFull)
    full = budget(free=1 * MB, disk_reserve=10 * MB)
    with pytest.raises(NoRoom, match="1.0 MB of disk are needed, but nothing more may be used"):
        full.check_disk(MB, HERE)
    # Of a file that grows as it comes.
    with pytest.raises(NoRoom, match=r"more of the disk is needed, but nothing more may be used \(10\.0 MB"):
        full.check_disk(0, HERE)


def test_what_is_taken_out_is_counted_with_what_grew() -> None:
    one = budget(max_total=5 * MB)
    one.admit(3 * MB, HERE)
    one.grow(2 * MB)
    assert one.admitted == 5 * MB
    with pytest.raises(LimitExceeded) as error:
        one.grow(1)
    assert error.value.told == "what is taken out would exceed 5.0 MB, which is the limit."


def test_what_really_came_out_is_held_against_the_ratio() -> None:
    one = budget(1, ratio_from=100, max_ratio=200)
    one.decode(150, HERE)
    one.decode(50, HERE)
    with pytest.raises(LimitExceeded):
        one.decode(1, HERE)


def test_the_disk_is_looked_at_each_time_that_sixteen_megabytes_came() -> None:
    free = [1000 * MB]
    one = Budget(Limits(disk_reserve=10 * MB + 1, free=lambda _: free[0]), 10**9)
    one.decode(16 * MB, HERE)
    free[0] = 10 * MB
    one.decode(16 * MB - 1, HERE)
    with pytest.raises(NoRoom):
        one.decode(1, HERE)
    with pytest.raises(NoRoom):
        one.decode(1, HERE)
    exact = budget(10**9, free=10 * MB, disk_reserve=10 * MB)
    exact.decode(16 * MB, HERE)
    assert exact.decoded == 16 * MB


def test_the_less_is_left_the_sooner_the_disk_is_looked_at_again() -> None:
    """Others write meanwhile."""
    free = [26 * MB]
    one = Budget(Limits(disk_reserve=10 * MB, free=lambda _: free[0]), 10**9)
    one.admit(8 * MB, HERE)
    free[0] = 10 * MB - 1
    one.decode(1 * MB - 1, HERE)
    with pytest.raises(NoRoom):
        one.decode(1, HERE)


def test_a_small_content_is_no_trap_whatever_its_ratio() -> None:
    one = budget(1, ratio_from=200, max_ratio=2)
    one.check_content(200)
    with pytest.raises(LimitExceeded):
        one.check_content(201)


@pytest.mark.parametrize(("spool", "ahead"), [("8", 1_000_000), ("64", 8 * MB), ("1000", 8 * MB)])
def test_no_more_is_read_ahead_than_an_eighth_of_what_may_wait(spool: str, ahead: int) -> None:
    limits = Limits.from_settings(load_settings({"SPOOL_LIMIT_MB": spool}))
    assert repr(limits.read_ahead) == repr(ahead)


def test_the_owners_settings_are_the_limits() -> None:
    settings = load_settings(
        {
            "ARCHIVE_MAX_ENTRIES": "1",
            "ARCHIVE_MAX_TOTAL_MB": "2",
            "ARCHIVE_MAX_RATIO": "3",
            "ARCHIVE_MAX_FILE_MB": "4",
            "ARCHIVE_MAX_DEPTH": "5",
            "DISK_RESERVE_MB": "6",
            "COMPRESSION_TIMEOUT_SECONDS": "7",
        }
    )
    limits = Limits.from_settings(settings)
    assert limits == Limits(
        max_entries=1,
        max_total=2 * MB,
        max_ratio=3,
        max_file=4 * MB,
        max_depth=5,
        disk_reserve=6 * MB,
        timeout=7,
    )
