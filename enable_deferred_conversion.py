"""Diagnostics: says whether the bot would work, and what to do if not. Without --fix it changes nothing.

python enable_deferred_conversion.py [--all] [--fix] [--json]
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress

if sys.version_info < (3, 11):  # noqa: UP036 - what is imported below would fail
    sys.exit(f"❌ Python 3.11 or newer is needed; this is {sys.version.split()[0]}. ./bot doctor finds one.")

from utils.constants import load_settings, settings_file  # noqa: E402
from utils.diagnostics.mending import mend  # noqa: E402
from utils.diagnostics.report import as_json, checks, exit_code, lines  # noqa: E402
from utils.errors import SettingsError  # noqa: E402


def main(arguments: Sequence[str]) -> int:
    """Print a line a check; returns 0 only if the bot would work."""
    parser = argparse.ArgumentParser(description="Say whether the bot would work, and what to do if not.")
    parser.add_argument("--all", action="store_true", help="show settings at their default as well")
    parser.add_argument("--fix", action="store_true", help="first mend what can be mended safely")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    options = parser.parse_args(arguments)
    # What --fix makes, and what looking at a log-in leaves, is nothing for others on this machine.
    os.umask(0o077)
    if options.fix:
        for done in mended():
            print(done, file=sys.stderr if options.json else sys.stdout)
    if sys.stderr.isatty():
        print("Looking …", file=sys.stderr)
    found = list(checks(os.environ))
    print(as_json(found) if options.json else "\n".join(lines(found, everything=options.all)))
    return exit_code(found)


def mended() -> Iterator[str]:
    """Mend what there is to mend; settings that make no sense are looked at by the checks."""
    with suppress(SettingsError):
        yield from mend(load_settings(), settings_file())


if __name__ == "__main__":
    # Whatever the terminal can show: no sign is a reason to break off.
    # What is found is printed; how it came to be known is of no use here.
    logging.disable()
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))
