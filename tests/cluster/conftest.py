"""A video, and a farm that may read it."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cluster.yard import Yard, yard_in
from tests.media.makers import clip

HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "open-gop=1:keyint=10:log-level=none")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven seconds, which are six segments, of open groups of pictures."""
    return clip(tmp_path_factory.mktemp("source") / "clip.mkv", *HEVC, "-c:a", "libmp3lame", seconds=7)


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    async with yard_in(tmp_path) as made:
        yield made


@pytest.fixture
def here(source: Path, yard: Yard) -> Path:
    """``source``, where the farm may read it."""
    return Path(shutil.copy2(source, yard.folder / source.name))
