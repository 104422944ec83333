"""Archives made on the spot: what no tool here writes (RAR), and what no tool should (lies)."""

from __future__ import annotations

import io
import lzma
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from utils.archives.engine import find_engine

Files = Iterable[tuple[str, bytes]]

RAR4_MARK = b"Rar!\x1a\x07\x00"
RAR5_MARK = b"Rar!\x1a\x07\x01\x00"


# -- RAR, stored: a few header fields and a check sum (https://www.rarlab.com/technote.htm) ----------------


def _rar4_block(kind: int, flags: int, body: bytes) -> bytes:
    rest = struct.pack("<BHH", kind, flags, 7 + len(body)) + body
    return struct.pack("<H", zlib.crc32(rest) & 0xFFFF) + rest


def rar4(files: Files) -> bytes:
    """A RAR 1.5 to 4 archive with ``files``, stored."""
    out = [RAR4_MARK, _rar4_block(0x73, 0, bytes(6))]
    for name, content in files:
        raw = name.encode()
        fields = (
            len(content),
            len(content),
            3,
            zlib.crc32(content),
            0x58000000,
            20,
            0x30,
            len(raw),
            0o100644,
        )
        out += [_rar4_block(0x74, 0x8000, struct.pack("<IIBIIBBHI", *fields) + raw), content]
    return b"".join((*out, _rar4_block(0x7B, 0x4000, b"")))


def _vint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def _rar5_block(*fields: int | bytes) -> bytes:
    body = b"".join(_vint(field) if isinstance(field, int) else field for field in fields)
    sized = _vint(len(body)) + body
    return struct.pack("<I", zlib.crc32(sized)) + sized


def _rar5_file(
    name: str,
    data: bytes,
    *,
    size: int | None = None,
    crc: int | None = None,
    split: int = 0,
    extra: bytes = b"",
    sized: bool = True,
) -> bytes:
    """A file header with ``data`` behind it; ``split``: 8 goes on from, 16 goes on in another volume.

    Without ``sized`` the header says that the size is not known.
    """
    raw = name.encode()
    crc = zlib.crc32(data) if crc is None else crc
    flags = 2 | split | (1 if extra else 0)
    sizes = (*((len(extra),) if extra else ()), len(data))
    described = (
        4 if sized else 12,
        len(data) if size is None else size,
        0o100644,
        struct.pack("<I", crc),
        0,
        1,
        len(raw),
        raw,
        extra,
    )
    return _rar5_block(2, flags, *sizes, *described) + data


def rar5(files: Files, *, links: Sequence[tuple[str, str, int]] = (), sized: bool = True) -> bytes:
    """A RAR 5 archive with ``files``, stored.

    ``links`` are (name, target, kind: 1 symbolic, 4 hard, 5 copy). Without ``sized`` no header tells a size.
    """
    out = [RAR5_MARK, _rar5_block(1, 0, 0)]
    out += [_rar5_file(name, content, sized=sized) for name, content in files]
    for name, target, kind in links:
        redirection = _vint(5) + _vint(kind) + _vint(0) + _vint(len(target)) + target.encode()
        out.append(_rar5_file(name, b"", extra=_vint(len(redirection)) + redirection))
    return b"".join((*out, _rar5_block(5, 0, 0)))


def rar5_volumes(name: str, content: bytes, count: int) -> list[bytes]:
    """One stored file over ``count`` volumes of a RAR 5 set."""
    step = -(-len(content) // count)
    volumes = []
    for number in range(count):
        piece = content[number * step : (number + 1) * step]
        first, last = number == 0, number == count - 1
        main = _rar5_block(1, 0, 1) if first else _rar5_block(1, 0, 3, number)
        split = (0 if first else 8) | (0 if last else 16)
        file = _rar5_file(
            name, piece, size=len(content), crc=zlib.crc32(content if last else piece), split=split
        )
        volumes.append(RAR5_MARK + main + file + _rar5_block(5, 0, 0 if last else 1))
    return volumes


# -- what Python and 7-Zip write -----------------------------------------------------------------------------


def zip_bytes(files: Files, method: int = zipfile.ZIP_STORED) -> bytes:
    """A ZIP archive."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in files:
            # Written under a ZipInfo of its own: archives may hold a name twice.
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            archive.NameToInfo.pop(name, None)
            archive.writestr(info, content)
    return data.getvalue()


def tar_bytes(files: Files, mode: str = "w", *, special: Sequence[tarfile.TarInfo] = ()) -> bytes:
    """A tar archive, compressed as ``mode`` says ("w:gz" …); ``special`` members come last."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in special:
            archive.addfile(info)
    return data.getvalue()


def seven_zip(path: Path, files: Mapping[str, bytes], *arguments: str) -> Path:
    """An archive that 7-Zip makes from ``files``, with more ``arguments`` such as -psecret."""
    folder = path.with_name(path.name + ".content")
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    command = [str(find_engine()), "a", "-bso0", "-bsp0", "-y", *arguments, str(path.absolute()), "."]
    subprocess.run(command, cwd=folder, check=True, stdin=subprocess.DEVNULL)
    return path


def zip_volumes(entries: Mapping[str, bytes], count: int) -> list[bytes]:
    """A ZIP of stored ``entries`` over ``count`` volumes, as APPNOTE 8.3 has them; the last is the .zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
        directory = archive.start_dir
        headers = [(item.filename, item.header_offset) for item in archive.infolist()]
    # The mark of a split archive comes first, and moves everything.
    data = bytearray(b"PK\x07\x08" + packed.getvalue())
    mark = 4
    step = (directory + mark) // count
    starts = [number * step for number in range(count)]
    # No header lies across two volumes: cuts fall into contents.
    ends = [offset + mark + 30 + len(name) for name, offset in headers]
    assert not any(
        offset + mark < start < end
        for start in starts[1:]
        for (_, offset), end in zip(headers, ends, strict=True)
    )

    def place(offset: int) -> tuple[int, int]:
        disk = max(number for number, start in enumerate(starts) if start <= offset)
        return disk, offset - starts[disk]

    at = directory + mark
    for name, offset in headers:
        disk, inside = place(offset + mark)
        struct.pack_into("<H", data, at + 34, disk)
        struct.pack_into("<I", data, at + 42, inside)
        at += 46 + len(name)
    last = count - 1
    struct.pack_into(
        "<HHHHII", data, at + 4, last, last, len(headers), len(headers), at - directory - mark, 0
    )
    struct.pack_into("<I", data, at + 16, directory + mark - starts[last])
    return [bytes(data[a:b]) for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]


def iso(name: str, content: bytes, start: bytes = b"") -> bytes:
    """An ISO 9660 image with one file; ``start`` is what stands in front of it (ECMA-119)."""

    def both(value: int, size: int) -> bytes:
        return value.to_bytes(size, "little") + value.to_bytes(size, "big")

    def record(called: bytes, sector: int, size: int, flags: int) -> bytes:
        body = bytes(1) + both(sector, 4) + both(size, 4) + bytes([126, 1, 1, 0, 0, 0, 0, flags, 0, 0])
        body += both(1, 2) + bytes([len(called)]) + called + bytes((len(called) + 1) % 2)
        return bytes([len(body) + 1]) + body

    def sector(data: bytes) -> bytes:
        return data.ljust(2048, b"\0")

    root = record(b"\0", 18, 2048, 2)
    volume = b"\x01CD001\x01\0" + b" " * 64 + bytes(8) + both(20 + len(content) // 2048, 4) + bytes(32)
    volume += both(1, 2) + both(1, 2) + both(2048, 2) + both(10, 4) + bytes(16) + root
    folder = root + record(b"\x01", 18, 2048, 2) + record(name.encode() + b";1", 19, len(content), 0)
    sectors = (sector(volume), sector(b"\xffCD001\x01"), sector(folder), content)
    image = start.ljust(32768, b"\0") + b"".join(sectors)
    return image + bytes(-len(image) % 2048)


def lzh(files: Files) -> bytes:
    """Stored, with headers of level 0 and the sums of 16 bits that all of LZH has."""
    parts = []
    for name, content in files:
        raw = name.encode()
        body = b"-lh0-" + struct.pack("<III", len(content), len(content), 0x5821_0000) + b"\x20\0"
        body += bytes([len(raw)]) + raw + struct.pack("<H", _crc16(content))
        parts.append(bytes([len(body), sum(body) & 0xFF]) + body + content)
    return b"".join(parts) + b"\0"


def _crc16(data: bytes) -> int:
    """CRC-16/ARC."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def compressed_z(data: bytes) -> bytes:
    """As compress(1) writes it, each byte as a code of nine bits for itself."""
    bits = sum(byte << 9 * place for place, byte in enumerate(data))
    return b"\x1f\x9d\x89" + bits.to_bytes((9 * len(data) + 7) // 8, "little")


def lzip(data: bytes) -> bytes:
    """One member of lzip."""
    filters: list[dict[str, int]] = [
        {"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}
    ]
    packed = lzma.compress(data, lzma.FORMAT_RAW, filters=filters)
    size = 6 + len(packed) + 20
    return b"LZIP\x01\x10" + packed + struct.pack("<IQQ", zlib.crc32(data), len(data), size)


def binary_cpio(files: Files, order: str = "<") -> bytes:
    """The oldest cpio, in either order of bytes."""
    parts = []
    for name, content in [*files, ("TRAILER!!!", b"")]:
        raw = name.encode() + b"\0"
        size = len(content)
        numbers = (0o070707, 1, 1, 0o100644, 0, 0, 1, 0, 0, 0, len(raw), size >> 16, size & 0xFFFF)
        parts += [struct.pack(f"{order}13H", *numbers), raw, bytes(len(raw) % 2), content, bytes(size % 2)]
    return b"".join(parts)
