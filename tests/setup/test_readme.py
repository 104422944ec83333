"""README.md and the pages in docs/ say what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from utils.constants import ROOT
from utils.terminal.settings_tables import settings_table

README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_the_readme_can_be_read_at_once() -> None:
    assert len(text_of(README).split()) <= 900


def test_the_settings_are_those_of_the_table() -> None:
    """To renew: python -c 'from utils.terminal.settings_tables import *; print(settings_table())'."""
    page = text_of(ROOT / "docs" / "settings.md")
    shown = page.partition("<!-- settings -->\n")[2].partition("<!-- end of settings -->")[0]
    assert shown == settings_table()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_linked_is_there(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text_of(page))
    assert [target for target in targets if not (page.parent / target).is_file()] == []


def test_every_page_is_linked_from_the_readme_or_from_one_that_is() -> None:
    known, found = {README}, [README]
    while found:
        page = found.pop()
        for target in re.findall(r"\]\((?!https?:)([^)#]+\.md)", text_of(page)):
            linked = (page.parent / target).resolve()
            if linked not in known:
                known.add(linked)
                found.append(linked)
    assert set(PAGES) <= known


def test_every_verb_that_is_named_exists() -> None:
    usage = text_of(ROOT / "bot")
    verbs = set(re.findall(r"\./bot (\w+)", "".join(map(text_of, PAGES))))
    script = usage.partition("usage: ./bot VERB")[2].partition("'")[0]
    assert verbs == set(re.findall(r"^  (\w+) ", script, re.MULTILINE))
    assert all(re.search(rf"^  {verb} ", usage, re.MULTILINE) for verb in verbs)


def test_log_lines_are_those_that_the_program_writes() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "utils").rglob("*.py"))
    page = text_of(ROOT / "docs" / "operating.md")
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
        assert words in page
