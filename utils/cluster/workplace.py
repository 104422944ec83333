"""One segment on another machine: fetched, encoded, handed in. Nothing of it stays.

Dask finds :func:`encode` by its name, here and in the farm; what it takes on a worker is loaded there only.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.errors import BotError
from utils.processes.child import to_its_end

if TYPE_CHECKING:
    import aiohttp

    from utils.cluster.fetching import Fetching
    from utils.media import Piece, Tools

#: Seconds between two words about how far it is.
_PAUSE = 0.5

#: How far a piece is: its key, part of it that is encoded (0 to 1).
OnWork = Callable[[str, float], None]


@dataclass
class Workplace:
    """Where a worker works: ``folder`` is its own, ``base`` is the address of the farm's door."""

    folder: Path
    base: str
    session: aiohttp.ClientSession
    fetching: Fetching
    tools: Tools
    on_work: OnWork
    under_way: dict[str, asyncio.Future[None]] = field(default_factory=dict)

    async def encode(self, order: dict[str, Any]) -> None:
        """Do what ``order`` says, or tell the farm why not."""
        import aiohttp

        key = str(order["key"])
        folder = self.folder / key
        try:
            await asyncio.to_thread(folder.mkdir)
            await self._do(order, key, folder)
        except BotError as error:
            await self._tell(key, "trouble", {"why": error.told})
        except (aiohttp.ClientError, TimeoutError) as error:
            why = f"between it and the bot: {error or 'nothing came for too long'}"
            await self._tell(key, "trouble", {"why": why})
        except OSError as error:
            await self._tell(key, "trouble", {"why": error.strerror or str(error)})
        except (KeyError, TypeError, ValueError) as error:
            await self._tell(key, "trouble", {"why": f"it does not understand its order: {error}"})
        finally:
            self.on_work(key, 1.0)
            # Whoever does not want it any more does not want its files either.
            removing = asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
            await to_its_end(asyncio.ensure_future(removing))

    def give_up(self, key: str) -> None:
        """It is not wanted any more."""
        if key in self.under_way:
            self.under_way[key].cancel()

    async def _do(self, order: dict[str, Any], key: str, folder: Path) -> None:
        from utils.cluster.pieces import piece_of

        piece = piece_of(order, folder / "source", folder / "result.mp4")
        await self.fetching.fetch(key, str(order["film"]), piece)
        await self._encode(key, piece)
        size = (await asyncio.to_thread(piece.output.stat)).st_size
        with await asyncio.to_thread(piece.output.open, "rb") as file:
            headers = {"Content-Length": str(size)}
            async with self.session.put(
                f"{self.base}/work/{key}/result", data=file, headers=headers
            ) as answer:
                answer.raise_for_status()

    async def _encode(self, key: str, piece: Piece) -> None:
        from utils.media import Progress

        last = 0.0
        wanted = max(1, piece.segment.frames)

        async def progress(now: Progress) -> None:
            nonlocal last
            self.on_work(key, min(1.0, now.frames / wanted))
            if time.monotonic() - last >= _PAUSE:
                last = time.monotonic()
                await self._tell(key, "progress", {"frames": now.frames, "seconds": now.seconds})

        await self.tools.convert(
            piece.arguments(),
            within=piece.within,
            stall=piece.stall,
            on_progress=progress,
            # What is missing of the source would be seen: no picture may be made of nothing.
            strict=True,
            file_bytes=piece.file_bytes,
        )

    async def _tell(self, key: str, what: str, told: dict[str, Any]) -> None:
        import aiohttp

        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with self.session.post(f"{self.base}/work/{key}/{what}", json=told):
                pass


#: That of this process, where it is a worker's.
_here: Workplace | None = None


def open_workplace(place: Workplace | None) -> None:
    """What this process gets to do from now on is done there."""
    global _here
    _here = place


async def encode(order: dict[str, Any]) -> None:
    """The task of Dask. It says nothing: whatever there is to say goes to the farm's door."""
    place = _here
    assert place is not None, "no worker"
    key = str(order["key"])
    work = asyncio.ensure_future(place.encode(order))
    place.under_way[key] = work
    try:
        await asyncio.wait((work,))
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        del place.under_way[key]
