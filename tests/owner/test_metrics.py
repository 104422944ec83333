"""What is promised of ``/metrics`` is there."""

from __future__ import annotations

import json
import logging
import re

from tests.owner.test_word import sight
from utils.constants import ROOT
from utils.owner.metrics import exposition
from utils.owner.watch import Watch

NAME = re.compile(r"\barchive_bot_\w+")


def figures() -> set[str]:
    """The names of all, once there was something of everything."""
    watch = Watch()
    log = logging.getLogger("utils.anything")
    level = log.level
    log.setLevel(logging.INFO)
    try:
        with watch.listening():
            for line in (
                "♻️ Queued recovery conversion: %s",
                "🎬 Starting: %s",
                "✅ Conversion completed: %s",
            ):
                log.info(line, "a.mov")
    finally:
        log.setLevel(level)
    return set(re.findall(r"^(archive_bot_\w+)[ {]", exposition(sight(), watch).decode(), re.MULTILINE))


def test_the_dashboard_asks_for_figures_that_there_are_and_for_all_of_them() -> None:
    text = (ROOT / "docs" / "grafana.json").read_text(encoding="utf-8")
    asked = set(NAME.findall(text))
    assert {name for name in figures() if not name.endswith("_created")} == asked
    panels = json.loads(text)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_the_page_about_it_names_figures_that_there_are() -> None:
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith("| `/metrics`"))
    named = {f"archive_bot_{name}" for name in re.findall(r"`([a-z_]+)`", row.partition("all beginning")[2])}
    named = {name for name in named if name != "archive_bot_archive_bot_"}
    assert named | set(NAME.findall(page.partition("scrape_configs")[2])) <= figures()
