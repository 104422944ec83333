"""The table of pictures in docs/formats.md, made of :mod:`utils.pictures.formats`.

Pure: no I/O.
"""

from __future__ import annotations

from utils.pictures.formats import FORMATS, RAW, Format

#: Libraries of decoders that are not Pillow's own.
_LIBRARIES = {"HEIF": "pillow-heif", "JXL": "pillow-jxl-plugin"}


def formats_table() -> str:
    """A row a format: its name, how its files are called, what comes of one, and who decodes it."""
    rows = ["| format | names | what comes | decoded by |", "|---|---|---|---|"]
    return "\n".join([*rows, *map(_row, FORMATS)]) + "\n"


def _row(one: Format) -> str:
    decoders = dict.fromkeys(_LIBRARIES.get(name, "Pillow") for name in one.decoders)
    if one.name == RAW:
        decoders["LibRaw"] = None  # where there is no preview
    tried = [*decoders, *(["ffmpeg"] if one.second else [])]
    endings = " ".join(f"`.{ending}`" for ending in one.endings)
    return f"| {one.name} | {endings} | {one.comes} | {', then '.join(tried) or 'nobody'} |"
