"""Diagnostics: says whether the bot would work, and what to do if not. Changes nothing.

python enable_deferred_conversion.py [--json]
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence

if sys.version_info < (3, 11):  # noqa: UP036 - what is imported below would fail
    sys.exit(f"❌ Python 3.11 or newer is needed; this is {sys.version.split()[0]}. ./bot doctor finds one.")

from utils.diagnostics.check import Check  # noqa: E402
from utils.diagnostics.report import as_json, checks, exit_code, verdict  # noqa: E402


def main(arguments: Sequence[str]) -> int:
    """Print a line a check; returns 0 only if the bot would work."""
    parser = argparse.ArgumentParser(description="Say whether the bot would work, and what to do if not.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    options = parser.parse_args(arguments)
    if options.json:
        found = list(checks(os.environ))
        print(as_json(found))
    else:
        found = list(printed(checks(os.environ)))
        print(f"\n{verdict(found)}")
    return exit_code(found)


def printed(found: Iterable[Check]) -> Iterator[Check]:
    """Print each check as soon as it is made, under the name of its group."""
    group = ""
    for check in found:
        if check.group != group:
            print(f"\n{check.group}" if group else check.group)
            group = check.group
        print(f"  {check.line()}", flush=True)
        yield check


if __name__ == "__main__":
    # Whatever the terminal can show: no sign is a reason to break off.
    # What is found is printed; how it came to be known is of no use here.
    logging.disable()
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))
