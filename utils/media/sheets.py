"""A contact sheet of pictures, made by the children that decode them."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from pathlib import Path

from utils.pictures.pool import Pictures
from utils.pictures.protocol import Act, Undecoded

#: The length of a square, which stands before it; as utils/pictures/sheet.py reads it.
_LENGTH = struct.Struct(">I")


async def contact_sheet(paths: Sequence[Path], output: Path, pictures: Pictures) -> bool:
    """Write a JPEG with those of the pictures ``paths`` that can be decoded to ``output``; whether there are.

    What is needed meanwhile lies beside ``output``.
    """
    square, squares = output.with_suffix(".square"), output.with_suffix(".squares")
    try:
        await asyncio.to_thread(squares.write_bytes, b"")
        for path in paths:
            try:
                await pictures.ask(Act.SQUARE, path, square)
            except Undecoded:
                continue
            await asyncio.to_thread(_append, square, squares)
        if not (await asyncio.to_thread(squares.stat)).st_size:
            return False
        try:
            await pictures.ask(Act.SHEET, squares, output)
        except Undecoded:
            return False
        return True
    finally:
        await asyncio.to_thread(_remove, square, squares)


def _append(square: Path, squares: Path) -> None:
    """Blocking."""
    content = square.read_bytes()
    with squares.open("ab") as file:
        file.write(_LENGTH.pack(len(content)) + content)


def _remove(*paths: Path) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
