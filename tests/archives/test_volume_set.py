"""What a set of volumes is known to be before anything is opened."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest

from tests.archives.making import rar5, rar5_volumes, zip_bytes, zip_volumes
from tests.archives.unpacking import MemorySource
from utils.archives.entry import Accept, Entry, Extracted, NewFile
from utils.archives.extraction import CutOff
from utils.archives.limits import Budget, Limits
from utils.archives.scratch import Scratch
from utils.archives.volume_set import SetReader, VolumeSet
from utils.errors import UnsupportedArchive, VolumeMissing

CONTENT = bytes(range(256)) * 400
RARS = rar5_volumes("film.bin", CONTENT, 3)
ZIPS = zip_volumes({"film.bin": CONTENT}, 3)
ROOM = Budget(Limits(disk_reserve=0), 1)


def sources(names: list[str], contents: list[bytes]) -> list[MemorySource]:
    return [MemorySource(data, name) for name, data in zip(names, contents, strict=True)]


RAR_SETS = {
    "parts": (["Film.part1.rar", "Film.part2.rar", "Film.part3.rar"], "film.part4.rar"),
    "old": (["Film.rar", "Film.r00", "Film.r01"], "film.r02"),
}


@pytest.mark.parametrize("kind", RAR_SETS)
async def test_rars_are_whole_when_the_last_says_so(kind: str, tmp_path: Path) -> None:
    names, _ = RAR_SETS[kind]
    found = await VolumeSet.of(sources(names, RARS)[::-1])
    assert found is not None and found.format == "rar5" and found.joined() is None
    opened = await found.spool(Scratch(tmp_path), ROOM)
    assert opened.read_bytes() == RARS[0]
    first, second, third = sorted(opened.parent.iterdir(), key=lambda path: RARS.index(path.read_bytes()))
    assert opened == first
    assert [path.name for path in (first, second, third)] in (
        ["volume.part00001.rar", "volume.part00002.rar", "volume.part00003.rar"],
        ["volume.rar", "volume.r00", "volume.r01"],
    )


@pytest.mark.parametrize("kind", RAR_SETS)
async def test_rars_whose_last_goes_on_lack_the_next(kind: str) -> None:
    names, _ = RAR_SETS[kind]
    following = names[2].lower()
    with pytest.raises(VolumeMissing) as error:
        await VolumeSet.of(sources(names[:2], RARS[:2]))
    assert error.value.told == f"at least one volume is missing: {following}."


async def test_a_gap_is_named() -> None:
    with pytest.raises(VolumeMissing) as error:
        await VolumeSet.of(sources(["a.7z.001", "a.7z.004"], [b"x", b"y"]))
    assert error.value.told == "these volumes are missing: a.7z.002, a.7z.003."


async def test_a_split_zip_is_opened_by_its_last_volume(tmp_path: Path) -> None:
    found = await VolumeSet.of(sources(["a.zip", "a.z02", "a.z01"], [ZIPS[2], ZIPS[1], ZIPS[0]]))
    assert found is not None and found.joined() is None
    opened = await found.spool(Scratch(tmp_path), ROOM)
    assert opened.name == "volume.zip" and opened.read_bytes() == ZIPS[2]
    assert {path.name: path.read_bytes() for path in opened.parent.iterdir()} == {
        "volume.z01": ZIPS[0],
        "volume.z02": ZIPS[1],
        "volume.zip": ZIPS[2],
    }


async def test_a_split_zip_knows_how_many_come_before_its_last() -> None:
    with pytest.raises(VolumeMissing) as error:
        await VolumeSet.of(sources(["a.zip", "a.z01"], [ZIPS[2], ZIPS[0]]))
    assert error.value.told == "at least one volume is missing: a.z02."


async def test_pieces_of_a_file_are_read_as_the_file() -> None:
    whole = zip_bytes([("a.jpg", CONTENT)])
    names = ["a.zip.001", "a.zip.002"]
    found = await VolumeSet.of(sources(names, [whole[:5000], whole[5000:]]))
    assert found is not None and found.format == "zip"
    joined = found.joined()
    assert joined is not None and (joined.name, joined.size) == ("a.zip", len(whole))
    assert zipfile.ZipFile(BytesIO(await joined.read(0, len(whole)))).read("a.jpg") == CONTENT


async def test_pieces_of_a_7z_are_held_against_the_size_that_it_says() -> None:
    start = b"7z\xbc\xaf\x27\x1c\0\4"
    header = (0).to_bytes(8, "little") + (100).to_bytes(8, "little") + bytes(4)
    head = start + zlib.crc32(header).to_bytes(4, "little") + header
    with pytest.raises(VolumeMissing, match=r"missing: a\.7z\.003\.$"):
        await VolumeSet.of(sources(["a.7z.001", "a.7z.002"], [head + bytes(80), bytes(19)]))
    whole = await VolumeSet.of(sources(["a.7z.001", "a.7z.002"], [head + bytes(80), bytes(20)]))
    assert whole is not None and whole.format == "7z"


async def test_files_that_are_not_of_one_set_are_refused() -> None:
    with pytest.raises(UnsupportedArchive) as error:
        await VolumeSet.of(sources(["a.zip", "b.zip"], [b"x", b"y"]))
    assert error.value.told == "these files are not the volumes of one archive."


@pytest.mark.parametrize(
    ("name", "data", "missing"),
    [
        ("A.zip", ZIPS[2], "it is the last volume of a set; the others are missing: A.z01 and so on."),
        ("A.rar", RARS[0], "at least one volume is missing: a.r00."),
        (
            "My.film.zip",
            ZIPS[2],
            "it is the last volume of a set; the others are missing: My.film.z01 and so on.",
        ),
        ("A.jpg", RARS[0], None),
        ("A.rar", rar5([("a.jpg", b"x")]), None),
        ("A.rar", ZIPS[2], None),
        ("A.zip", zip_bytes([("a.jpg", b"x")]), None),
        ("A.zip", RARS[0], "at least one volume is missing: a.r00."),
        ("A.zip", zip_bytes([("film.part1.rar", RARS[0])]), None),
    ],
)
async def test_a_file_by_itself_may_say_that_it_is_not(name: str, data: bytes, missing: str | None) -> None:
    if missing is None:
        assert await VolumeSet.of([MemorySource(data, name)]) is None
        return
    with pytest.raises(VolumeMissing) as error:
        await VolumeSet.of([MemorySource(data, name)])
    assert error.value.told == missing


async def test_a_set_that_ends_too_early_lacks_its_next_volume() -> None:
    found = await VolumeSet.of(sources(RAR_SETS["parts"][0], RARS))
    assert found is not None
    for cause in (CutOff("it ends too early."), VolumeMissing("one is missing.")):
        with (
            pytest.raises(VolumeMissing, match=r"missing: film\.part4\.rar\.$"),
            found.cut_off_means_missing(),
        ):
            raise cause
    with pytest.raises(UnsupportedArchive), found.cut_off_means_missing():
        raise UnsupportedArchive("it is something else.")


async def test_volumes_from_afar_are_fetched_once_and_stay_for_whoever_comes_back(tmp_path: Path) -> None:
    volumes = sources(RAR_SETS["parts"][0], RARS)
    for number, volume in enumerate(volumes):
        volume.identity = f"document-{number}"  # type: ignore[attr-defined]
    found = await VolumeSet.of(volumes)
    assert found is not None
    for _ in range(2):
        opened = await found.spool(Scratch(tmp_path), ROOM)
        assert [path.read_bytes() for path in sorted(opened.parent.iterdir())] == RARS
    assert len(list(tmp_path.glob("fetched-*"))) == 3
    assert sum(volume.fetched for volume in volumes) < 2 * sum(map(len, RARS))


class Inner:
    """A reader of a set of which one entry comes before it ends too early."""

    format, listing, ignored = "rar5", [Entry("1", "a.jpg", 3)], 7
    closed = False

    async def extract(self, accept: Accept, new_file: NewFile) -> AsyncIterator[Extracted]:
        assert accept(self.listing[0], b"abc")
        yield Extracted(self.listing[0], new_file(self.listing[0]), 3, None)
        raise CutOff("it ends too early.")

    async def close(self) -> None:
        self.closed = True


async def test_what_a_set_holds_comes_until_a_volume_is_missing() -> None:
    volumes = await VolumeSet.of(sources(RAR_SETS["parts"][0], RARS))
    assert volumes is not None
    inner = Inner()
    reader = SetReader(inner, volumes)
    assert (reader.format, reader.listing, reader.ignored) == ("rar5", inner.listing, 7)
    came: list[Path | None] = []
    with pytest.raises(VolumeMissing, match=r"film\.part4\.rar"):
        async for each in reader.extract(lambda entry, head: head == b"abc", lambda entry: Path(entry.name)):
            came.append(each.path)
    assert came == [Path("a.jpg")]
    await reader.close()
    assert inner.closed


async def test_little_is_read_to_know_all_that() -> None:
    whole = zip_bytes([("a.jpg", bytes(3_000_000))])
    pieces = sources(["a.zip.001", "a.zip.002"], [whole[:2_000_000], whole[2_000_000:]])
    await VolumeSet.of(pieces)
    assert sum(piece.fetched for piece in pieces) < 200_000
