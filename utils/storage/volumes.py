"""A file cut into volumes that a plain concatenation joins again."""

from __future__ import annotations

import os
from pathlib import Path

from utils.storage.atomic import sync_folder

_CHUNK = 1 << 20


def split_file(path: Path, folder: Path, limit: int) -> list[Path]:
    """Copy ``path`` into volumes of at most ``limit`` bytes in ``folder``, in order, each durable. Blocking.

    Raises OSError when the disk is full; no volume is left behind then.
    """
    size = path.stat().st_size
    volumes = [folder / f"{path.name}.volume{n:03d}" for n in range(-(-size // limit))]
    try:
        with path.open("rb") as source:
            for volume in volumes:
                with volume.open("wb") as target:
                    left = limit
                    while left and (chunk := source.read(min(left, _CHUNK))):
                        target.write(chunk)
                        left -= len(chunk)
                    target.flush()
                    os.fsync(target.fileno())
        sync_folder(folder)
    except OSError:
        for volume in volumes:
            volume.unlink(missing_ok=True)
        raise
    return volumes


def volume_names(name: str, count: int) -> list[str]:
    """``name.001``, ``name.002`` …, with more digits for more than 999."""
    digits = max(3, len(str(count)))
    return [f"{name}.{number:0{digits}d}" for number in range(1, count + 1)]


def how_to_join(name: str, volumes: list[str]) -> str:
    """The commands that make ``name`` of ``volumes`` again."""
    quoted = name.replace("'", "'\\''")
    windows = "+".join(f'"{volume}"' for volume in volumes[:20]) + ("+…" if len(volumes) > 20 else "")
    digits = "?" * (len(volumes[0]) - len(name) - 1)
    return f"cat '{quoted}'.{digits} > '{quoted}' — on Windows: copy /b {windows} \"{name}\""
