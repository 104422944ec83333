"""A short run of the machine that invents faults, a bot's mistake that it sees, and how it shrinks."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from itertools import combinations

import pytest

from benchmarks.chaos.plan import KINDS, draw
from benchmarks.chaos.shrink import fewest
from utils.constants import ROOT


async def chaos(*arguments: str) -> tuple[int, str]:
    """Exit code and output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks",
        "chaos",
        *arguments,
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_whatever_goes_wrong_in_a_few_rounds_each_file_arrives_once() -> None:
    code, out = await chaos("--rounds", "3", "--seed", "68", "--jobs", "2", "--no-shrink")
    assert code == 0, out
    assert "3 rounds" in out
    assert "0 violations" in out


async def test_a_wrong_count_is_seen_and_the_faults_are_not_to_blame() -> None:
    code, out = await chaos("--only", "0", "--seed", "58", "--broken", "count")
    assert code == 1
    assert "the summary counts" in out
    assert "shrunk to 0 faults: python -m benchmarks chaos --seed 58 --only 0 --faults none" in out


def test_a_round_is_the_same_each_time_and_all_kinds_of_faults_come() -> None:
    plans = [draw(3, number) for number in range(300)]
    assert plans == [draw(3, number) for number in range(300)]
    assert {fault.kind for plan in plans for fault in plan.faults} == KINDS.keys()
    assert len({str(plan) for plan in plans}) > 250


@pytest.mark.parametrize("needed", [needed for size in range(4) for needed in combinations(range(6), size)])
async def test_what_is_not_needed_for_a_failure_is_left_out(needed: Sequence[int]) -> None:
    async def fails(chosen: Sequence[int]) -> bool:
        assert list(chosen) == sorted(chosen)
        return set(needed) <= set(chosen)

    assert await fewest(6, fails) == list(needed)
