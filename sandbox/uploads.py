"""Parts on their way in: kept on disk until a request makes a file of them."""

from __future__ import annotations

import asyncio
import hashlib
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from telethon.tl import TLRequest, functions, types

from .limits import KB, MAX_PART, MAX_PARTS, SMALL_FILE, check_part, even_part
from .rpc import Result, RpcError
from .session import Serve, Session
from .store import Store, new_id

#: In the index beside the data: number and length of a part.
_RECORD = struct.Struct("<ii")


@dataclass(frozen=True)
class Blob:
    """Bytes on disk that never change."""

    id: int
    size: int
    path: Path


@dataclass
class Upload:
    """What is known of a file under way. Part `n` lies at ``n * MAX_PART`` of `data`, whatever its size."""

    data: Path
    index: Path
    sizes: dict[int, int] = field(default_factory=dict)
    #: Those parts that are on disk by now.
    written: set[int] = field(default_factory=set)
    #: Size of every part but the last; None until two different parts are there.
    even: int | None = None
    last: int = -1

    def add(self, part: int, size: int) -> None:
        """Takes a part's size into account. Raises FILE_PART_SIZE_INVALID or FILE_PART_SIZE_CHANGED."""
        if part > self.last:
            if self.last >= 0:
                self._settle(self.sizes[self.last])
            self._fits(size)
            self.last = part
        elif part < self.last:
            self._settle(size)
            self._fits(self.sizes[self.last])
        else:
            self._fits(size)
        self.sizes[part] = size

    def _settle(self, size: int) -> None:
        if not even_part(size):
            raise RpcError(400, "FILE_PART_SIZE_INVALID")
        if self.even not in (None, size):
            raise RpcError(400, "FILE_PART_SIZE_CHANGED")
        self.even = size

    def _fits(self, size: int) -> None:
        if self.even is not None and size > self.even:
            raise RpcError(400, "FILE_PART_SIZE_CHANGED")

    def write(self, part: int, data: bytes) -> None:
        """Blocking. The index follows the data, so that a kill in between only forgets a part."""
        handle = os.open(self.data, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(handle, data, part * MAX_PART)
        finally:
            os.close(handle)
        with self.index.open("ab") as index:
            index.write(_RECORD.pack(part, len(data)))
        self.written.add(part)

    def join(self, parts: int, target: Path) -> str:
        """Blocking: makes `target` of the first `parts` parts; returns its MD5 if it is a small file."""
        size = sum(self.sizes[part] for part in range(parts))
        if all(self.sizes[part] == MAX_PART for part in range(parts - 1)):
            self.data.replace(target)  # the parts lie as the file does: nothing to copy
            os.truncate(target, size)
        else:
            self._copy(parts, target)
        self.remove()
        return hashlib.md5(target.read_bytes()).hexdigest() if size <= SMALL_FILE else ""

    def _copy(self, parts: int, target: Path) -> None:
        with self.data.open("rb") as source, target.open("wb") as joined:
            for part in range(parts):
                source.seek(part * MAX_PART)
                joined.write(source.read(self.sizes[part]))

    def remove(self) -> None:
        self.data.unlink(missing_ok=True)
        self.index.unlink(missing_ok=True)


class Uploads:
    """upload.saveFilePart, upload.saveBigFilePart, and the files they become."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[tuple[int, int], Upload] = {}
        self._joining: dict[int, asyncio.Lock] = {}

    def serves(self) -> Mapping[type[TLRequest], Serve]:
        return {
            functions.upload.SaveFilePartRequest: self._save,
            functions.upload.SaveBigFilePartRequest: self._save_big,
        }

    async def _save(self, session: Session, request: TLRequest) -> Result:
        size = len(request.bytes)
        check_part(request.file_part, size, None)
        upload = self._upload(session.me.id, request.file_id)
        if request.file_part * (upload.even or KB) + size > SMALL_FILE:
            raise RpcError(400, "FILE_PARTS_INVALID")  # a large file needs saveBigFilePart
        return await self._keep(session.me.id, request.file_id, request.file_part, request.bytes)

    async def _save_big(self, session: Session, request: TLRequest) -> Result:
        total = None if request.file_total_parts == -1 else request.file_total_parts
        check_part(request.file_part, len(request.bytes), total)
        return await self._keep(session.me.id, request.file_id, request.file_part, request.bytes)

    async def _keep(self, account: int, file: int, part: int, data: bytes) -> bool:
        upload = self._upload(account, file)
        upload.add(part, len(data))
        await asyncio.to_thread(upload.write, part, data)
        return True

    def _upload(self, account: int, file: int) -> Upload:
        found = self._open.get((account, file))
        if found is None:
            # Parts for an id that already became a file begin a new file.
            self._store.run("DELETE FROM uploads WHERE account = ? AND file = ?", account, file)
            found = self._open[account, file] = self._read(account, file)
        return found

    def _read(self, account: int, file: int) -> Upload:
        name = self._store.parts / f"{account}-{file & (2**64 - 1):x}"
        upload = Upload(name.with_suffix(".data"), name.with_suffix(".index"))
        if upload.index.exists() and upload.data.exists():
            kept = upload.index.read_bytes()
            for part, size in _RECORD.iter_unpack(kept[: len(kept) // _RECORD.size * _RECORD.size]):
                upload.add(part, size)
                upload.written.add(part)
        return upload

    def forget(self, account: int, parts: int | None = None) -> int:
        """Loses the first `parts` parts (None: all) of every upload under way; returns how many were lost."""
        lost = 0
        for (owner, _), upload in self._open.items():
            if owner == account:
                for part in sorted(upload.written)[:parts]:
                    upload.written.discard(part)
                    lost += 1
        return lost

    async def blob(self, account: int, file: types.TypeInputFile) -> Blob:
        """The bytes that an InputFile names; the same InputFile may be used again.

        Raises FILE_PARTS_INVALID, FILE_PART_X_MISSING, MD5_CHECKSUM_INVALID.
        """
        if not isinstance(file, types.InputFile | types.InputFileBig):
            raise RpcError(400, "MEDIA_EMPTY")
        if not 1 <= file.parts <= MAX_PARTS:
            raise RpcError(400, "FILE_PARTS_INVALID")
        async with self._joining.setdefault(account, asyncio.Lock()):
            blob, md5 = await self._joined(account, file)
        if isinstance(file, types.InputFile):
            if blob.size > SMALL_FILE:
                raise RpcError(400, "FILE_PARTS_INVALID")
            if file.md5_checksum and file.md5_checksum.lower() != md5:
                raise RpcError(400, "MD5_CHECKSUM_INVALID")
        return blob

    async def _joined(self, account: int, file: types.TypeInputFile) -> tuple[Blob, str]:
        row = self._store.one(
            "SELECT parts, id, size, md5 FROM uploads JOIN blobs ON blob = id WHERE account = ? AND file = ?",
            account,
            file.id,
        )
        if row is not None and (account, file.id) not in self._open:
            if row["parts"] != file.parts:
                raise RpcError(400, "FILE_PARTS_INVALID")
            return Blob(row["id"], row["size"], self._store.blob_path(row["id"])), row["md5"]
        upload = self._open.get((account, file.id)) or self._read(account, file.id)
        for part in range(file.parts):
            if part not in upload.written:
                raise RpcError(400, f"FILE_PART_{part}_MISSING")
        if upload.last >= file.parts:
            raise RpcError(400, "FILE_PARTS_INVALID")
        number, size = new_id(), sum(upload.sizes.values())
        md5 = await asyncio.to_thread(upload.join, file.parts, self._store.blob_path(number))
        with self._store.transaction() as db:
            db.execute("INSERT INTO blobs VALUES (?, ?, ?, NULL)", (number, size, md5))
            db.execute(
                "INSERT OR REPLACE INTO uploads VALUES (?, ?, ?, ?)", (account, file.id, file.parts, number)
            )
        self._open.pop((account, file.id), None)
        return Blob(number, size, self._store.blob_path(number)), md5

    def put(self, data: bytes) -> Blob:
        """Bytes that the server itself made (a photo's sizes)."""
        number = new_id()
        path = self._store.blob_path(number)
        path.write_bytes(data)
        self._store.run("INSERT INTO blobs VALUES (?, ?, '', NULL)", number, len(data))
        return Blob(number, len(data), path)

    def tidy(self, older_than: float) -> None:
        """Drops uploads under way that nobody touched since then (unix seconds)."""
        for path in self._store.parts.iterdir():
            if path.stat().st_mtime < older_than:
                path.unlink(missing_ok=True)
