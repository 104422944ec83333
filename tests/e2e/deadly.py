"""``python -m tests.e2e.deadly``: the bot where some files kill it, as one that finds no memory left.

A file that holds ``DEADLY`` and one of these words kills at that step: ``LOOK``, ``PHOTO`` (when Telegram
is to look at it as one), ``CONVERSION``; so does opening an archive that is called ``deadly.zip``.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from utils.jobs import opening
from utils.jobs.uploading import Uploading
from utils.media import Converter, MediaTools
from utils.terminal.main import main


def kills(path: Path, word: str) -> bool:
    """Whether the file is one that kills at the step ``word``."""
    return f"DEADLY {word}".encode() in path.read_bytes()


def deadly(owner: Any, name: str, kills: Callable[..., bool]) -> None:
    """Have the call ``owner.name`` kill the process whenever ``kills`` says so of its arguments."""
    call = getattr(owner, name)

    async def dying(*arguments: Any, **options: Any) -> Any:
        if kills(*arguments):
            os.kill(os.getpid(), signal.SIGKILL)
        return await call(*arguments, **options)

    setattr(owner, name, dying)


if __name__ == "__main__":
    deadly(MediaTools, "inspect", lambda _, path, *more: kills(path, "LOOK"))
    deadly(Converter, "convert", lambda _, source, output: kills(source, "CONVERSION"))
    deadly(opening, "open_archive", lambda source: source.name == "deadly.zip")
    deadly(
        Uploading,
        "_looked_at",
        lambda self, file, *_: file.kind == "photo" and kills(self._files / file.path, "PHOTO"),
    )
    sys.exit(main([]))
