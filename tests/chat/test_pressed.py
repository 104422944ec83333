"""Every command and every button has a test that says or presses it through a real client."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from utils.chat.conversation import COMMANDS
from utils.chat.owner import OWNERS
from utils.constants import ROOT
from utils.jobs.buttons import Offers, Steering

PAGE = ROOT / "docs" / "development.md"
ROW = re.compile(r"^\| (.+?) \| `(tests/e2e/\w+\.py)::(\w+)` \|$", re.MULTILINE)


def rows() -> Mapping[str, tuple[str, str]]:
    """What is said or pressed, and the test (its file and its name)."""
    marked = PAGE.read_text(encoding="utf-8").split("<!-- commands and buttons -->")[1]
    table = marked.split("<!-- end of commands and buttons -->")[0]
    found = {what: (file, test) for what, file, test in ROW.findall(table)}
    # Two lines of it are the head.
    assert len(found) == len(table.strip().splitlines()) - 2
    return found


def labels() -> Iterator[str]:
    """Of the buttons that are under statuses and summaries."""
    keyboards = [Steering("1_1", paused=paused).buttons() for paused in (False, True)]
    keyboards.append(Offers([1], again=True, others=True, failed=True, files=True).buttons())
    for keyboard in keyboards:
        yield from (button.text for row in keyboard.rows for button in row.buttons)


def test_all_of_them_are_in_the_table() -> None:
    commands = {f"`/{name}`" for name in (*COMMANDS, *OWNERS, "start")}
    others = {f"those of `/{name}`" for name in ("help", "settings", "users", "cleanup")}
    assert rows().keys() == commands | {f"*{label}*" for label in labels()} | others


def test_each_test_is_there_and_does_it() -> None:
    for what, (file, test) in rows().items():
        module = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        (function,) = [n for n in module.body if isinstance(n, ast.AsyncFunctionDef) and n.name == test]
        written = ast.unparse(function)
        assert "world" in [argument.arg for argument in function.args.args], test
        if what.startswith("`"):
            assert what.strip("`") in written, f"{test} does not say {what}"
            continue
        assert "press(" in written, f"{test} presses nothing"
        if what.startswith("*"):
            assert what.strip("*") in written or _named(module, what.strip("*")) & _names(function), test


def _named(module: ast.Module, label: str) -> set[str]:
    """The names that the module gives to ``label``, also among others in one line."""
    return {
        name.id
        for line in module.body
        if isinstance(line, ast.Assign)
        for name, value in _pairs(line.targets[0], line.value)
        if isinstance(name, ast.Name) and isinstance(value, ast.Constant) and value.value == label
    }


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        yield from zip(target.elts, value.elts, strict=True)
    else:
        yield target, value


def _names(function: ast.AsyncFunctionDef) -> set[str]:
    return {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
