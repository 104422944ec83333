"""What Telegram calls a file that was uploaded. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Cover:
    """The photo that covers a video."""

    id: int
    access_hash: int
    file_reference: bytes


@dataclass(frozen=True)
class Medium:
    """A photo or a document; ``cover`` is that of a video, or none."""

    kind: Literal["photo", "document"]
    id: int
    access_hash: int
    file_reference: bytes
    cover: tuple[Cover, ...] = ()
