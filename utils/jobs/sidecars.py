"""Files beside pictures that say something about them: edits, dates, descriptions. Pure."""

from __future__ import annotations

#: What phones and programs write beside a picture, whatever that is called.
_ENDINGS = (".aae", ".xmp")
#: How pictures and videos are called that Google Takeout writes a JSON file about.
_MEDIA = frozenset(
    (
        *("jpg", "jpeg", "png", "gif", "webp", "heic", "heif", "avif", "tif", "tiff", "bmp", "dng"),
        *("mp4", "mov", "m4v", "3gp", "avi", "mkv", "webm", "mts"),
    )
)
#: What it writes about an album.
_ALBUM = "metadata.json"


def is_sidecar(name: str) -> bool:
    """Whether a file that is no medium itself is about one that lies beside it, by its ``name``.

    Takeout's are called ``IMG_1.jpg.json`` or ``IMG_1.jpg.supplemental-metadata(2).json``, cut where that is
    long.
    """
    parts = name.lower().split(".")
    if f".{parts[-1]}" in _ENDINGS and len(parts) > 1:
        return True
    return parts[-1] == "json" and (name.lower() == _ALBUM or not _MEDIA.isdisjoint(parts[1:-1]))
