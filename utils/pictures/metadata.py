"""What a picture's metadata say of its orientation: nothing else is decided by them. Runs in a child."""

from __future__ import annotations

import io
import re
from typing import BinaryIO

from PIL import Image

from utils.pictures.tiff import ORIENTATION, pages_of

#: Where EXIF begins in JPEG, PNG and WebP, and bytes in which it is looked for.
_EXIF = re.compile(rb"(?:Exif\0\0|eXIf|EXIF.{4})(?=II\*\0|MM\0\*)", re.DOTALL)
_HEAD = 1 << 18


def orientation_of(image: Image.Image) -> int:
    """From 1 to 8; 1 where they say nothing that makes sense, or cannot be read."""
    # Their decoders turn them by what the picture itself says; one made of a JPEG says it as a JPEG does.
    if image.format == "HEIF" or (image.format == "JXL" and not getattr(image, "jpeg", False)):
        return 1
    if image.format == "PNG":
        image.load()  # asked for its metadata, it is decoded: what is wrong with it then is not these
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - whatever is wrong with them, it is not the picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def exif_orientation(file: BinaryIO) -> int:
    """What the EXIF of a picture says that its decoder does not read: from 1 to 8, or 0 for nothing."""
    file.seek(0)
    head = file.read(_HEAD)
    found = _EXIF.search(head)
    pages = pages_of(io.BytesIO(head[found.end() :])) if found else []
    value = pages[0][1].get(ORIENTATION, (0,))[0] if pages else 0
    return value if 1 <= value <= 8 else 0
