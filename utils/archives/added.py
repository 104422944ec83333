"""LZ4 and Brotli, by packages that are not there on every system."""

from __future__ import annotations

import importlib
import zlib
from typing import Any

from utils.errors import UnsupportedArchive
from utils.texts import Text

#: A frame of LZ4 begins so: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
LZ4 = b"\x04\x22\x4d\x18"
#: What stands before each member of a stream of which there is one alone: nothing does.
NO_MARK = b"\xff" * 8


def _package(name: str) -> Any:
    """The module ``name``, or None where its package is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


_lz4, _brotli = _package("lz4.frame"), _package("brotli")


class Lz4:
    """One frame of LZ4."""

    def __init__(self) -> None:
        """Raises :class:`UnsupportedArchive`."""
        if _lz4 is None:
            raise UnsupportedArchive(Text("LZ4 is not unpacked here: the package lz4 is missing."))
        self._inner = _lz4.LZ4FrameDecompressor()

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """No more than ``max_length`` bytes. Raises zlib.error."""
        try:
            return bytes(self._inner.decompress(data, max_length))
        except RuntimeError as error:
            raise zlib.error(str(error).lower()) from error

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def needs_input(self) -> bool:
        return bool(self._inner.needs_input)

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data or b""


class Brotli:
    """A stream of Brotli; what stands behind its end is left out."""

    unused_data = b""

    def __init__(self) -> None:
        """Raises :class:`UnsupportedArchive`."""
        if _brotli is None:
            raise UnsupportedArchive(Text("Brotli is not unpacked here: the package brotli is missing."))
        self._inner = _brotli.Decompressor()

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """No more than about ``max_length`` bytes; the rest comes with the next call. Raises zlib.error."""
        try:
            return bytes(self._inner.process(data, output_buffer_limit=max_length))
        except _brotli.error as error:
            raise zlib.error(str(error)) from error

    @property
    def eof(self) -> bool:
        return bool(self._inner.is_finished())

    @property
    def needs_input(self) -> bool:
        return bool(self._inner.can_accept_more_data())
