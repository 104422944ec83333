"""Exit codes are promises to scripts."""

from __future__ import annotations

import pytest

from utils import errors
from utils.archives.exit_code import ExitCode, exit_code
from utils.errors import ArchiveDamaged, ArchiveError, LimitExceeded, NotAFile, NotAnArchive


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.SettingsError, 2),
        (errors.NotAnArchive, 3),
        (errors.PasswordNeeded, 4),
        (errors.WrongPassword, 4),
        (errors.ArchiveDamaged, 5),
        (errors.VolumeMissing, 5),
        (errors.UnsupportedArchive, 5),
        (errors.LimitExceeded, 6),
        (errors.DiskFull, 6),
    ],
)
def test_each_ending_has_its_code(kind: type[errors.BotError], code: int) -> None:
    assert exit_code(kind("x"), [ArchiveDamaged("y")]) == code


@pytest.mark.parametrize(
    ("of_entries", "code"),
    [
        ([], ExitCode.FINE),
        ([ArchiveDamaged("x")], ExitCode.DAMAGED),
        ([NotAFile("a symbolic link")], ExitCode.FINE),
        ([ArchiveDamaged("x"), LimitExceeded("y")], ExitCode.REFUSED),
        ([NotAnArchive("an inner one")], ExitCode.DAMAGED),
    ],
)
def test_entries_that_failed_are_told_too(of_entries: list[ArchiveError], code: ExitCode) -> None:
    assert exit_code(None, of_entries) is code
