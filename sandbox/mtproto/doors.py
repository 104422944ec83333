"""The listening ports, and how the server goes away and comes back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Final

Accept = Callable[[int], asyncio.BaseProtocol]

_BACKLOG: Final = 128


class Doors:
    """One port for each data centre, the same ones for the server's whole life."""

    def __init__(self, host: str, dcs: Mapping[int, int], accept: Accept) -> None:
        self.host = host
        self.ports: dict[int, int] = dict(dcs)
        self._accept = accept
        self._bound: dict[int, socket.socket] = {}
        self._listeners: list[asyncio.Server] = []

    def listen(self) -> None:
        """From now on clients find the ports open; :meth:`serve` lets them in."""
        if not self._listeners:
            self._bind()
            for bound in self._bound.values():
                bound.listen(_BACKLOG)

    async def serve(self) -> None:
        """Lets clients in."""
        while self._bound and not self._listeners:
            # With start_serving=False nothing is awaited here, so close() cannot come in between.
            listeners = [await self._listener(dc_id, bound) for dc_id, bound in self._bound.items()]
            self._bound.clear()
            self._listeners += listeners
            await asyncio.gather(*(listener.start_serving() for listener in listeners))

    def close(self, *, keep: bool) -> None:
        """Listens no more. `keep`: the ports stay ours; bound, they refuse, and nobody else is given them."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        for bound in self._bound.values():
            bound.close()
        self._bound.clear()
        if keep:
            self._bind()

    def _bind(self) -> None:
        for dc_id, port in self.ports.items():
            if dc_id not in self._bound:
                family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
                bound = self._bound[dc_id] = socket.socket(family, socket.SOCK_STREAM)
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                bound.bind((self.host, port))
                self.ports[dc_id] = bound.getsockname()[1]

    async def _listener(self, dc_id: int, bound: socket.socket) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: self._accept(dc_id), sock=bound, start_serving=False)
