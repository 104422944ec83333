"""cpio, whose magic number is made of digits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.archives.making import zip_bytes
from tests.archives.unpacking import unpack
from utils.archives.formats import is_archive

CONTENT = b"\xff\xd8\xff picture"


def newc(name: str, content: bytes) -> bytes:
    raw = name.encode() + b"\0"
    fields = (1, 0o100644 if content else 0, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(raw), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + raw
    return header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4)


def odc(name: str, content: bytes) -> bytes:
    raw = name.encode() + b"\0"
    first = b"".join(b"%06o" % field for field in (1, 1, 0o100644, 0, 0, 1, 0))
    return b"070707" + first + b"%011o%06o%011o" % (0, len(raw), len(content)) + raw + content


@pytest.mark.parametrize("make", [newc, odc])
async def test_it_is_read(make: object, tmp_path: Path) -> None:
    assert callable(make)
    data = make("a.jpg", CONTENT) + make("TRAILER!!!", b"")
    outcome = await unpack(data, tmp_path)
    assert outcome.format == "cpio" and outcome.files == {"a.jpg": CONTENT}


async def test_digits_are_no_archive(tmp_path: Path) -> None:
    digits = {
        "a.txt": b"0707" * 100,
        "b.txt": b"070701 is the magic number of cpio\0" * 9,
        "c.txt": b"070702",
    }
    outcome = await unpack(zip_bytes(list(digits.items())), tmp_path)
    assert outcome.files == digits
    assert not any(is_archive(content, b"", name) for name, content in digits.items())
