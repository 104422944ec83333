"""A contact sheet: the pictures in their order, upright, and without those that cannot be decoded."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from utils.media import MediaTools, Tools
from utils.pictures.sheet import GAP, SIDE


async def test_the_pictures_stand_side_by_side_but_for_the_broken(tmp_path: Path) -> None:
    media = MediaTools(Tools())
    paths = [tmp_path / str(number) for number in range(6)]
    exif = Image.Exif()
    exif[0x0112] = 6
    half = Image.new("RGB", (800, 800), "red")
    half.paste("blue", (0, 0, 400, 800))
    half.save(paths[0], "JPEG", exif=exif)
    Image.new("RGB", (3000, 400), "lime").save(paths[1], "PNG")
    paths[2].write_bytes(b"\xff\xd8\xff\xe0 no picture")
    Image.new("L", (20, 90), 200).save(paths[3], "WEBP")
    Image.new("RGBA", (90, 90), (0, 0, 0, 0)).save(paths[4], "PNG")
    paths[5].write_bytes(b"text")
    output = tmp_path / "sheet"
    assert await media.contact_sheet(paths, output)
    with Image.open(output) as sheet:
        assert sheet.format == "JPEG" and sheet.size == (2 * SIDE + GAP, 2 * SIDE + GAP)
        rgb = sheet.convert("RGB")

    def colour(column: float, row: float) -> list[int]:
        pixel = rgb.getpixel((int(column * (SIDE + GAP)), int(row * (SIDE + GAP))))
        assert isinstance(pixel, tuple)
        return [round(value / 255) for value in pixel]

    # What was at the left is on top once it is upright.
    assert (colour(0.5, 0.25), colour(0.5, 0.75)) == ([0, 0, 1], [1, 0, 0])
    assert colour(1.5, 0.5) == [0, 1, 0]
    assert colour(0.5, 1.5) == colour(1.5, 1.5) == [1, 1, 1]
    assert not await media.contact_sheet([paths[2], paths[5]], output)
    assert sorted(path.name for path in tmp_path.iterdir()) == [*"012345", "sheet"]
    await media.close()
