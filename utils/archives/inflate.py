"""What ``bz2`` and ``lzma`` offer to unpack a stream step by step, and the same for ``zlib``."""

from __future__ import annotations

import lzma
import struct
import zlib
from typing import Protocol

#: Bytes of memory for what an LZMA stream looks back on; the strongest setting of xz needs 65 MiB.
MEMORY = 100 * 1024 * 1024


class Decompressor(Protocol):
    """What ``bz2`` and ``lzma`` offer."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...


class Inflate:
    """Deflate with that interface; ``wbits`` is what ``zlib`` takes; raw by default."""

    def __init__(self, wbits: int = -zlib.MAX_WBITS) -> None:
        self._inner = zlib.decompressobj(wbits)
        self._rest = b""
        self._full = False

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        out = self._inner.decompress(self._rest + data, max(0, max_length))
        self._rest = self._inner.unconsumed_tail
        # A full answer may have more behind it although no input is left over.
        self._full = len(out) == max_length
        return out

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._rest and not self._full


#: What a member of lzip begins with, and the bytes before and after its LZMA stream.
LZIP = b"LZIP\x01"
_LZIP_HEADER, _LZIP_TRAILER = 6, 20


class Lzip:
    """One member of lzip: https://www.nongnu.org/lzip/manual/lzip_manual.html#File-format"""

    def __init__(self) -> None:
        self._inner: lzma.LZMADecompressor | None = None
        self._head = b""
        self._tail = b""
        self._crc = self._size = 0

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if self._inner is None:
            self._head += data
            if len(self._head) < _LZIP_HEADER:
                return b""
            self._inner = _of_lzip(self._head)
            data = self._head[_LZIP_HEADER:]
        if self._inner.eof:
            self._tail += data
            self._check()
            return b""
        out = self._inner.decompress(data, max_length)
        self._crc, self._size = zlib.crc32(out, self._crc), self._size + len(out)
        if self._inner.eof:
            self._tail = self._inner.unused_data
            self._check()
        return out

    def _check(self) -> None:
        """Raise zlib.error when what came out is not what the trailer says."""
        if self.eof and struct.unpack_from("<IQ", self._tail) != (self._crc, self._size):
            raise zlib.error("incorrect data check")

    @property
    def eof(self) -> bool:
        return len(self._tail) >= _LZIP_TRAILER

    @property
    def unused_data(self) -> bytes:
        return self._tail[_LZIP_TRAILER:]

    @property
    def needs_input(self) -> bool:
        return self._inner is None or self._inner.needs_input or (self._inner.eof and not self.eof)


def _of_lzip(head: bytes) -> lzma.LZMADecompressor:
    """The decompressor for the stream behind ``head``. Raises MemoryError for what it would look back on."""
    size = 1 << (head[5] & 0x1F)
    size -= size // 16 * (head[5] >> 5)
    if size > MEMORY:
        raise MemoryError
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": max(4096, size), "lc": 3, "lp": 0, "pb": 2}]
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=filters)
