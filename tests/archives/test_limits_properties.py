"""What an archive may cost, whatever comes out of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.archives.limits import LOOK_AGAIN, MB, Budget, FileTooLarge, Limits, megabytes
from utils.errors import LimitExceeded, NoRoom

HERE = Path()
sizes = st.integers(0, 60)


@given(st.lists(sizes), st.integers(0, 200), st.integers(0, 50), st.integers(0, 100), st.integers(0, 40))
def test_what_is_admitted_stays_within_the_limits(
    entries: list[int], total: int, largest: int, free: int, reserve: int
) -> None:
    limits = Limits(max_total=total, max_file=largest, disk_reserve=reserve, free=lambda _: free)
    budget = Budget(limits, 1)
    admitted = 0
    for size in entries:
        if size > largest:
            with pytest.raises(FileTooLarge):
                budget.admit(size, HERE)
            continue  # the others may go on
        if admitted + size > total:
            with pytest.raises(LimitExceeded):
                budget.admit(size, HERE)
            return
        admitted += size
        if size > free - reserve:
            with pytest.raises(NoRoom):
                budget.admit(size, HERE)
            return
        budget.admit(size, HERE)
        assert budget.admitted == admitted


@given(st.lists(st.integers(0, 20)), st.integers(0, 60))
def test_entries_are_counted_up_to_the_limit_and_not_beyond(counts: list[int], most: int) -> None:
    budget = Budget(Limits(max_entries=most), 1)
    for count in counts:
        before = budget.entries
        if before + count > most:
            with pytest.raises(LimitExceeded):
                budget.add_entries(count)
            assert budget.entries == before
        else:
            budget.add_entries(count)
            assert budget.entries == before + count


@given(st.integers(0, 1000), st.integers(0, 300), st.integers(1, 20), st.integers(0, 200))
def test_only_what_is_both_large_and_absurd_is_a_trap(
    size: int, packed: int, ratio: int, ratio_from: int
) -> None:
    budget = Budget(Limits(max_ratio=ratio, ratio_from=ratio_from), packed)
    if size > ratio_from and size > ratio * max(1, packed):
        with pytest.raises(LimitExceeded, match="trap"):
            budget.check_content(size)
    else:
        budget.check_content(size)


@given(st.lists(st.integers(0, LOOK_AGAIN), max_size=12))
def test_the_disk_is_looked_at_again_and_again_while_bytes_come(pieces: list[int]) -> None:
    looks: list[int] = []
    decoded = 0

    def free(_: Path) -> int:
        looks.append(decoded)
        return 10**12

    budget = Budget(Limits(disk_reserve=0, free=free), 10**9)
    for piece in pieces:
        decoded += piece
        budget.decode(piece, HERE)
        assert decoded - (looks[-1] if looks else 0) < LOOK_AGAIN
    assert budget.decoded == decoded and len(looks) <= decoded // LOOK_AGAIN


@given(st.integers(0, 10**15))
def test_a_size_is_told_as_it_is_to_the_tenth_or_the_whole(size: int) -> None:
    number, unit = megabytes(size).split()
    told = float(number.replace(",", "")) * MB
    assert unit == "MB" and abs(told - size) <= (0.05 if size < 100 * MB else 0.5) * MB + 1
