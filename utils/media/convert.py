"""The conversion engine, as the rest of the program sees it."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from utils.constants import Settings
from utils.errors import ConversionFailed, ConversionTimeout, ToolStopped
from utils.media.checkpoint import Checkpoint, finished_only, identity_of, read_state
from utils.media.disk import FreeSpace, free_bytes, require_room, settle
from utils.media.elsewhere import Farm
from utils.media.full import convert_fully
from utils.media.inspection import Inspection
from utils.media.plan import Action, ConversionPlan
from utils.media.processors import Processors
from utils.media.remux import remux
from utils.media.settings import EncodeSettings
from utils.media.tools import Tools
from utils.media.work import Work
from utils.texts import Text

log = logging.getLogger(__name__)

#: A result shorter than this part of what the source promised is worth a word.
_MOST = 0.9


class Converter:
    """Makes videos playable, with the least work, so that a cut-off conversion goes on where it was."""

    def __init__(
        self,
        settings: EncodeSettings,
        tools: Tools,
        *,
        free: FreeSpace = free_bytes,
        farm: Farm | None = None,
    ) -> None:
        """``farm``: other machines that may encode segments; the result is the same without."""
        self._farm = farm
        self._processors = Processors(settings.threads)
        self._settings = settings
        self._tools = tools
        self._free = free

    def follow(self, settings: Settings) -> None:
        """The next conversion goes by these; one that has a plan keeps to it."""
        self._settings = EncodeSettings.from_settings(settings)

    def resumed_from(self, checkpoint: Checkpoint, work_dir: Path | None = None) -> float:
        """The percentage of the frames that :meth:`convert` would not encode again. Looks at file sizes.

        In ``work_dir``, or where the segments were.
        """
        state = read_state(checkpoint.load())
        if state is None or not state.recipe.frames:
            return 0.0
        try:
            if identity_of(Path(state.source)) != state.recipe.identity:
                return 0.0
        except OSError:
            return 0.0
        if work_dir is not None:
            state = replace(state, folder=str(work_dir))
        return 100.0 * finished_only(state).frames_done / state.recipe.frames

    async def convert(
        self,
        source: Path,
        output: Path,
        *,
        inspection: Inspection,
        checkpoint: Checkpoint,
        work_dir: Path,
        on_progress: Callable[[float], Awaitable[None]],
        name: str = "",
        on_idle: Callable[[], None] = lambda: None,
    ) -> Inspection:
        """Carry out the plan of ``inspection``; returns the inspection of ``output``. ``name`` is for people.

        What plays as it is is copied.

        ``work_dir`` belongs to this conversion alone; it is gone when the conversion succeeds. ``output``
        appears when it is verified, not before. ``on_progress`` gets percentages of the frames done, and
        ``on_idle`` is called when it has no use for all processors any more.
        Raises :class:`ConversionFailed`, :class:`ConversionTimeout` or :class:`DiskFull`; on cancellation
        ffmpeg is gone when this returns, and calling it again goes on from the checkpoint.
        """
        plan = inspection.plan
        if plan is None:
            raise ConversionFailed(Text("There is nothing to convert: {reason}", reason=inspection.reason))
        await asyncio.to_thread(work_dir.mkdir, parents=True, exist_ok=True)
        work = Work(
            source=source,
            output=output,
            folder=work_dir,
            inspection=inspection,
            plan=plan,
            settings=self._settings,
            tools=self._tools,
            checkpoint=checkpoint,
            on_progress=on_progress,
            free=self._free,
            farm=self._farm,
            name=name or source.name,
            processors=self._processors,
            on_idle=on_idle,
        )
        return await self._to_its_end(work)

    async def _to_its_end(self, work: Work) -> Inspection:
        try:
            result = await self._carry_out(work)
        finally:
            await asyncio.to_thread(work.part.unlink, missing_ok=True)
        _warn_of_loss(work, result)
        await work.on_progress(100.0)
        return result

    async def _carry_out(self, work: Work) -> Inspection:
        if work.plan.action is Action.SEND:
            await asyncio.to_thread(_copy, work)
            await asyncio.to_thread(_remove_empty, work.folder)
            return work.inspection
        if work.plan.action in (Action.REMUX, Action.AUDIO):
            try:
                result = await remux(work)
            except (ConversionTimeout, ToolStopped):
                raise
            except ConversionFailed as error:
                log.info("Copying the picture failed, so it is encoded: %s", error.told)
                work.plan = replace(work.plan, action=Action.FULL)
            else:
                await asyncio.to_thread(_remove_empty, work.folder)
                return result
        return await convert_fully(work)


def _warn_of_loss(work: Work, result: Inspection) -> None:
    promised = _promised(work.inspection.duration, work.plan)
    if result.duration < promised * _MOST and work.plan.times_trusted:
        log.warning("⚠️ Only %.1f of %.1f seconds could be read of a damaged video", result.duration, promised)


def _promised(duration: float, plan: ConversionPlan) -> float:
    """Seconds that the source says its picture lasts, or 0 where it does not.

    That of the whole (``duration``) may be that of subtitles or data, which often outlast the picture.
    """
    found = plan.probe
    return plan.picture.duration or (0.0 if found.subtitles or found.other_streams else duration)


def _copy(work: Work) -> None:
    """Blocking."""
    size = work.source.stat().st_size
    require_room(work.output.parent, size, reserve=work.settings.disk_reserve, free=work.free)
    try:
        shutil.copyfile(work.source, work.part)
        settle(work.part, work.output)
    except OSError as error:
        raise ConversionFailed(Text("It cannot be copied: {reason}.", reason=error.strerror)) from error


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        log.debug("%s is kept: it is not empty", folder)
