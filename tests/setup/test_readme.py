"""README.md says what is so."""

from __future__ import annotations

import re

import pytest

from utils.constants import ROOT
from utils.terminal.settings_tables import settings_table

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_settings_are_those_of_the_table() -> None:
    """To renew: put there what settings_table() gives."""
    shown = README.partition("<!-- settings -->\n")[2].partition("<!-- end of settings -->")[0]
    assert shown == settings_table()


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)h][^)]*)\)", README))
def test_what_is_linked_is_there(target: str) -> None:
    assert (ROOT / target).is_file()


def test_every_verb_that_is_named_exists() -> None:
    usage = (ROOT / "bot").read_text(encoding="utf-8")
    verbs = set(re.findall(r"\./bot (\w+)", README))
    assert verbs == {"run", "install", "uninstall", "demo", "doctor", "test", "check", "audit"}
    assert all(re.search(rf"^  {verb} ", usage, re.MULTILINE) for verb in verbs)


def test_log_lines_are_those_that_the_program_writes() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "utils").rglob("*.py"))
    lines = (
        "⏸️ Deferred video",
        "💾 Conversion state",
        "♻️ Queued",
        "♻️ Resumed conversion",
        "🔄 Found",
        "🚫 Ignored",
    )
    for words in lines:
        assert words in source
        assert words in README
