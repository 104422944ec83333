"""Which pictures and films of an archive would come together, as live photos."""

from __future__ import annotations

from utils.archives import Entry
from utils.jobs.albums import Kind, MediaFile, is_film_of, stem_of


class Films:
    """Is told of one picture or video after another, and says which belong together."""

    def __init__(self) -> None:
        #: Those without another half so far, under their folder and what the other half may share with them.
        self._single: dict[tuple[str, str], list[MediaFile]] = {}

    def other_half(self, entry: Entry, kind: Kind, duration: float, pair: str) -> str:
        """The path of the entry before that ``entry`` goes with; empty: it is the first half, or alone."""
        file = MediaFile(0, entry.path, entry.name, entry.folder, kind, "", 0, duration=duration, pair=pair)
        for name in _shared(file):
            for other in self._single.get(name, ()):
                if is_film_of(file, other) or is_film_of(other, file):
                    for each in _shared(other):
                        self._single[each].remove(other)
                    return other.key
        for name in _shared(file):
            self._single.setdefault(name, []).append(file)
        return ""


def _shared(file: MediaFile) -> list[tuple[str, str]]:
    names = (f"named {stem_of(file.name)}", f"pair {file.pair}" if file.pair else "")
    return [(file.folder, name) for name in names if name]
