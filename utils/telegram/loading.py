"""What of Telethon is loaded with it, and what when it is first used.

Telethon loads aiohttp and Pillow where they are installed, for files of web sites and pictures that this bot
never gives it, and several hundred requests that it never sends: 16 MB of memory, and a third of the time
that a start takes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from pathlib import Path
from types import ModuleType

_UNWANTED = ("aiohttp", "PIL", "ssl")
_REQUESTS = "telethon.tl.functions."
_INDEX = "telethon.tl.alltlobjects"


class _Index(Loader):
    """Telethon's index of what can be read, with what a server sends: it never sends requests."""

    def __init__(self, file: str) -> None:
        self._file = Path(file)

    def exec_module(self, module: ModuleType) -> None:
        from telethon.tl import types

        layer = re.search(r"^LAYER = (\d+)$", self._file.read_text(), re.MULTILINE)
        if layer is None:
            raise ImportError(f"{self._file} does not say which layer it is.")
        modules = (types, *(value for value in vars(types).values() if isinstance(value, ModuleType)))
        index = {number: kind for part in modules for number, kind in _kinds(part)}
        vars(module).update(LAYER=int(layer[1]), tlobjects=index)


def _kinds(module: ModuleType) -> Iterator[tuple[int, type]]:
    for kind in vars(module).values():
        if isinstance(kind, type) and (number := getattr(kind, "CONSTRUCTOR_ID", None)):
            yield number, kind


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(_REQUESTS) and fullname != _INDEX:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None and spec.origin is not None:
            spec.loader = _Index(spec.origin) if fullname == _INDEX else LazyLoader(spec.loader)
        return spec


@contextmanager
def sparing() -> Iterator[None]:
    """Inside, Telethon is loaded without what the bot has no use for."""
    hidden = [name for name in _UNWANTED if name not in sys.modules]
    finder = _Finder()
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # as if it was not there
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in hidden:
            del sys.modules[name]
