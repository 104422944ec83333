"""Which files of an archive are sent, and as what. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from utils.media.kinds import Kind, may_be_music


@dataclass(frozen=True)
class Choice:
    """``photos``, ``videos`` and ``others``, which are neither, are sent, or not; ``as_files``: untouched.

    Of ``folders``, with all below them, only those in ``ticked`` are wanted; none: wherever it is.
    """

    photos: bool = True
    videos: bool = True
    others: bool = False
    as_files: bool = False
    folders: frozenset[str] = frozenset()
    ticked: frozenset[str] = frozenset()

    @classmethod
    def of(cls, other_files: str, *, as_files: bool, send: str = "all", only_others: bool = False) -> Choice:
        """By the settings; ``only_others``: somebody has asked for what was left out."""
        if only_others:
            return cls(photos=False, videos=False, others=True, as_files=as_files)
        others = other_files == "send" or (as_files and send == "all")
        return cls(send != "videos", send != "photos", others, as_files)

    @property
    def media(self) -> bool:
        """Whether pictures or videos are sent."""
        return self.photos or self.videos

    def within(self, folder: str) -> bool:
        """Whether what is in ``folder`` may be wanted: the one of ``folders`` that is nearest above it is."""
        while folder and folder not in self.folders:
            folder = folder.rpartition("/")[0]
        return not self.folders or folder in self.ticked

    def wants(self, kind: Kind) -> bool:
        """Whether what looks like ``kind`` is taken out."""
        wanted = {Kind.PHOTO: self.photos, Kind.VIDEO: self.videos, Kind.OTHER: self.others}
        return wanted.get(kind, self.media)

    def untouched(self, kind: Kind) -> bool:
        """Whether what looks like ``kind``, and is wanted, is sent as it is."""
        return self.as_files or kind is Kind.OTHER

    def may_be_music(self, head: bytes, name: str) -> bool:
        """Whether what is sent as it is, and begins with ``head``, may be music."""
        return not self.as_files and may_be_music(head, name)
