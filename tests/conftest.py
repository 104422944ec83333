"""What tests of several rooms share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A Telegram, a person, and everything that is needed to run the bot."""
    from tests.world import world_in

    async with world_in(tmp_path) as world:
        yield world
