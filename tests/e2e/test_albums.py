"""Albums of both kinds, and what a job that began otherwise makes of them."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from tests.files import photo, video, zip_of
from tests.world import BOT_ID, World

TRIP = {"1.jpg": photo(1), "2.mp4": video("mp4"), "3.jpg": photo(3), "4.avi": video("avi"), "5.jpg": photo(5)}


async def test_a_job_that_began_with_albums_apart_goes_on_with_mixed_ones(
    world: World, tmp_path: Path
) -> None:
    """The first album is there, but its answer is not: it stays what it was, and the rest is mixed."""
    apart = {f"a/{name}": content for name, content in TRIP.items()}
    mixed = {f"b/{name}": photo(10 + n) if name[2:] == "jpg" else TRIP[name] for n, name in enumerate(TRIP)}
    archive = zip_of(tmp_path / "trip.zip", apart | mixed)
    faults = world.sandbox.faults
    gate = faults.hold("messages.sendMultiMedia", after=True, when=lambda call: call.user == BOT_ID)
    async with world.running(ALBUMS="apart"):
        await world.send(archive)
        await gate.reached()
    gate.open()
    async with world.running():
        assert "6 pictures and 4 videos sent" in await world.summary()
    media = [(m.album, m.kind, m.caption.split("\n")[1:]) for m in world.media()]
    albums = [[kind for _, kind, _ in group] for album, group in groupby(media, lambda m: m[0]) if album]
    assert albums == [["photo"] * 3, ["photo", "video", "photo", "photo"]]
    told = [line for line in world.lines() if "as album" in line]
    assert told[-1] == "INFO: 📤 Uploading 3 images and 1 video as album..."
