"""What cannot be sent as the picture or video that it is comes as a file, with the reason."""

from __future__ import annotations

from pathlib import Path

from tests.files import photo, video, zip_of
from tests.world import World, until


async def test_no_picture_and_no_video_is_left_out(world: World, tmp_path: Path) -> None:
    film = video()
    entries = {
        "a.jpg": photo(1),
        "cut.jpg": photo(2)[:300],
        "foreign.mp4": film.replace(b"avc1", b"bvc2"),
        "unfinished.mp4": film[: len(film) // 2].replace(b"moov", b"mooo"),
    }
    reasons = {
        "cut.jpg": "The picture cannot be decoded; it is cut off before there is anything to see.",
        "foreign.mp4": "Its codec (bvc2) is not known here.",
        "unfinished.mp4": "Its index is missing: the file was cut off, or never finished.",
    }
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", entries))
        summary = await world.summary()
        await until(lambda: not world.leftovers())
    assert summary.startswith("✅ a.zip: 1 picture and 3 files sent.")
    files = {message.name: message for message in world.media() if message.kind == "document"}
    assert files.keys() == reasons.keys() and len(world.media()) == 4
    for name, reason in reasons.items():
        assert f"📎 Sent as a file: {name}: {reason}" in summary
        assert files[name].caption.endswith(f"ℹ️ {reason}")
        assert files[name].size == len(entries[name])
