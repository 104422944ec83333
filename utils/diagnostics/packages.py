"""Python, and the packages of requirements.in."""

from __future__ import annotations

import importlib.metadata
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from utils.diagnostics.check import Check, Level

GROUP = "Python"
NEEDED = (3, 11)
REQUIREMENT = re.compile(r"^([A-Za-z0-9_.-]+)(==|>=)([0-9.]+)\s*(;.*)?$")


@dataclass(frozen=True)
class Requirement:
    """One line of requirements.in. ``optional``: not on every system, so looked at elsewhere."""

    name: str
    relation: str
    version: tuple[int, ...]
    optional: bool

    def satisfied_by(self, version: str) -> bool:
        """Whether ``version`` is new enough, or the one, that is asked for."""
        numbers = _numbers(version)
        return numbers == self.version if self.relation == "==" else numbers >= self.version


def requirements(text: str) -> list[Requirement]:
    """What the bot needs, out of the text of requirements.in."""
    found = []
    for line in text.splitlines():
        if match := REQUIREMENT.match(line.strip()):
            name, relation, version, marker = match.groups()
            found.append(Requirement(name, relation, _numbers(version), bool(marker)))
    return found


def check_python() -> Check:
    """The Python that runs this."""
    version = platform.python_version()
    if sys.version_info < NEEDED:
        return Check(GROUP, "Python", Level.FAIL, version, "Install Python 3.11 or newer.")
    return Check(GROUP, "Python", Level.OK, f"{version} ({sys.executable})")


def check_packages(root: Path) -> Iterator[Check]:
    """A line for each package that the bot needs."""
    for needed in requirements((root / "requirements.in").read_text(encoding="utf-8")):
        try:
            version = importlib.metadata.version(needed.name)
        except importlib.metadata.PackageNotFoundError:
            if not needed.optional:
                yield Check(GROUP, needed.name, Level.FAIL, "not installed", _advice(needed))
            continue
        if needed.satisfied_by(version):
            yield Check(GROUP, needed.name, Level.OK, version)
        else:
            yield Check(GROUP, needed.name, Level.FAIL, f"{version} is not what is needed", _advice(needed))


def _advice(needed: Requirement) -> str:
    why = " Without it, encryption is some twenty times slower." if needed.name == "cryptg" else ""
    return f"Start this by ./bot doctor, which installs it.{why}"


def _numbers(version: str) -> tuple[int, ...]:
    """ "2.0.0rc1" as (2, 0, 0), without zeros at the end: 5.0 is 5."""
    numbers = [int(part) for part in re.match(r"[0-9.]*", version).group().split(".") if part]  # type: ignore[union-attr]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
