"""The kinds of journal lines as the table of docs/architecture.md. Pure: no I/O."""

from __future__ import annotations

import re
from dataclasses import fields

from utils.jobs.lines import KINDS, Line

_CRASH = re.compile(r"^ *(?:Written|Crash before|Crash after): (.*)$", re.MULTILINE)


def lines_table() -> str:
    """A row a kind: its name and fields, what it says, and what its docstring tells of crashes."""
    rows = ["| line | says | written | crash before | crash after |", "|---|---|---|---|---|"]
    return "\n".join([*rows, *map(_row, KINDS.values())]) + "\n"


def _row(kind: type[Line]) -> str:
    says, _, rest = (kind.__doc__ or "").replace("``", "`").partition("\n")
    members = ", ".join(field.name for field in fields(kind))
    cells = (f"`{kind.t}`", f"{says} *{members}*" if members else says, *_CRASH.findall(rest))
    return f"| {' | '.join(cells)} |"
