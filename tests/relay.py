"""The way between one client and its server, which can be cut, or lead elsewhere, while others are fine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

PAGE = (
    b"HTTP/1.1 302 Found\r\nLocation: http://log-in.example/\r\nContent-Length: 0\r\n\r\n" + b"<html>" * 100
)


class Leads(StrEnum):
    """What happens to connections."""

    THERE = "there"  #: they reach the server
    NOWHERE = "nowhere"  #: they are closed at once
    SILENT = "silent"  #: they are taken, and nothing is answered
    PORTAL = "portal"  #: somebody answers who speaks HTTP, and keeps the connection open


class Relay:
    """Listens on ``address``; ``lead`` says where to from now on, and breaks what is open."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._leads = Leads.THERE
        self._open: set[asyncio.StreamWriter] = set()
        self.address = ""
        self.taken = 0

    def lead(self, leads: Leads, *, quietly: bool = False) -> None:
        """``quietly``: what is open stays open, and half-open: nothing comes through any more."""
        self._leads = leads
        if not quietly:
            for writer in list(self._open):
                writer.transport.abort()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Relay]:
        """Listen inside."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = "{}:{}".format(*server.sockets[0].getsockname()[:2])
        try:
            yield self
        finally:
            server.close()
            self.lead(Leads.NOWHERE)
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        self._open.add(writer)
        with contextlib.suppress(OSError):
            if self._leads is Leads.THERE:
                there, out = await asyncio.open_connection(*self._target)
                self._open.add(out)
                await asyncio.gather(self._pass(reader, out), self._pass(there, writer))
            elif self._leads is not Leads.NOWHERE:
                if self._leads is Leads.PORTAL:
                    writer.write(PAGE)
                await reader.read(-1)
        writer.close()
        self._open.discard(writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if self._leads is Leads.THERE:
                    writer.write(data)
                    await writer.drain()
        writer.close()
        self._open.discard(writer)


@asynccontextmanager
async def relay_to(address: str) -> AsyncIterator[Relay]:
    """A relay to ``address`` ("host:port")."""
    host, _, port = address.rpartition(":")
    async with Relay(host, int(port)).running() as relay:
        yield relay
