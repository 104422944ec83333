"""What this system has to keep programs in that work on what people send."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from utils.diagnostics.check import Check, Level
from utils.processes.system import Isolation, isolation

GROUP = "Isolation"
_ELSEWHERE = "Only Linux has this; where strangers may write to the bot, run it there."
_IN_CONTAINERS = "Containers often forbid it; see docs/security.md."


def check_isolation(system: Isolation | None = None) -> Iterator[Check]:
    """Which doors are shut. The bot works without any; so what is missing is a warning at most."""
    found = isolation() if system is None else system
    lacking = "programs that decode what people send could read whatever the bot's user may read"
    advice = "Linux 5.13 or newer has Landlock for it." if sys.platform.startswith("linux") else _ELSEWHERE
    yield _check("Files", found.files, f"only their own (Landlock {found.landlock})", lacking, advice)
    yield _check(
        "Network",
        found.network,
        "none" + (", and no sockets at all" if found.seccomp else ""),
        "programs that decode what people send could connect",
        _IN_CONTAINERS if sys.platform.startswith("linux") else _ELSEWHERE,
    )
    yield _check(
        "Processes",
        found.processes,
        "each program ends with all that it has started, also when the bot is killed",
        "what a program leaves behind is ended, but not when the bot is killed",
        "Process namespaces need user namespaces. " + _IN_CONTAINERS,
        missing=Level.OK,
    )


def _check(
    name: str, has_it: bool, shut: str, lacking: str, advice: str, *, missing: Level = Level.WARN
) -> Check:
    return Check(GROUP, name, Level.OK, shut) if has_it else Check(GROUP, name, missing, lacking, advice)
