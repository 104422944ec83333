"""The pipes between the bot and one program."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence

#: Bytes of one read, and of output that waits for being read, where nothing else is asked for.
CHUNK = 1 << 16


class Outlet:
    """Where output comes out, unless it goes to a descriptor: only one may read at a time."""

    def __init__(self, reader: asyncio.StreamReader | None, transport: asyncio.BaseTransport | None) -> None:
        self._reader = reader
        self._transport = transport
        self._reading = False

    @classmethod
    async def of(cls, descriptor: int, buffer: int) -> Outlet:
        """What comes out of the pipe ``descriptor``; ``buffer`` bytes of it wait in memory at most."""
        reader = asyncio.StreamReader(buffer)
        pipe = os.fdopen(descriptor, "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        return cls(reader, transport)

    async def read(self, size: int) -> bytes:
        assert self._reader is not None
        self._reading = True
        try:
            return await self._reader.read(size)
        finally:
            self._reading = False

    async def empty(self) -> None:
        while self._reader is not None and not self._reading and await self._reader.read(CHUNK):
            pass

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Pipes:
    """What joins the bot and one program that is being started."""

    def __init__(self) -> None:
        #: Its standard input, output and error, and where the launcher reports to.
        self.theirs: list[int] = []
        self.report = -1
        self.stdin: asyncio.StreamWriter | None = None
        self.outlets: list[Outlet] = []
        self._handed: list[int] = []

    @classmethod
    async def make(cls, streams: Sequence[int], buffer: int) -> Pipes:
        """For ``streams``: standard input, output and error, each a descriptor, PIPE, or DEVNULL."""
        pipes = cls()
        stdin, *outputs = streams
        if stdin == PIPE:
            stdin, pipes.stdin = await _inlet()
            pipes._handed.append(stdin)
        pipes.theirs.append(pipes._descriptor(stdin))
        for stream in outputs:
            outlet = Outlet(None, None)
            if stream == PIPE:
                ours, stream = os.pipe()
                pipes._handed.append(stream)
                outlet = await Outlet.of(ours, buffer)
            pipes.outlets.append(outlet)
            pipes.theirs.append(pipes._descriptor(stream))
        pipes.report, told = os.pipe()
        pipes._handed.append(told)
        pipes.theirs.append(told)
        return pipes

    def _descriptor(self, stream: int) -> int:
        if stream == DEVNULL:
            stream = os.open(os.devnull, os.O_RDWR)
            self._handed.append(stream)
        return stream

    def hand_over(self) -> None:
        """Close what is the program's now, so that its end is seen."""
        for descriptor in self._handed:
            os.close(descriptor)
        self._handed.clear()

    def close(self) -> None:
        """Close what is ours."""
        if self.stdin is not None:
            self.stdin.close()
        for outlet in self.outlets:
            outlet.close()


async def _inlet() -> tuple[int, asyncio.StreamWriter]:
    """A pipe: the end that a program reads from, and the one that we write to."""
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
    transport, _ = await loop.connect_write_pipe(lambda: protocol, os.fdopen(writing, "wb", buffering=0))
    return reading, asyncio.StreamWriter(transport, protocol, None, loop)
