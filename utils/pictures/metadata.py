"""What a picture's metadata say of its orientation: nothing else is decided by them. Runs in a child."""

from __future__ import annotations

from PIL import Image

_ORIENTATION = 0x0112


def orientation_of(image: Image.Image) -> int:
    """From 1 to 8; 1 where they say nothing that makes sense, or cannot be read."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - whatever is wrong with them, it is not the picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
