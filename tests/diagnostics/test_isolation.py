"""What the doctor says of the doors that this system shuts."""

from __future__ import annotations

import pytest

from utils.diagnostics.check import Level
from utils.diagnostics.isolation import check_isolation
from utils.diagnostics.report import checks
from utils.processes.system import Isolation, isolation


@pytest.mark.parametrize(
    ("system", "levels", "words"),
    [
        (
            Isolation(7, 0x60000000, True),
            "ok ok ok",
            ["Landlock 7", "no sockets", "also when the bot is killed"],
        ),
        (Isolation(1, 0x40000000), "ok ok ok", ["Landlock 1", "none", "not when the bot is killed"]),
        (Isolation(0, 0, True), "warn ok ok", ["could read", "no sockets", "not when the bot is killed"]),
        (Isolation(), "warn warn ok", ["could read", "could connect", "not when the bot is killed"]),
    ],
)
def test_it_says_which_doors_are_shut(system: Isolation, levels: str, words: list[str]) -> None:
    found = list(check_isolation(system))
    assert " ".join(check.level.value for check in found) == levels
    for check, word in zip(found, words, strict=True):
        assert word in check.found
        assert bool(check.advice) is (check.level is Level.WARN or "not when" in check.found)


def test_it_is_among_the_checks_and_about_this_system() -> None:
    told = [check for check in checks({}) if check.group == "Isolation"]
    assert told == list(check_isolation(isolation()))
