"""A disk that loses its power: what would be on it then, if nothing but what was fsynced can be relied on.

A real power cut cannot be had in a test, and a killed process loses nothing that it wrote.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

#: Kept by libraries that sync for themselves, where nobody here can see it.
FOREIGN = ("sessions",)


class Disk:
    """Notes what is made durable below ``root`` while it is installed as ``os.fsync``.

    A file that was never synced has its size afterwards and zeros in its second half, as file systems leave
    it; one that was written to since it was synced has its old content, and none if it was cut short. With
    ``lose_names`` what was made, renamed or deleted in a folder that was not synced afterwards did not
    happen; without, all of that did.
    """

    def __init__(self, root: Path, *, lose_names: bool = True) -> None:
        self.root = root
        self.lose_names = lose_names
        #: Called before each sync, with what it is about; the power may fail there.
        self.before: Callable[[Path], None] | None = None
        self._fsync: Callable[[int], None] = os.fsync
        self._content: dict[int, bytes] = {}
        self._names: dict[int, dict[str, int]] = {}
        for folder in self._folders():
            self._note_names(folder)
            for path in _files(folder):
                self._content[path.stat().st_ino] = path.read_bytes()

    def fsync(self, file: int) -> None:
        """As ``os.fsync``."""
        path = Path(f"/proc/self/fd/{file}").readlink()
        if self.before is not None:
            self.before(path)
        self._fsync(file)
        if stat.S_ISDIR(os.fstat(file).st_mode):
            self._note_names(path)
        else:
            self._content[os.fstat(file).st_ino] = Path(f"/proc/self/fd/{file}").read_bytes()

    def survivors(self) -> dict[str, bytes]:
        """Relative path -> content of each file that is there when the power comes back."""
        root = self.root.stat().st_ino
        return dict(self._below(self.root, root, ""))

    def lose_power(self) -> None:
        """Leave only the survivors; the folders stay, as far as they were made."""
        survivors = self.survivors()
        for folder in list(self._folders()):
            for path in _files(folder):
                if str(path.relative_to(self.root)) not in survivors:
                    path.unlink(missing_ok=True)
        for name, content in survivors.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)

    def keep(self, path: Path) -> None:
        """What is in ``path`` now survives."""
        self._content[path.stat().st_ino] = path.read_bytes()

    def _folders(self) -> Iterator[Path]:
        for folder, below, _ in os.walk(self.root):
            below[:] = [name for name in below if name not in FOREIGN]
            yield Path(folder)

    def _note_names(self, folder: Path) -> None:
        with os.scandir(folder) as entries:
            self._names[folder.stat().st_ino] = {entry.name: entry.inode() for entry in entries}

    def _below(self, folder: Path, inode: int, prefix: str) -> Iterator[tuple[str, bytes]]:
        names = dict(self._names.get(inode, {}))
        now: dict[str, int] = {}
        if folder.is_dir():
            with os.scandir(folder) as entries:
                now = {entry.name: entry.inode() for entry in entries}
        for name, number in (names if self.lose_names else now).items():
            path = folder / name
            if name in FOREIGN:
                continue
            if number in self._names or (now.get(name) == number and path.is_dir()):
                yield from self._below(path, number, f"{prefix}{name}/")
            elif (content := self._left(path, number, now.get(name) == number)) is not None:
                yield f"{prefix}{name}", content

    def _left(self, path: Path, number: int, is_there: bool) -> bytes | None:
        synced = self._content.get(number)
        if not is_there:
            return synced
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # other threads may be at work
            return synced
        if synced is None:
            return content[: len(content) // 2].ljust(len(content), b"\0")
        return synced if len(content) >= len(synced) else b""


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file() and not path.is_symlink()]


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """The disk of ``tmp_path``, new."""
    made = Disk(tmp_path)
    monkeypatch.setattr(os, "fsync", made.fsync)
    return made
