"""Who imports whom among the rooms of ``utils/``, read from the source.

    python -m tests.rooms.imports [FOLDER]

prints the table of docs/architecture.md, for the program in FOLDER (by default this one).
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Import:
    """``file`` (relative to the program's folder) imports the module ``name`` on that line."""

    file: Path
    line: int
    name: str


def sources(root: Path, *folders: str) -> Iterator[Path]:
    """The Python files below ``folders``."""
    for folder in folders:
        yield from sorted((root / folder).rglob("*.py"))


def imports_of(path: Path, root: Path) -> Iterator[Import]:
    """Every import in ``path``, also those inside functions and for type checkers alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path.relative_to(root), node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield Import(path.relative_to(root), node.lineno, _full_name(node, alias.name, root))


def _full_name(node: ast.ImportFrom, name: str, root: Path) -> str:
    """``from utils import errors`` names a module; ``from utils.errors import BotError`` a thing in it."""
    module = node.module or ""
    is_module = module.startswith("utils") and _is_module(root, f"{module}.{name}")
    return f"{module}.{name}" if is_module else module


def _is_module(root: Path, name: str) -> bool:
    path = root / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def room_of(path: Path) -> str:
    """The room of a file in ``utils/``: its folder, or, for one directly in ``utils/``, the file itself."""
    return path.parts[1].removesuffix(".py")


def room_imported(name: str) -> str:
    """The room of an imported module; "" when it is not in ``utils/``."""
    parts = name.split(".")
    return parts[1] if parts[0] == "utils" and len(parts) > 1 else ""


def arrows(root: Path) -> Mapping[str, set[str]]:
    """Each room and the rooms that it imports."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sources(root, "utils"):
        room = room_of(path.relative_to(root))
        for imported in imports_of(path, root):
            other = room_imported(imported.name)
            if other and other != room:
                found[room].add(other)
    return found


def table(root: Path) -> str:
    """As Markdown: a line a room."""
    lines = ["| room | imports |", "|---|---|"]
    for room, others in sorted(arrows(root).items()):
        names = ", ".join(f"`{other}`" for other in sorted(others))
        lines.append(f"| `{room}` | {names} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT), end="")
