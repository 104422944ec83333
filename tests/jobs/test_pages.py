"""Of one entry come several pictures, each once, whatever is lost in between."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

from tests.pictures.makers import pages_of_which_one_is_unreadable
from tests.pictures.scene import scene
from utils.jobs import lines
from utils.jobs.albums import MediaFile
from utils.jobs.media_files import as_photos
from utils.jobs.record import JobRecord
from utils.media import MediaTools, Tools
from utils.pictures.pool import Pictures

ENTRY = MediaFile(7, "3/5", "scan.tif", "papers", "photo", "000007", 0)
KEYS = ["3/5", "3/5#page 2", "3/5#page 3"]


async def made(tools: MediaTools, source: Path, folder: Path, known: set[str]) -> list[MediaFile]:
    folder.mkdir()
    path = folder / "000007"
    shutil.copy(source, path)
    numbers = itertools.count(20)
    photos = await as_photos(tools, ENTRY, path, number=lambda: next(numbers), known=known)
    assert not path.exists()
    assert all((folder / photo.path).stat().st_size == photo.size for photo in photos)
    return photos


async def test_each_page_has_a_name_and_a_key_and_those_that_are_there_are_left_out(tmp_path: Path) -> None:
    source = tmp_path / "scan.tif"
    scene().save(source, "TIFF", save_all=True, append_images=[scene(48, 32), scene(24, 16)])
    tools = MediaTools(Tools(pictures=Pictures(300_000_000)))
    first, second, third = await made(tools, source, tmp_path / "a", set())
    assert [photo.key for photo in (first, second, third)] == KEYS
    assert [photo.number for photo in (first, second, third)] == [7, 20, 21]
    assert [photo.width for photo in (first, second, third)] == [96, 48, 24]
    assert (first.name, third.name) == ("scan.tif (page 1 of 3)", "scan.tif (page 3 of 3)")
    assert [photo.key for photo in await made(tools, source, tmp_path / "b", {KEYS[1]})] == [KEYS[0], KEYS[2]]
    again = await made(tools, source, tmp_path / "c", {KEYS[0], KEYS[2]})
    assert [photo.key for photo in again] == KEYS[:2]
    await tools.close()


async def test_a_page_that_cannot_be_shown_is_named_and_the_others_come(tmp_path: Path) -> None:
    source = tmp_path / "scan.tif"
    source.write_bytes(pages_of_which_one_is_unreadable())
    tools = MediaTools(Tools(pictures=Pictures(300_000_000)))
    (first,) = await made(tools, source, tmp_path / "a", set())
    assert first.note.endswith("Page 2 cannot be shown: The picture is of a kind that I cannot show.")
    await tools.close()


def file(number: int, key: str) -> lines.File:
    return lines.File(MediaFile(number, key, "a", "", "photo", str(number), 1))


def test_an_entry_is_done_when_all_that_is_made_of_it_is_there() -> None:
    record = JobRecord.of([file(21, KEYS[2]), file(20, KEYS[1])])
    # The power failed before the last of three lines: the entry's own.
    assert KEYS[0] not in record.known_keys() and not record.lacking()
    record.apply(file(7, KEYS[0]))
    record.apply(lines.Extracted(0))
    assert KEYS[0] in record.known_keys()
    record.apply(lines.Drop(20))
    assert not record.extracted and record.lacking() == {KEYS[0]}
    assert record.known_keys() == {KEYS[0], KEYS[2]}
    record.apply(file(22, KEYS[1]))
    assert not record.lacking()
    # What Telegram will not have is not made again.
    record.apply(lines.Skip(KEYS[1], "a", "refused"))
    record.apply(lines.Drop(22))
    assert not record.lacking()
