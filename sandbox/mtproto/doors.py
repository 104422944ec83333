"""The listening ports, and how the server goes away and comes back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping

Accept = Callable[[int], asyncio.BaseProtocol]


class Doors:
    """One port for each data centre, the same ones for the server's whole life."""

    def __init__(self, host: str, dcs: Mapping[int, int], accept: Accept) -> None:
        self.host = host
        self.ports: dict[int, int] = dict(dcs)
        self._accept = accept
        self._wanted = False
        self._listeners: list[asyncio.Server] = []
        self._placeholders: list[socket.socket] = []
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Listens on every port, unless closed meanwhile."""
        self._wanted = True
        async with self._lock:
            if self._listeners:
                return
            for dc_id in self.ports:
                if not self._wanted:
                    return
                listener = await self._listen(dc_id)
                if not self._wanted:
                    listener.close()
                    return
                self._listeners.append(listener)
            self.release()

    def close(self, *, keep: bool) -> None:
        """Listens no more. `keep`: the ports stay ours; bound, they refuse, and nobody else is given them."""
        self._wanted = False
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()
        if keep and not self._placeholders:
            self._placeholders = [self._placeholder(port) for port in self.ports.values()]

    def release(self) -> None:
        """Gives kept ports up."""
        for placeholder in self._placeholders:
            placeholder.close()
        self._placeholders.clear()

    async def _listen(self, dc_id: int) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: self._accept(dc_id), self.host, self.ports[dc_id])
        self.ports[dc_id] = listener.sockets[0].getsockname()[1]
        return listener

    def _placeholder(self, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        placeholder = socket.socket(family, socket.SOCK_STREAM)
        placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        placeholder.bind((self.host, port))
        return placeholder
