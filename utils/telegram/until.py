"""Work that ends early when something else happens."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Protocol, TypeVar

from utils.errors import BotError

T = TypeVar("T")


class Ends(Protocol):
    """A connection."""

    def gone(self) -> Coroutine[None, None, BotError]:
        """Why nothing can be asked for any more, once that is so."""


async def unless(event: asyncio.Event, work: Coroutine[None, None, T]) -> T | None:
    """What ``work`` gives; it is ended, and there is nothing, when ``event`` comes first."""
    task, stop = asyncio.create_task(work), asyncio.create_task(event.wait())
    try:
        await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        await _end(task, stop)


async def until_gone(client: Ends, work: Coroutine[None, None, None]) -> None:
    """Do ``work`` to its end, or until Telegram can no longer be asked for anything; raises why."""
    task, gone = asyncio.create_task(work), asyncio.create_task(client.gone())
    try:
        await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            raise gone.result()
        task.result()
    finally:
        await _end(task, gone)


async def _end(*tasks: asyncio.Task[T] | asyncio.Task[bool] | asyncio.Task[BotError]) -> None:
    waiting: list[Awaitable[object]] = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
