"""Serves the page, the figures and the state of health, in the bot's own loop."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from utils.errors import BotError, SettingsError, guarded
from utils.owner.eyes import Acts, Where, is_loopback
from utils.owner.history import LOOK, Counts, History, memory_used
from utils.owner.metrics import exposition
from utils.owner.page import Seen, page, part
from utils.owner.sight import Sight
from utils.owner.watch import Watch

log = logging.getLogger(__name__)

#: Stands for what Telegram has no small picture of: a sheet of paper.
_NO_PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#888">'
    '<path d="M7 4h7l4 4v12H7zM14 4v4h4"/></svg>'
)
_COOKIE = "archive-bot"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class StatusServer:
    """``look`` says what there is; ``acts`` is what may be done.

    ``thumb`` fetches the JPEG of what was sent, b"" where there is none.
    """

    def __init__(
        self,
        where: Where,
        look: Callable[[], Awaitable[Sight]],
        watch: Watch,
        acts: Acts,
        thumb: Callable[[Any], Awaitable[bytes]],
        history: History,
    ) -> None:
        self._where, self._look, self._watch, self._acts, self._thumb = where, look, watch, acts, thumb
        self._history = history
        #: Small pictures that were fetched, by the number and the place in its album; no more than are shown.
        self._thumbs: dict[tuple[int, int], bytes] = {}
        self._fetching = asyncio.Lock()
        #: Goes with each act, so that no other page can have a browser do one.
        self._form = secrets.token_urlsafe(16)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen inside. Raises :class:`SettingsError` when the port is taken."""
        app = web.Application(middlewares=[self._guarded], client_max_size=4096)
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/part", self._part),
                web.get("/healthz", self._health),
                web.get("/metrics", self._metrics),
                web.get("/thumb/{album:[0-9]{1,15}}/{place:[0-9]{1,2}}", self._picture),
                web.get("/style.css", _fixed("page.css", "text/css")),
                web.get("/page.js", _fixed("page.js", "text/javascript")),
                web.post("/{act}", self._act),
            ]
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, self._where.host.strip("[]"), self._where.port).start()
            except OSError as error:
                raise SettingsError(
                    f"STATUS_HOST and STATUS_PORT: {self._where.host}:{self._where.port} cannot be "
                    f"listened on ({error.strerror})."
                ) from None
            log.info("👀 The status page is at http://%s:%d/", self._where.host, self._where.port)
            remembering = asyncio.create_task(guarded(self._remember(), "Plots end here"))
            try:
                yield
            finally:
                remembering.cancel()
                await asyncio.gather(remembering, return_exceptions=True)
                await self._keep()
        finally:
            await runner.cleanup()

    async def _remember(self) -> None:
        """Look now and then, for the plots."""
        kept = self._history.now
        while True:
            sight, watch = await self._look(), self._watch
            counts = Counts(sight.sent, sight.received, watch.timed, watch.seconds)
            self._history.add(counts, await asyncio.to_thread(memory_used))
            if kept != self._history.now:
                kept = self._history.now
                await self._keep()
            await asyncio.sleep(LOOK)

    async def _keep(self) -> None:
        try:
            await asyncio.to_thread(self._history.keep)
        except OSError as error:
            log.debug("The plots are not kept: %s", error.strerror)

    # -- who may

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._is_meant(request):
            raise web.HTTPMisdirectedRequest(text="Another name than this server's.\n")
        given = request.query.get("token", "")
        if self._where.token and not (self._knows(given) or self._knows(self._other_token(request))):
            raise web.HTTPUnauthorized(text="Open this page with ?token=STATUS_TOKEN.\n")
        response = await handler(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if self._knows(given) and isinstance(response, web.Response):
            response.set_cookie(_COOKIE, given, httponly=True, samesite="Strict")
        return response

    def _is_meant(self, request: web.Request) -> bool:
        """Whether it was this server that was asked, and not a name that was made to lead here.

        Who listens for others has a token, which a page of somebody else does not know.
        """
        if self._where.token:
            return True
        host, _, port = request.host.rpartition(":")
        return is_loopback(host) and port == str(self._where.port)

    def _knows(self, token: str) -> bool:
        return bool(self._where.token) and hmac.compare_digest(token.encode(), self._where.token.encode())

    def _other_token(self, request: web.Request) -> str:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return token if kind == "Bearer" else request.cookies.get(_COOKIE, "")

    # -- what is shown

    async def _page(self, request: web.Request) -> web.Response:
        if "token" in request.query:
            # It is in a cookie from now on, and need not stay in the address.
            return web.Response(status=303, headers={"Location": "/"})
        return web.Response(text=page(await self._seen()), content_type="text/html")

    async def _part(self, _: web.Request) -> web.Response:
        return web.Response(text=part(await self._seen()), content_type="text/html")

    async def _seen(self) -> Seen:
        return Seen(await self._look(), self._watch, self._history, self._form)

    async def _picture(self, request: web.Request) -> web.Response:
        """One of the small pictures; fetched once, one at a time, so that nobody's archive waits for it."""
        number, place = (int(request.match_info[name]) for name in ("album", "place"))
        albums = {album.number: album for album in self._watch.albums}
        if number not in albums or place >= len(albums[number].media):
            raise web.HTTPNotFound
        async with self._fetching:
            self._thumbs = {key: kept for key, kept in self._thumbs.items() if key[0] in albums}
            if (number, place) not in self._thumbs:
                self._thumbs[number, place] = await self._thumb(albums[number].media[place])
        content = self._thumbs[number, place]
        # Its address is that of no other.
        kept = {"Cache-Control": "private, max-age=86400, immutable"}
        if not content:
            return web.Response(text=_NO_PICTURE, content_type="image/svg+xml", headers=kept)
        return web.Response(body=content, content_type="image/jpeg", headers=kept)

    async def _metrics(self, _: web.Request) -> web.Response:
        body = exposition(await self._look(), self._watch)
        return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _health(self, _: web.Request) -> web.Response:
        """200 when it is connected and has room, else 503."""
        sight = await self._look()
        room = sight.disk.free > sight.disk.reserve
        told = {
            "connected": not sight.trouble,
            "room": room,
            "disk_free_bytes": sight.disk.free,
            "last_progress_seconds": round(time.time() - self._watch.last_progress),
        }
        return web.json_response(told, status=200 if room and not sight.trouble else 503)

    # -- what is done

    async def _act(self, request: web.Request) -> web.Response:
        form = await request.post()
        if not hmac.compare_digest(str(form.get("token", "")).encode(), self._form.encode()):
            raise web.HTTPForbidden(text="This page is of an earlier start; load it again.\n")
        act = self._acts.get(request.match_info["act"])
        if act is None:
            raise web.HTTPNotFound
        try:
            await act(str(form.get("value", "")))
        except BotError as error:
            raise web.HTTPConflict(text=f"{error.told}\n") from None
        return web.Response(status=303, headers={"Location": "/"})


def _fixed(name: str, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")

    async def serve(_: web.Request) -> web.Response:
        return web.Response(text=text, content_type=kind)

    return serve
