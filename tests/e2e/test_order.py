"""Pictures in the order in which they were taken, and what was written about them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image

from sandbox import StoredMessage
from tests.files import photo, video
from tests.world import World


def taken(n: int, said: str) -> bytes:
    """A picture whose EXIF says so."""
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = said
    output = io.BytesIO()
    with Image.open(io.BytesIO(photo(n))) as image:
        image.save(output, "JPEG", exif=exif)
    return output.getvalue()


def note(text: str, day: str) -> bytes:
    stamp = str(int(datetime.fromisoformat(f"{day}T12:00:00Z").timestamp()))
    return json.dumps({"description": text, "photoTakenTime": {"timestamp": stamp}}).encode()


#: In their order, each known by something else; by name they would come otherwise, and so in the archive.
TRIP = {
    "t/e.jpg": taken(1, "2024:01:01 10:00:00"),
    "t/IMG_20240102_101500.jpg": photo(2),
    "t/d.jpg": photo(3),
    "t/by its file.jpg": photo(4),
    # Its EXIF counts, and neither its name nor its note.
    "t/IMG_20230101_000000.jpg": taken(5, "2024:01:05 10:00:00"),
    "t/IMG_20240106_101500.mp4": video(),
    "t/a.jpg": taken(7, "2099:01:01 00:00:00"),
    "t/c.jpg": taken(8, "1970:01:01 00:00:00"),
}
NOTES = {
    "t/d.jpg.supplemental-metadata.json": note("The lake,\nearly", "2024-01-03"),
    "t/IMG_20230101_000000.jpg.json": note("", "2020-01-01"),
    "t/metadata.json": b"{}",
}
FILE_TIMES = {"t/by its file.jpg": datetime(2024, 1, 4, 12, tzinfo=UTC)}
MORE = {"t/z.jpg": photo(9)}
NAMES = [name.rpartition("/")[2] for name in TRIP]
BY_SUM = {hashlib.sha256(data).hexdigest(): name[2:] for name, data in (TRIP | MORE).items()}


def names_of(messages: Sequence[StoredMessage]) -> list[str]:
    """What is in them, as it is called in the archive: captions name no camera's counters."""
    return [BY_SUM[message.sha256] for message in messages]


def archives(folder: Path, entries: Mapping[str, bytes]) -> list[Path]:
    ordered, never = sorted(entries), datetime(1980, 1, 1, tzinfo=UTC)
    with zipfile.ZipFile(folder / "trip.zip", "w") as packed:
        for name in ordered:
            at = FILE_TIMES.get(name, never)
            packed.writestr(zipfile.ZipInfo(name, at.timetuple()[:6]), entries[name])
    with tarfile.open(folder / "trip.tar", "w") as tar:
        for name in (*(n for n in ordered if n.endswith("json")), *TRIP):
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(entries[name]), FILE_TIMES.get(name, never).timestamp()
            tar.addfile(info, io.BytesIO(entries[name]))
    return [folder / "trip.zip", folder / "trip.tar"]


async def test_by_date_the_best_that_is_known_of_each_counts(world: World, tmp_path: Path) -> None:
    async with world.running(ORDER="date"):
        for archive in archives(tmp_path, TRIP | NOTES):
            before = len(world.media())
            await world.send(archive)
            summary = await world.wait(f"{archive.name}: 7 pictures and 1 video sent.")
            assert "🏷️ Notes about them: 3 files" in summary and "Left out" not in summary
            came = world.media()[before:]
            assert names_of(came) == NAMES
            assert came[0].caption.splitlines()[2:] == ["💬 d.jpg: The lake, early"]
            assert len({message.album for message in came}) == 1


async def test_by_name_as_ever_with_what_was_written_about_them(world: World, tmp_path: Path) -> None:
    archive, _ = archives(tmp_path, TRIP | NOTES)
    async with world.running():
        await world.send(archive)
        await world.summary()
        await world.send(archives(tmp_path, TRIP | MORE)[0])
        await world.wait("8 pictures and 1 video sent")
    first, second = (message.caption.splitlines() for message in world.media() if message.caption)
    names = names_of(world.media())
    by_name = ["a.jpg", "by its file.jpg", "c.jpg", "d.jpg", "e.jpg"]
    by_name += ["IMG_20230101_000000.jpg", "IMG_20240102_101500.jpg", "IMG_20240106_101500.mp4"]
    assert names == [*by_name, *by_name, "z.jpg"]
    assert first[2:] == ["💬 d.jpg: The lake, early"] and second[2:] == []
