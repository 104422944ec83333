"""The owner's page, over real HTTP, beside a bot that works."""

from __future__ import annotations

import asyncio
import re
import socket
import sys
from dataclasses import replace
from pathlib import Path

import aiohttp

from sandbox.rpc import RpcError
from tests.e2e.process import environment, run
from tests.files import photo, video, zip_of
from tests.ports import free_port
from tests.world import World, until
from utils.constants import ROOT
from utils.owner.eyes import Where
from utils.terminal.main import USAGE


async def test_page_figures_and_health_of_a_bot_that_works(world: World, tmp_path: Path) -> None:
    port = free_port()
    (world.data / "quarantine").mkdir(parents=True)
    (world.data / "quarantine" / "bad.avi").write_bytes(b"x" * 2000)
    (world.data / "quarantine" / "bad.reason.txt").write_text("bad.avi: cut <b>off</b>\n")
    async with (
        world.running(STATUS_PORT=port),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as browser,
    ):
        name = "<script>alert(1)<.zip"
        await post(browser, "pause")
        await world.send(zip_of(tmp_path / name, {"a.jpg": photo(), "b.avi": video("avi")}))
        await until(lambda: any("⏸️ Deferred" in line for line in world.lines()))
        page = await text(browser, "/")
        await until(lambda: len(world.media()) == 1)
        page = await text(browser, "/")
        assert "b.avi" in page and "waits" in page and "Go on with conversions" in page
        assert '<div class="faint">from Ann @ann, <time' in page
        assert "<script>alert" not in page and "&lt;script&gt;alert(1)&lt;.zip" in page
        assert "bad.avi" in page and "cut &lt;b&gt;off&lt;/b&gt;" in page
        await asyncio.sleep(0.3)
        assert not any("🎬" in line for line in world.lines())
        figures = await metrics(browser)
        assert figures["conversions_waiting"] == figures["conversions_deferred_total"] == 1
        assert figures["quarantine_bytes"] == 2000 and figures["paused"] == 1
        await post(browser, "go-on")
        await world.summary()
        await until(lambda: not world.leftovers())
        assert '<span class="faint">from Ann @ann</span>' in await text(browser, "/")
        figures = await metrics(browser)
        assert figures["conversions_completed_total"] == figures["conversion_success_ratio"] == 1
        assert 0 < figures["conversion_average_seconds"] < 60
        assert figures["sent_bytes_total"] > len(photo()) < figures["received_bytes_total"]
        async with browser.get("/healthz") as answer:
            assert answer.status == 200 and (await answer.json())["connected"] is True
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        world.sandbox.faults.fail("messages.uploadMedia", RpcError(420, "FLOOD_WAIT_50"))
        await world.send(zip_of(tmp_path / "slow.zip", {"c.jpg": photo(2)}))
        await until(lambda: any("UploadMediaRequest waits 50 seconds" in line for line in world.lines()))
        await post(browser, "cancel-job", re.findall(r"cancel-job (\S+)\"", await text(browser, "/"))[0])
        while (await metrics(browser))["jobs"]:
            await asyncio.sleep(0.05)
        assert len(world.media()) == 2
        world.sandbox.faults.link.away = True
        await until(lambda: any("🔌 Telegram cannot be reached" in line for line in world.lines()))
        async with browser.get("/healthz") as answer:
            assert answer.status == 503
        assert "🔌 Telegram cannot be reached" in await text(browser, "/part")
        world.sandbox.faults.link.away = False


async def test_only_who_is_meant_to_can_look_or_act(world: World) -> None:
    port = free_port()
    async with (
        world.running(STATUS_PORT=port),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as browser,
    ):
        for host in ("evil.example", f"evil.example:{port}", "127.0.0.1:1", "localhost"):
            async with browser.get("/", headers={"Host": host}) as answer:
                assert answer.status == 421, host
        async with browser.get("/", headers={"Host": f"localhost:{port}"}) as answer:
            assert answer.status == 200
        async with browser.post("/pause", data={"token": "guessed", "value": ""}) as answer:
            assert answer.status == 403
        async with browser.get("/pause") as answer:
            assert answer.status in (404, 405)
        assert "Pause conversions" in await text(browser, "/")
    port = free_port()
    async with (
        world.running(STATUS_PORT=port, STATUS_HOST="0.0.0.0", STATUS_TOKEN="open sesame"),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as browser,
    ):
        for path in ("/", "/part", "/metrics", "/healthz", "/?token=wrong"):
            async with browser.get(path) as answer:
                assert answer.status == 401
        async with browser.post("/pause") as answer:
            assert answer.status == 401
        async with browser.get("/metrics", headers={"Authorization": "Bearer open sesame"}) as answer:
            assert answer.status == 200
        async with browser.get("/?token=open+sesame", allow_redirects=False) as answer:
            kept = answer.cookies["archive-bot"]
            assert answer.status == 303 and kept["httponly"] and kept["samesite"] == "Strict"
        async with browser.get("/", cookies={"archive-bot": "open sesame"}) as answer:
            assert answer.status == 200
    assert "open sesame" not in "".join(world.lines())


async def test_what_can_not_be_served_is_one_sentence_and_without_a_port_nothing_is_loaded(
    world: World,
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for changes, words in (
            ({"STATUS_PORT": "80", "STATUS_HOST": "0.0.0.0"}, "STATUS_TOKEN has to be set"),
            ({"STATUS_PORT": "123456"}, "must be a port"),
            ({"STATUS_PORT": port}, "cannot be listened on"),
        ):
            ended = await run(environment(world, **changes))
            assert ended.code == USAGE and words in ended.err, ended
    unwanted = {"aiohttp", "prometheus_client", "PIL", "ssl", "hypothesis", "babel"}
    code = (
        "import runpy, sys; runpy.run_path('extract-compressed-files.py'); import utils.bot; "
        f"found = {unwanted!r} & sys.modules.keys(); assert not found, found\n"
        # Nor what is of no use before somebody sends something, and Python does not look through the rest.
        "from telethon.tl import functions, alltlobjects\n"
        "import gc; assert gc.get_freeze_count() and gc.isenabled()\n"
        "spared = sum('Lazy' in type(module).__name__ for name, module in sys.modules.items()\n"
        "    if name.startswith('telethon.tl.functions.')); assert spared > 15, spared\n"
        "seen = alltlobjects.LAYER, dict(alltlobjects.tlobjects)\n"
        "for name in [name for name in sys.modules if name.startswith('telethon')]: del sys.modules[name]\n"
        "from telethon.tl import alltlobjects as whole, TLRequest\n"
        "import telethon\n"
        "told = {key for key, kind in whole.tlobjects.items() if not issubclass(kind, TLRequest)}\n"
        "assert (whole.LAYER, told) == (seen[0], set(seen[1])), told ^ set(seen[1])\n"
        "assert all(kind.__name__ == whole.tlobjects[key].__name__ for key, kind in seen[1].items())"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT)
    assert await process.wait() == 0
    assert Where.of("::1", 8080, "") == replace(Where.of("localhost", 8080, ""), host="::1")


async def text(browser: aiohttp.ClientSession, path: str) -> str:
    async with browser.get(path) as answer:
        assert answer.status == 200
        return await answer.text()


async def metrics(browser: aiohttp.ClientSession) -> dict[str, float]:
    """By name, without what all begin with."""
    lines = (line.split() for line in (await text(browser, "/metrics")).splitlines() if line[:1] != "#")
    return {name.removeprefix("archive_bot_"): float(value) for name, value in lines}


async def post(browser: aiohttp.ClientSession, act: str, value: str = "") -> None:
    token = re.findall(r'name="token" value="([^"]+)"', await text(browser, "/"))[0]
    async with browser.post(f"/{act}", data={"token": token, "value": value}) as answer:
        assert answer.status == 200
