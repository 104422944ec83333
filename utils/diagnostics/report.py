"""All checks, and how they are shown."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from utils.constants import ROOT, SECRETS_NAME, load_settings, settings_file
from utils.diagnostics import clock, folders, isolation, packages, server, state, tools
from utils.diagnostics import settings as settings_checks
from utils.diagnostics.archives import check_seven_zip
from utils.diagnostics.check import Check, Level
from utils.diagnostics.folders import check_folders
from utils.diagnostics.isolation import check_isolation
from utils.diagnostics.packages import check_packages, check_python
from utils.diagnostics.server import check_server
from utils.diagnostics.state import check_state
from utils.diagnostics.tools import check_pictures, check_tools
from utils.errors import SettingsError
from utils.jobs.albums import plural

#: Exit codes.
WORKS, WOULD_NOT_WORK = 0, 1


def checks(environ: Mapping[str, str]) -> Iterator[Check]:
    """Every check, in the order in which things can go wrong."""
    secrets_file = settings_file(environ)
    yield check_python()
    yield from guarded(packages.GROUP, check_packages(ROOT))
    wrong: list[SettingsError] = []
    try:
        settings = load_settings(environ, on_error=wrong.append)
    except SettingsError as error:
        wrong.append(error)
        settings = load_settings(environ, Path(os.devnull), on_error=wrong.append)
    for bad in wrong:
        advice = f"Correct it in {SECRETS_NAME} or in the environment."
        yield Check(settings_checks.GROUP, "Settings", Level.FAIL, bad.told, advice)
    for group, found in (
        (clock.GROUP, clock.check_clock()),
        (tools.GROUP, check_tools(settings)),
        (tools.GROUP, check_seven_zip()),
        (tools.GROUP, check_pictures(settings)),
        (isolation.GROUP, check_isolation()),
        (settings_checks.GROUP, settings_checks.check_file(secrets_file)),
        (settings_checks.GROUP, settings_checks.check_settings(settings)),
        (folders.GROUP, check_folders(settings)),
        (state.GROUP, check_state(settings)),
        (server.GROUP, check_server(settings)),
    ):
        yield from guarded(group, found)


def guarded(group: str, found: Iterator[Check]) -> Iterator[Check]:
    """``found``; a place where it may not look, or whatever else nobody foresaw, is a check that failed."""
    try:
        yield from found
    except PermissionError as error:
        advice = "Give the bot's folders to the user that runs it, or start this as that user."
        yield Check(group, "Rights", Level.FAIL, f"{error.filename}: {error.strerror}", advice)
    except Exception as error:  # noqa: BLE001
        told = f"this check itself failed: {type(error).__name__}: {error}"
        yield Check(group, "Doctor", Level.FAIL, told, "Whether the bot would work is not known here.")


def lines(found: Sequence[Check], *, everything: bool = False) -> Iterator[str]:
    """The report: what is wrong, then all by groups, and in the end what is wrong again, and the verdict.

    Settings that stand at their default are left out, unless ``everything`` is asked for.
    """
    wrong = [check for check in found if check.level is not Level.OK]
    wrong.sort(key=lambda check: check.level is not Level.FAIL)
    yield from (check.line() for check in wrong)
    group, left_out = "", 0
    for check in found:
        if not everything and check.group == settings_checks.GROUP and _is_default(check):
            left_out += 1
            continue
        if check.group != group:
            yield from ("", check.group) if group or wrong else (check.group,)
            group = check.group
        yield f"  {check.line()}"
    if left_out:
        yield f"\n{plural(left_out, 'setting')} at the default; --all shows them."
    yield ""
    yield from (check.line() for check in wrong)
    yield verdict(found)


def _is_default(check: Check) -> bool:
    return check.level is Level.OK and check.found.endswith("(default)")


def exit_code(found: Sequence[Check]) -> int:
    """0 if the bot would work."""
    return WOULD_NOT_WORK if any(check.level is Level.FAIL for check in found) else WORKS


def verdict(found: Sequence[Check]) -> str:
    """The last line."""
    bad = sum(check.level is Level.FAIL for check in found)
    if bad:
        return f"❌ The bot would not work: {plural(bad, 'thing')} to mend (❌)."
    warned = sum(check.level is Level.WARN for check in found)
    return "✅ The bot would work." + (f" {plural(warned, 'warning')} (⚠️)." if warned else "")


def as_json(found: Sequence[Check]) -> str:
    """``{"works": true, "checks": [{"group", "name", "level", "found", "advice"}, …]}``."""
    listed = [
        {
            "group": check.group,
            "name": check.name,
            "level": check.level.value,
            "found": check.found,
            "advice": check.advice,
        }
        for check in found
    ]
    return json.dumps({"works": exit_code(found) == WORKS, "checks": listed}, ensure_ascii=False, indent=2)
