"""What properties are tried on: names, texts and files as they may come from anybody."""

from __future__ import annotations

from hypothesis import strategies as st

from utils.jobs.albums import Kind, MediaFile

#: Characters that were trouble before: joiners, marks, both directions, beyond the first plane, separators.
ODD = "\u200c\u200d\u0301\u202e\u2028\x85\0\n\r\t\\/.:›…²٣İßﬀ😀👨\ud800"

#: Any text at all, also such that is none (half a surrogate pair).
any_text = st.text(st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=())), max_size=40)

#: Text that can be sent.
text = st.text(st.one_of(st.sampled_from(ODD[:-1]), st.characters(exclude_categories=["Cs"])), max_size=40)

#: Names as archives and people have them.
stems = st.text(st.sampled_from("abcXYZ 0129-_.äИ写"), min_size=1, max_size=12).filter(
    lambda s: s.strip(" .")
)

kinds: st.SearchStrategy[Kind] = st.sampled_from(("photo", "video", "document"))


def media_file(number: int, folder: str = "", kind: Kind = "photo", **more: object) -> MediaFile:
    """One file of those whose number is all that counts."""
    named = {"key": f"key {number}", "name": f"{number}.jpg", "path": f"{number:06d}", "size": 1, **more}
    return MediaFile(number=number, folder=folder, kind=kind, **named)  # type: ignore[arg-type]
