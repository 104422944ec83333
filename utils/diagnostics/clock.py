"""The time: Telegram refuses what is dated far from its own, and files are told apart by theirs."""

from __future__ import annotations

import time
from collections.abc import Iterator

from utils.constants import ROOT
from utils.diagnostics.check import Check, Level

GROUP = "System"
#: Seconds that a clock may be behind the files of the program.
LATE = 86_400.0
ADVICE = "Have it set by the network: timedatectl set-ntp true"


def check_clock(now: float | None = None, newest: float | None = None) -> Iterator[Check]:
    """Whether it is later than when the newest file of the program was written."""
    now = time.time() if now is None else now
    newest = max(path.stat().st_mtime for path in (ROOT / "utils").iterdir()) if newest is None else newest
    shown = time.strftime("%d %B %Y, %H:%M %Z", time.localtime(now)).lstrip("0")
    if now < newest - LATE:
        yield Check(GROUP, "Clock", Level.FAIL, f"says {shown}, before this program was written", ADVICE)
    else:
        yield Check(GROUP, "Clock", Level.OK, shown)
