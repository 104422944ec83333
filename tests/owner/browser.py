"""A real browser without a window: Chromium, told what to do over its own protocol.

https://chromedevtools.github.io/devtools-protocol
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.world import PATIENCE, until

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
#: No window, and nothing asked of anybody.
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    *("--remote-debugging-port=0", "about:blank"),
)


class Browser:
    """One page. ``asked`` are the addresses that it fetched, ``complaints`` what its console says."""

    def __init__(self, line: aiohttp.ClientWebSocketResponse) -> None:
        self._line = line
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.asked: list[str] = []
        self.complaints: list[str] = []

    async def listen(self) -> None:
        async for message in self._line:
            told = message.json()
            if told.get("id") in self._answers:
                self._answers.pop(told["id"]).set_result(told)
            elif told["method"] == "Network.requestWillBeSent":
                self.asked.append(told["params"]["request"]["url"])
            elif told["method"] == "Log.entryAdded":
                self.complaints.append(told["params"]["entry"]["text"])
            elif told["method"] == "Runtime.exceptionThrown":
                self.complaints.append(str(told["params"]["exceptionDetails"]))

    async def tell(self, method: str, **parameters: object) -> dict[str, Any]:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._line.send_json({"id": number, "method": method, "params": parameters})
        told = await asyncio.wait_for(answer, PATIENCE)
        assert "error" not in told, told
        return dict(told["result"])

    async def show(self, address: str) -> None:
        await self.tell("Page.navigate", url=address)
        await self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    async def ask(self, expression: str) -> Any:
        """The value of a piece of JavaScript in the page."""
        told = await self.tell(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def until(self, expression: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await self.ask(expression):
                await asyncio.sleep(0.05)

    async def press(self, key: str) -> None:
        """A key, by itself."""
        text = {"Enter": "\r"}.get(key, "")
        code = {"Enter": 13, "Tab": 9}[key]
        known = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        await self.tell("Input.dispatchKeyEvent", type="keyDown", text=text, **known)
        await self.tell("Input.dispatchKeyEvent", type="keyUp", **known)

    async def spoken(self) -> list[tuple[str, str]]:
        """What a screen reader is told: the role and the name of each thing that has one."""
        nodes = (await self.tell("Accessibility.getFullAXTree"))["nodes"]
        heard = [node for node in nodes if not node["ignored"]]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in heard]


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Browser]:
    """One that lives inside, with its profile in ``folder``."""
    assert PROGRAM is not None
    process = await asyncio.create_subprocess_exec(
        *(PROGRAM, *_OPTIONS, f"--user-data-dir={folder}"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        file = folder / "DevToolsActivePort"
        await until(
            lambda: process.returncode is not None or (file.exists() and file.read_text().count("\n"))
        )
        port = file.read_text().split("\n", maxsplit=1)[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                pages = [page for page in await answer.json() if page["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as line:
                page = Browser(line)
                listening = asyncio.create_task(page.listen())
                for domain in ("Page", "Runtime", "Network", "Log", "Accessibility"):
                    await page.tell(f"{domain}.enable")
                yield page
                listening.cancel()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
