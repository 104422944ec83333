"""Which files of an archive are sent, and as what. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from utils.media.kinds import Kind, may_be_music


@dataclass(frozen=True)
class Choice:
    """``media``: pictures and videos are sent; ``others``: what is neither; ``as_files``: all untouched."""

    media: bool = True
    others: bool = False
    as_files: bool = False

    @classmethod
    def of(cls, other_files: str, *, as_files: bool, only_others: bool = False) -> Choice:
        """By the settings; ``only_others``: somebody has asked for what was left out."""
        if only_others:
            return cls(media=False, others=True, as_files=as_files)
        return cls(others=as_files or other_files == "send", as_files=as_files)

    def wants(self, kind: Kind) -> bool:
        """Whether what looks like ``kind`` is taken out."""
        return self.others if kind is Kind.OTHER else self.media

    def untouched(self, kind: Kind) -> bool:
        """Whether what looks like ``kind``, and is wanted, is sent as it is."""
        return self.as_files or kind is Kind.OTHER

    def may_be_music(self, head: bytes, name: str) -> bool:
        """Whether what is sent as it is, and begins with ``head``, may be music."""
        return not self.as_files and may_be_music(head, name)
