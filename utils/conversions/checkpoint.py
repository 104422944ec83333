"""Where a conversion's plan and finished segments are kept between two runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from utils.conversion_state import IN_PROGRESS, ConversionStateManager, display_name
from utils.jobs.steps import Mark

log = logging.getLogger(__name__)


class StateCheckpoint:
    """The engine's plan and segments, kept in conversion_state.json under the source's path.

    ``mark`` says that the conversion is under way; what is saved, no process will die in again.
    """

    def __init__(self, states: ConversionStateManager, source: Path, mark: Mark | None = None) -> None:
        self._states = states
        self._source = source
        self._mark = mark
        self._logged = -1

    def load(self) -> Mapping[str, Any] | None:
        """What was saved last, or None."""
        state = self._states.load_state(self._source)
        return state["details"].get("plan") if state else None

    async def save(self, data: Mapping[str, Any], progress: float) -> None:
        """Save ``data`` and ``progress`` (0 to 100)."""
        state = self._states.load_state(self._source)
        if state is None:
            return
        details = {**state["details"], "plan": dict(data)}
        await asyncio.to_thread(
            self._states.save_state,
            self._source,
            IN_PROGRESS,
            round(progress, 1),
            state["output_path"],
            details=details,
        )
        if self._mark is not None and details != state["details"]:
            self._mark.survived()
        if round(progress) != self._logged:
            self._logged = round(progress)
            log.info("💾 Conversion state saved: %s (%d%% complete)", display_name(state), self._logged)
