"""People who look at the status page: they ask for what browsers with it ask for, from another process."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from utils.constants import ROOT

PORT = 18083
#: Seconds between two times that the page renews itself.
EVERY = 2.0


@asynccontextmanager
async def looked_at(count: int) -> AsyncIterator[None]:
    """Inside, so many browsers have the page open."""
    if not count:
        yield
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.onlookers", str(count), cwd=ROOT
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


async def look(number: int, count: int) -> None:
    """One browser: the page, its pictures, and what changes, over and over."""
    import aiohttp

    await asyncio.sleep(number * EVERY / count)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{PORT}") as browser:
        seen, path = set[str](), "/"
        while True:
            async with browser.get(path) as answer:
                page = await answer.text()
            for picture in set(re.findall(r"thumb/\d+/\d+", page)) - seen:
                async with browser.get(f"/{picture}") as answer:
                    await answer.read()
                seen.add(picture)
            path = "/part"
            await asyncio.sleep(EVERY)


async def main(count: int) -> None:
    """All of them."""
    await asyncio.gather(*(look(number, count) for number in range(count)))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
