"""The listening ports, and how the server goes away and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from typing import Final

Accept = Callable[[int], asyncio.BaseProtocol]

_BACKLOG: Final = 128


class Doors:
    """One port for each data centre, the same ones for the server's whole life.

    Ports given as 0 become free ones, one after another; they are known once they were taken.
    """

    def __init__(self, host: str, dcs: Mapping[int, int], accept: Accept) -> None:
        self.host = host
        self.ports: dict[int, int] = dict(dcs)
        self._accept = accept
        self._bound: dict[int, socket.socket] = {}
        self._listeners: list[asyncio.Server] = []

    def listen(self) -> None:
        """From now on clients find the ports open; :meth:`serve` lets them in."""
        if not self._listeners:
            self.take()
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
            self.take()

    def take(self) -> None:
        """The ports are ours from here on; until :meth:`listen` they refuse."""
        wanted = [dc_id for dc_id, port in self.ports.items() if port == 0]
        if wanted:
            while (taken := self._neighbours(len(wanted))) is None:
                pass
            self._bound |= zip(wanted, taken, strict=True)
            self.ports |= {dc_id: self._bound[dc_id].getsockname()[1] for dc_id in wanted}
        for dc_id, port in self.ports.items():
            if dc_id not in self._bound:
                bound = self._bound[dc_id] = self._socket()
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                bound.bind((self.host, port))

    def _neighbours(self, count: int) -> list[socket.socket] | None:
        """Sockets on so many free ports in a row; None when the first one's neighbours are not free."""
        with contextlib.ExitStack() as closing:
            taken = [closing.enter_context(self._socket()) for _ in range(count)]
            taken[0].bind((self.host, 0))
            first: int = taken[0].getsockname()[1]
            for place, bound in enumerate(taken[1:], 1):
                # SO_REUSEADDR comes later: with it, a port on which its owner does not listen yet is free.
                try:
                    bound.bind((self.host, first + place))
                except (OSError, OverflowError):
                    return None
            for bound in taken:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            closing.pop_all()
            return taken

    def _socket(self) -> socket.socket:
        return socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_STREAM)

    async def _listener(self, dc_id: int, bound: socket.socket) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: self._accept(dc_id), sock=bound, start_serving=False)
