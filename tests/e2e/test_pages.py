"""Pages and slices of one file come as pictures of one album, in their order."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from tests.files import photo, zip_of
from tests.pictures.makers import psd
from tests.pictures.scene import scene
from tests.world import World, until


async def test_pages_and_slices_come_in_one_album_and_say_so(world: World, tmp_path: Path) -> None:
    scan, strip = io.BytesIO(), io.BytesIO()
    scene().save(scan, "TIFF", save_all=True, append_images=[scene(48, 32)])
    Image.linear_gradient("L").resize((720, 6000)).save(strip, "PNG")
    entries = {
        "a.jpg": photo(1),
        "b.tif": scan.getvalue(),
        "c.png": strip.getvalue(),
        "d.psb": psd(scene(), version=2),
    }
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", entries))
        summary = await world.summary()
        await until(lambda: not world.leftovers())
    assert summary.startswith("✅ a.zip: 8 pictures and 1 file sent.")
    assert "🖼️ 5 pictures: Cut into 5 slices" in summary
    assert "📎 Sent as a file: d.psb: The picture is of a kind that I cannot show." in summary
    media = world.media()
    assert len(media) == 9 and len({message.album for message in media if message.kind == "photo"}) == 1
    named = next(message.caption for message in media if "b.tif" in message.caption)
    names = ["a.jpg", "b.tif (page 1 of 2)", "b.tif (page 2 of 2)"]
    assert ", ".join([*names, *(f"c.png (part {n} of 5)" for n in range(1, 6))]) in named
