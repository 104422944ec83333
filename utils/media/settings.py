"""How videos are encoded."""

from __future__ import annotations

from dataclasses import dataclass

from utils.constants import Settings

MB = 1_000_000


@dataclass(frozen=True)
class EncodeSettings:
    """Times are in seconds; ``stall_seconds`` is how long a step may show no progress."""

    encoder: str = "libx264"
    crf: int = 22
    preset: str = "veryfast"
    max_height: int = 1080
    threads: int = 2
    segment_seconds: float = 30.0
    timeout_seconds: float = 1800.0
    stall_seconds: float = 120.0
    save_interval: float = 10.0
    disk_reserve: int = 0

    @classmethod
    def from_settings(cls, settings: Settings) -> EncodeSettings:
        """As the owner has set them."""
        return cls(
            encoder=settings.VIDEO_ENCODER,
            crf=settings.VIDEO_CRF,
            preset=settings.VIDEO_PRESET,
            max_height=settings.VIDEO_MAX_HEIGHT,
            threads=max(1, settings.CONVERSION_THREADS),
            segment_seconds=max(1, settings.CONVERSION_SEGMENT_SECONDS),
            timeout_seconds=settings.CONVERSION_TIMEOUT_SECONDS,
            save_interval=settings.CONVERSION_STATE_SAVE_INTERVAL,
            disk_reserve=settings.DISK_RESERVE_MB * MB,
        )
