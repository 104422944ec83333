"""The ways in which entries of a ZIP are compressed that Python can unpack, behind one interface."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping

from utils.archives.inflate import MEMORY, Decompressor, Inflate
from utils.archives.zip_directory import BZIP2, DEFLATED, LZMA, STORED
from utils.errors import ArchiveDamaged, UnsupportedArchive
from utils.texts import Text

#: Longest step of a decompressor, in bytes of output.
STEP = 512 * 1024


class Stored:
    """No compression, with the interface of the others."""

    eof = False
    needs_input = True

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return data


class ZipLzma:
    """LZMA as ZIP has it: two bytes of version, two of length, the properties, raw data (APPNOTE 5.8.8)."""

    def __init__(self) -> None:
        self._start = b""
        self._inner: lzma.LZMADecompressor | None = None

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if self._inner is None:
            self._start += data
            if len(self._start) < 9:
                return b""
            data = self._start[9:]
            self._inner = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[self._filter(self._start)])
        return self._inner.decompress(data, max_length)

    @staticmethod
    def _filter(start: bytes) -> dict[str, int]:
        length, bits, dictionary = struct.unpack_from("<2xHBI", start)
        if length != 5 or bits >= 225:
            raise lzma.LZMAError("strange properties")
        if dictionary > MEMORY:
            raise MemoryError
        return {
            "id": lzma.FILTER_LZMA1,
            "dict_size": dictionary,
            "lc": bits % 9,
            "lp": bits // 9 % 5,
            "pb": bits // 45,
        }

    @property
    def eof(self) -> bool:
        return self._inner is not None and self._inner.eof

    @property
    def needs_input(self) -> bool:
        return self._inner is None or self._inner.needs_input


#: By method, as the directory numbers them.
DECOMPRESSORS: Mapping[int, Callable[[], Decompressor]] = {
    STORED: Stored,
    DEFLATED: Inflate,
    BZIP2: bz2.BZ2Decompressor,
    LZMA: ZipLzma,
}


def unpack(decompressor: Decompressor, data: bytes, limit: int = -1) -> Iterator[bytes]:
    """What ``data`` becomes, in bounded steps; about ``limit`` bytes at most.

    Raises ArchiveDamaged and UnsupportedArchive.
    """
    total = 0
    try:
        while not decompressor.eof and (data or not decompressor.needs_input):
            out = decompressor.decompress(data, STEP if limit < 0 else limit - total)
            data = b""
            total += len(out)
            if out:
                yield out
            elif decompressor.needs_input:
                return
            if 0 <= limit <= total:
                return
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError) as error:
        raise ArchiveDamaged(Text("its data are damaged.")) from error
    except MemoryError as error:
        raise UnsupportedArchive(Text("it needs too much memory to be unpacked.")) from error
