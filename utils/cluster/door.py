"""The farm's HTTPS: who joins, what of a source is fetched, what comes back. All else is refused.

Who has no certificate of the farm's authority gets that authority's own (whose SHA-256 is in the token), and
may join with the token's secret. What may be read and written is what a machine is to do just now: it is
named by a key that only this machine was told.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
import time
from pathlib import Path

from aiohttp import web

from utils.cluster.authority import Authority
from utils.cluster.foreman import Foreman, Task
from utils.cluster.orders import PROTOCOL, Json

log = logging.getLogger(__name__)

#: Bytes of a request that is not a result, and of a result at a time.
_MOST, _CHUNK = 1 << 16, 1 << 18
#: Seconds that a wrong token has to wait, so that nobody tries many.
_PAUSE = 1.0
#: Slots that one machine may say it has.
_MOST_SLOTS = 256


class Door:
    """Open while inside. ``versions`` are those that a machine must have as well."""

    def __init__(self, authority: Authority, foreman: Foreman, versions: dict[str, str]) -> None:
        self._authority = authority
        self._foreman = foreman
        self._versions = versions
        self._results = 0
        self._guessing = asyncio.Lock()
        app = web.Application(client_max_size=_MOST)
        app.router.add_get("/authority", self._show_authority)
        app.router.add_post("/join", self._join)
        app.router.add_get("/work/{key}/source", self._give, allow_head=False)
        app.router.add_put("/work/{key}/result", self._take)
        app.router.add_post("/work/{key}/progress", self._hear_progress)
        app.router.add_post("/work/{key}/trouble", self._hear_trouble)
        self._runner = web.AppRunner(app, access_log=None)

    async def open(self, host: str, port: int, files: tuple[Path, Path, Path]) -> None:
        """Listen. Raises OSError."""
        authority, key, certificate = files
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority))
        context.load_cert_chain(certificate, key)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        await self._runner.setup()
        await web.TCPSite(self._runner, host or None, port, ssl_context=context).start()

    async def close(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()

    # -- for everybody ------------------------------------------------------------------------------

    async def _show_authority(self, _: web.Request) -> web.Response:
        return web.Response(text=self._authority.pem)

    async def _join(self, request: web.Request) -> web.Response:
        asked = await _json(request)
        try:
            secret = bytes.fromhex(str(asked["secret"]))
        except (KeyError, ValueError):
            secret = b""
        if not secrets.compare_digest(secret, self._authority.secret):
            async with self._guessing:
                await asyncio.sleep(_PAUSE)
            return _refused("The token is not that of this bot.")
        if asked.get("protocol") != PROTOCOL or asked.get("versions") != self._versions:
            other = _words({"protocol": str(asked.get("protocol")), **dict(asked.get("versions") or {})})
            own = _words({"protocol": str(PROTOCOL), **self._versions})
            return _refused(f"The versions differ: {other} there, {own} at the bot. Update both to the same.")
        try:
            slots = min(_MOST_SLOTS, max(1, int(asked["slots"])))
            name, ffmpeg = _plain(asked["name"]), _plain(asked["ffmpeg"])
            machine = secrets.token_hex(6)
            certificate = self._authority.admit(str(asked["request"]).encode(), machine)
        except (KeyError, TypeError, ValueError) as error:
            return _refused(f"The request makes no sense: {error}")
        self._foreman.admit(machine, name, slots, ffmpeg)
        return web.json_response({"machine": machine, "certificate": certificate})

    # -- for machines -------------------------------------------------------------------------------

    def _task(self, request: web.Request) -> tuple[Task, str]:
        """What the machine that asks is to do under the key of the address."""
        transport = request.transport
        certificate = transport.get_extra_info("peercert") if transport else None
        names = dict(pair for group in (certificate or {}).get("subject", ()) for pair in group)
        machine = str(names.get("commonName", ""))
        task = self._foreman.task(request.match_info["key"], machine) if machine else None
        if task is None:
            raise web.HTTPNotFound(text="There is no such work for you.")
        return task, machine

    async def _give(self, request: web.Request) -> web.StreamResponse:
        task, _ = self._task(request)
        task.started = task.started or time.monotonic()
        return web.FileResponse(task.source)

    async def _take(self, request: web.Request) -> web.Response:
        task, machine = self._task(request)
        self._results += 1
        beside = task.output.with_name(f"{task.output.name}.{self._results}")
        try:
            taken = 0
            with await asyncio.to_thread(beside.open, "wb") as file:
                async for chunk in request.content.iter_chunked(_CHUNK):
                    taken += len(chunk)
                    if taken > int(task.order["file_bytes"]):
                        raise web.HTTPRequestEntityTooLarge(int(task.order["file_bytes"]), taken)
                    await asyncio.to_thread(file.write, chunk)
            if taken != request.content_length:
                raise web.HTTPBadRequest(text="That was not all.")
            # It may have gone to another machine meanwhile, or not be wanted any more.
            task, machine = self._task(request)
            await asyncio.to_thread(beside.replace, task.output)
        finally:
            await asyncio.to_thread(beside.unlink, missing_ok=True)
        frames, seconds = int(task.order["segment"][1]), time.monotonic() - task.started
        self._foreman.delivered(task, machine, frames / max(seconds, 0.001))
        return web.Response()

    async def _hear_progress(self, request: web.Request) -> web.Response:
        task, machine = self._task(request)
        said = await _json(request)
        try:
            self._foreman.progress(task, machine, int(said["frames"]), float(said["seconds"]))
        except (KeyError, TypeError, ValueError):
            raise web.HTTPBadRequest from None
        return web.Response()

    async def _hear_trouble(self, request: web.Request) -> web.Response:
        task, machine = self._task(request)
        said = await _json(request)
        self._foreman.trouble(task, machine, _plain(said.get("why", ""), 300))
        return web.Response()


async def _json(request: web.Request) -> Json:
    try:
        said = await request.json()
    except ValueError:
        raise web.HTTPBadRequest(text="That is not JSON.") from None
    if not isinstance(said, dict):
        raise web.HTTPBadRequest(text="That is no object.")
    return said


def _refused(why: str) -> web.Response:
    return web.json_response({"why": why}, status=403)


def _plain(text: object, most: int = 60) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in str(text))[:most]


def _words(versions: dict[str, str]) -> str:
    return _plain(", ".join(f"{name} {version}" for name, version in versions.items()), 200)
