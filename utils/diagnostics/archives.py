"""The 7-Zip in use, and whether it decodes RAR."""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Iterator
from pathlib import Path

from utils.archives.engine import candidates, problem_of
from utils.diagnostics.check import Check, Level
from utils.diagnostics.tools import ANOTHER_BUILD, GROUP, run

ADVICE = (
    "Install 7-Zip 25.01 or newer with its RAR decoders: ./bot doctor brings it, or see https://7-zip.org"
)


def check_seven_zip(programs: Iterable[Path] | None = None) -> Iterator[Check]:
    """The first that can be used, as the bot chooses it; otherwise what is wrong with each."""
    problems = []
    for program in candidates() if programs is None else programs:
        problem = problem_of(program)
        if not problem:
            banner = run((str(program), "i")).output.decode("utf-8", "replace").split(":")[0].split()[1:]
            version = next((word for word in banner if word[:1].isdigit()), "")
            unpacked = run((str(program), "x", "-si", "-so", "-txz"), lzma.compress(b"sample"))
            if unpacked.crashed:
                yield Check(GROUP, "7-Zip", Level.FAIL, f"{program}: {unpacked.last_words}", ANOTHER_BUILD)
            else:
                yield Check(GROUP, "7-Zip", Level.OK, f"{version} ({program}), decodes RAR")
            return
        problems.append(problem)
    yield Check(GROUP, "7-Zip", Level.FAIL, "; ".join(problems) or "not found", ADVICE)
