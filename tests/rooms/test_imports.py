"""The rules that keep the rooms apart. docs/architecture.md says why; a failure says what to do instead."""

from __future__ import annotations

from pathlib import Path

from tests.rooms.imports import ROOT, Import, imports_of, room_imported, room_of, sources, table

#: For each room, those that it may import, from the command line down to what knows nobody.
MAY_IMPORT: dict[str, set[str]] = {}
GROUND = {"errors", "constants"}
for rooms, below in (
    (("texts",), set()),
    (("errors",), {"texts"}),
    (("properties",), {"errors"}),
    (("constants",), {"properties"}),
    (("storage", "processes"), GROUND),
    (("pictures",), {"processes"}),
    (("archives", "media", "telegram"), {"storage", "pictures"}),
    (("conversion_state", "queue_manager"), {"storage"}),
    (("cluster",), {"media", "storage"}),
    (("jobs",), {"archives", "media", "telegram", "queue_manager"}),
    (("conversions",), {"jobs", "conversion_state"}),
    (("chat",), {"jobs", "cluster"}),
    (("owner",), {"conversion_state", "queue_manager"}),
    (("bot",), {"chat", "conversions", "cluster", "owner"}),
    (("diagnostics",), {"conversions"}),
    (("terminal",), {"bot"}),
):
    for room in rooms:
        MAY_IMPORT[room] = set(below).union(*(MAY_IMPORT[other] for other in below))


def broken(imported: Import) -> bool:
    room, other = room_of(imported.file), room_imported(imported.name)
    return bool(other) and other != room and other not in MAY_IMPORT[room]


def test_a_room_imports_only_what_lies_below_it() -> None:
    wrong = [
        f"{found.file}:{found.line} imports {found.name}"
        for path in sources(ROOT, "utils")
        for found in imports_of(path, ROOT)
        if room_of(found.file) != "__init__" and broken(found)
    ]
    assert not wrong, (
        "\n".join(wrong)
        + "\nA room may import only rooms below it (MAY_IMPORT). Have what is needed handed in as an "
        "argument, typed by a Protocol, or move it to a room below both."
    )


def test_every_room_has_its_place_in_the_rules() -> None:
    rooms = {room_of(path.relative_to(ROOT)) for path in sources(ROOT, "utils")} - {"__init__"}
    assert rooms == MAY_IMPORT.keys(), (
        "Say in MAY_IMPORT what the new room may import, and in docs/architecture.md."
    )


def test_the_rules_have_no_circle() -> None:
    assert not [(a, b) for a, others in MAY_IMPORT.items() for b in others if a in MAY_IMPORT[b]]


def test_the_program_does_not_need_its_sandbox_demo_or_tests() -> None:
    others = ("sandbox", "demo", "tests", "benchmarks", "pytest")
    wrong = [
        f"{found.file}:{found.line} imports {found.name}"
        for path in sources(ROOT, "utils")
        for found in imports_of(path, ROOT)
        if found.name.split(".")[0] in others
    ]
    assert not wrong, "\n".join(wrong) + "\nWhat both need belongs into utils/."


def test_the_table_of_imports_in_the_architecture_is_the_real_one() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    shown = text.split("<!-- imports -->\n")[1].split("<!-- end of imports -->")[0]
    assert shown.strip() == table(ROOT).strip(), (
        "docs/architecture.md is behind: put what `python -m tests.rooms.imports` prints between its "
        "<!-- imports --> lines."
    )


def test_the_reader_of_imports_sees_every_form(tmp_path: Path) -> None:
    file = tmp_path / "utils" / "media" / "a.py"
    file.parent.mkdir(parents=True)
    (tmp_path / "utils" / "jobs").mkdir()
    file.write_text(
        "import utils.jobs\nfrom utils import jobs\nfrom utils.jobs import x\n"
        "def f():\n    from utils.jobs.job import Job\n"
    )
    found = list(imports_of(file, tmp_path))
    assert [room_imported(one.name) for one in found] == ["jobs"] * 4
    assert all(broken(one) for one in found)
