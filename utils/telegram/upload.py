"""Sending a file's bytes to Telegram, part by part.

The parts of a file lie at Telegram under a file_id that the sender draws, until ``messages.uploadMedia``
(or a message) refers to them; they are kept for minutes to hours. See
https://core.telegram.org/api/files#uploading-files.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from telethon import errors
from telethon.tl import TLRequest, types
from telethon.tl.functions.upload import SaveBigFilePartRequest, SaveFilePartRequest

from utils.errors import Refused, TransferFailed
from utils.telegram.pauses import error_name
from utils.telegram.transfers import WINDOWS, Direction, FileTransfer, OnProgress, Transfers, in_flight
from utils.telegram.waits import OnWait

#: Bytes of a part; every part but the last has exactly this size.
PART_SIZE = 512 * 1024
#: Files above this size are sent with saveBigFilePart, which needs no check sum.
BIG = 10 * 1024 * 1024
#: Parts of a file at most (twice as many for premium accounts, which bots never are).
MAX_PARTS = 4000


@dataclass(frozen=True)
class UploadState:
    """How far the upload of one file is: enough to go on after a restart.

    ``done`` has bit n set when part n was acknowledged.
    """

    file_id: int
    size: int
    done: int = 0

    @classmethod
    def begin(cls, size: int) -> UploadState:
        """A new upload of ``size`` bytes under an unguessable file_id."""
        return cls(file_id=secrets.randbelow(2**63 - 1) + 1, size=size)

    @property
    def parts(self) -> int:
        return -(-self.size // PART_SIZE)

    @property
    def bytes_done(self) -> int:
        """Bytes that were acknowledged; the last part may be short."""
        whole = self.done.bit_count() * PART_SIZE
        short = self.parts * PART_SIZE - self.size if self.done >> max(0, self.parts - 1) & 1 else 0
        return whole - short

    def missing(self) -> Iterator[int]:
        return (part for part in range(self.parts) if not self.done >> part & 1)

    def with_part(self, part: int) -> UploadState:
        return replace(self, done=self.done | 1 << part)

    def to_json(self) -> dict[str, int | str]:
        return {"file_id": self.file_id, "size": self.size, "done": f"{self.done:x}"}

    @classmethod
    def from_json(cls, data: Mapping[str, int | str]) -> UploadState:
        """The inverse of :meth:`to_json`; raises KeyError or ValueError for anything else."""
        return cls(int(data["file_id"]), int(data["size"]), int(str(data["done"]), 16))


#: Called after each acknowledged part with the state to keep.
OnPart = Callable[[UploadState], Awaitable[None]]


class Upload:
    """One file's way up."""

    def __init__(
        self,
        transfers: Transfers,
        path: Path,
        *,
        name: str,
        resume: UploadState | None = None,
        on_progress: OnProgress | None = None,
        on_part: OnPart | None = None,
        on_wait: OnWait | None = None,
    ) -> None:
        size = path.stat().st_size
        if not size:
            raise Refused(f"{name} is empty, and Telegram takes no empty files.", reason="FILE_PARTS_INVALID")
        self.state = resume if resume is not None and resume.size == size else UploadState.begin(size)
        if self.state.parts > MAX_PARTS:
            raise Refused(
                f"{name} has {size:,} bytes; Telegram takes {MAX_PARTS * PART_SIZE:,} at most.",
                reason="FILE_PARTS_INVALID",
            )
        self._transfers = transfers
        self._path = path
        self._name = name
        self._digest = ""
        self._on_progress = on_progress
        self._on_part = on_part
        self._transfer = FileTransfer(transfers, Direction.UP, on_wait=on_wait)

    async def run(self) -> types.InputFile | types.InputFileBig:
        """Send what is missing. Raises :class:`TransferFailed` when a part cannot be sent."""
        dc = self._transfers.pool.home
        async with self._transfer.lane(dc, self.state.size):
            if self.state.parts == 1:
                for part in self.state.missing():
                    await self._send(None, dc, part)
                return await self._input_file()
            file = await asyncio.to_thread(os.open, self._path, os.O_RDONLY)
            try:
                jobs = (self._send(file, dc, part) for part in self.state.missing())
                await in_flight(jobs, WINDOWS[Direction.UP][1])
            finally:
                await asyncio.to_thread(os.close, file)
        return await self._input_file()

    async def resend_part(self, part: int) -> None:
        """Send one part again, after Telegram said FILE_PART_X_MISSING."""
        file = await asyncio.to_thread(os.open, self._path, os.O_RDONLY)
        try:
            await self._send(file, self._transfers.pool.home, part)
        finally:
            await asyncio.to_thread(os.close, file)

    async def _send(self, file: int | None, dc: int, part: int) -> None:
        """Send one part of ``file``; None: all of it, which is read with its check sum at once."""
        size = min(PART_SIZE, self.state.size - part * PART_SIZE)

        async def request() -> TLRequest:
            if file is None:
                data, self._digest = await asyncio.to_thread(_content_of, self._path)
            else:
                data = await asyncio.to_thread(os.pread, file, size, part * PART_SIZE)
            if len(data) != size:
                raise TransferFailed(f"{self._name} became shorter while it was sent.")
            return self._request(part, data)

        try:
            accepted = await self._transfer.part(dc, size, request)
        except errors.RPCError as error:
            raise TransferFailed(f"{self._name} cannot be sent: {error_name(error)}.") from error
        if not accepted:
            raise TransferFailed(f"{self._name} cannot be sent: Telegram did not take part {part}.")
        self.state = self.state.with_part(part)
        if self._on_part is not None:
            await self._on_part(self.state)
        if self._on_progress is not None:
            await self._on_progress(self.state.bytes_done, self.state.size)

    def _request(self, part: int, data: bytes) -> TLRequest:
        if self.state.size > BIG:
            return SaveBigFilePartRequest(self.state.file_id, part, self.state.parts, data)
        return SaveFilePartRequest(self.state.file_id, part, data)

    async def _input_file(self) -> types.InputFile | types.InputFileBig:
        if self.state.size > BIG:
            return types.InputFileBig(self.state.file_id, self.state.parts, self._name)
        if not self._digest:
            _, self._digest = await asyncio.to_thread(_content_of, self._path)
        return types.InputFile(self.state.file_id, self.state.parts, self._name, self._digest)


def _content_of(path: Path) -> tuple[bytes, str]:
    """All that is in a small file, and its check sum. Blocking."""
    content = path.read_bytes()
    return content, hashlib.md5(content, usedforsecurity=False).hexdigest()


async def upload(
    transfers: Transfers,
    path: Path,
    *,
    name: str,
    resume: UploadState | None = None,
    on_progress: OnProgress | None = None,
    on_part: OnPart | None = None,
    on_wait: OnWait | None = None,
) -> types.InputFile | types.InputFileBig:
    """Send the bytes of ``path``; the result goes into ``messages.uploadMedia``.

    ``name`` is what the receiver sees. ``resume`` is the last state that ``on_part`` was given: parts that
    were acknowledged are not sent again (a state of another size is ignored). Raises :class:`Refused` for
    an empty or too large file and :class:`TransferFailed` when a part cannot be sent; waits are obeyed and
    never fail it.
    """
    job = Upload(
        transfers,
        path,
        name=name,
        resume=resume,
        on_progress=on_progress,
        on_part=on_part,
        on_wait=on_wait,
    )
    return await job.run()


async def resend_part(transfers: Transfers, path: Path, *, name: str, state: UploadState, part: int) -> None:
    """Send part ``part`` of an upload again under the same file_id (FILE_PART_X_MISSING)."""
    await Upload(transfers, path, name=name, resume=state).resend_part(part)
