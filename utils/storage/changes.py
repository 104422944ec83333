"""Changes of a file that is too large to be written anew for each of them: lines in a file beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from utils.storage.atomic import sync_folder
from utils.storage.journal import Record, append_lines, parse


class Changes:
    """What changed since the file ``path`` was written; each line is on disk before the call returns.

    The first line has the check sum of that file: what belongs to an older one is in the newer one already,
    or belongs to one that is gone. Blocking.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_suffix(".changes")
        self._sum = ""
        #: Bytes of them.
        self.size = 0

    def begin(self, content: bytes) -> None:
        """The file was written anew, as ``content``: nothing has changed since."""
        self.path.unlink(missing_ok=True)
        self._sum, self.size = _check_sum(content), 0

    def append(self, records: Iterable[Record]) -> None:
        """Add ``records``, all of them or none."""
        if self.size:
            self.size = append_lines(self.path, records)
            return
        self.size = append_lines(self.path, [{"of": self._sum}, *records])
        sync_folder(self.path.parent)

    def read(self, content: bytes) -> list[Record]:
        """What changed since the file was written as ``content``, without what a crash left half written."""
        self.size = 0
        try:
            records, size = parse(self.path.read_bytes())
        except (FileNotFoundError, IsADirectoryError):
            return []
        if not records or records[0].get("of") != _check_sum(content):
            return []
        self.size = size
        return records[1:]


def _check_sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
