"""What ``--fix`` mends: only what can harm nobody, and is undone as easily."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from utils.constants import Settings
from utils.diagnostics.running import running
from utils.storage import private
from utils.storage.atomic import make_folder

#: What a backup, or writing, that was killed leaves in the bot's folder.
_LEFT_FOLDERS, _LEFT_FILES = ("backup-",), (".tmp",)


def mend(settings: Settings, secrets: Path) -> Iterator[str]:
    """Mend what may be mended; says each thing that was done, and each that could not be. Blocking."""
    data = settings.path("DATA_DIR")
    folders = [data, *(settings.path(name) for name in ("RECOVERY_DIR", "QUARANTINE_DIR"))]
    for folder in folders:
        if not folder.exists():
            yield from _try(f"made {folder}", _make, folder)
    inside = [data / name for name in (*private.FOLDERS, *private.FILES)]
    sessions = sorted((data / "sessions").glob("*.session")) if (data / "sessions").is_dir() else []
    for path in (*folders, *inside, *sessions, *private.logs(settings.path("LOG_FILE")), secrets):
        if path.exists() and private.is_open(path.lstat()):
            before = path.lstat().st_mode
            yield from _try(f"shut {path} for others", private.shut, path, only_if=before)
    if running(data) is None:
        for path in sorted(data.iterdir()) if data.is_dir() else ():
            if path.name.startswith(_LEFT_FOLDERS) and path.is_dir() and not path.is_symlink():
                yield from _try(f"removed {path}, which a backup that was cut off left", shutil.rmtree, path)
            elif path.name.endswith(_LEFT_FILES) and path.is_file():
                yield from _try(f"removed {path}, which was never written to its end", os.unlink, path)


def _make(folder: Path) -> None:
    make_folder(folder)
    folder.chmod(0o700)


def _try(done: str, act: object, path: Path, only_if: int | None = None) -> Iterator[str]:
    assert callable(act)
    try:
        act(path)
    except OSError as error:
        yield f"❌ {path}: {error.strerror}"
        return
    # What belongs to others stays as it is.
    if only_if is None or stat.S_IMODE(path.lstat().st_mode) != stat.S_IMODE(only_if):
        yield f"🔧 {done}"
