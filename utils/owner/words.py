"""Figures in words."""

from __future__ import annotations


def size_words(size: float) -> str:
    """Bytes as a person reads them."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit in ("B", "KB") or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def share_words(share: float | None) -> str:
    """A part of one as a percentage."""
    return "–" if share is None else f"{share:.0%}"
