"""What ``bz2`` and ``lzma`` offer to unpack a stream step by step, and the same for ``zlib``."""

from __future__ import annotations

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
