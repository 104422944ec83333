"""A split set inside an archive is one archive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.archives.making import rar5_volumes, seven_zip, tar_bytes, zip_bytes, zip_volumes
from tests.archives.unpacking import unpack
from utils.archives import Limits
from utils.errors import PasswordNeeded

CONTENT = bytes(range(256)) * 400
Files = list[tuple[str, bytes]]


def cut(name: str, data: bytes, size: int = 20_000) -> Files:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return [(f"{name}.{number:03d}", piece) for number, piece in enumerate(pieces, 1)]


def parts() -> Files:
    volumes = rar5_volumes("photo.jpg", CONTENT, 3)
    return [(f"set.part{number}.rar", data) for number, data in enumerate(volumes, 1)]


def old_names() -> Files:
    first, *rest = rar5_volumes("photo.jpg", CONTENT, 3)
    return [("set.rar", first), *((f"set.r{number:02d}", data) for number, data in enumerate(rest))]


def split_zip() -> Files:
    names = ["set.z01", "set.z02", "set.zip"]
    return list(zip(names, zip_volumes({"photo.jpg": CONTENT}, 3), strict=True))


def cut_zip() -> Files:
    return cut("set.zip", zip_bytes([("photo.jpg", CONTENT)]))


SETS: list[Callable[[], Files]] = [parts, old_names, split_zip, cut_zip]


@pytest.mark.parametrize("pack", [zip_bytes, tar_bytes])
@pytest.mark.parametrize("make", SETS)
async def test_its_volumes_are_put_together(
    make: Callable[[], Files], pack: Callable[[Files], bytes], tmp_path: Path
) -> None:
    files = [("a.txt", b"before"), *((f"sub/{name}", data) for name, data in make()), ("z.txt", b"behind")]
    outcome = await unpack(pack(files), tmp_path)
    assert outcome.error is None and outcome.errors == {}
    inner = [path for path in outcome.files if path.endswith("photo.jpg")]
    assert len(inner) == 1 and inner[0].startswith("sub/set.")
    assert outcome.files[inner[0]] == CONTENT
    assert {"a.txt", "z.txt"} < set(outcome.files)


@pytest.mark.parametrize("make", SETS)
async def test_they_may_come_in_any_order(make: Callable[[], Files], tmp_path: Path) -> None:
    outcome = await unpack(tar_bytes([*reversed(make()), ("z.txt", b"behind")]), tmp_path)
    assert outcome.error is None and outcome.errors == {}
    assert set(outcome.files) == {"z.txt", f"{make()[0][0]}/photo.jpg"}


async def test_what_is_only_called_like_a_volume_is_handed_over(tmp_path: Path) -> None:
    files = [("scan.002", b"anything"), ("IMG.7z.002", b"\xff\xd8\xff picture"), ("notes.r00", b"text")]
    assert (await unpack(tar_bytes(files), tmp_path)).files == dict(files)


@pytest.mark.parametrize("make", SETS)
async def test_a_missing_one_is_named_and_the_rest_comes(make: Callable[[], Files], tmp_path: Path) -> None:
    files = make()
    outcome = await unpack(zip_bytes([("a.txt", b"before"), files[0], *files[2:]]), tmp_path)
    assert outcome.files == {"a.txt": b"before"}
    assert len(outcome.errors) == 1
    assert files[1][0] in next(iter(outcome.errors.values()))


async def test_sets_of_the_same_name_in_two_folders_are_two(tmp_path: Path) -> None:
    one, two = rar5_volumes("1.jpg", b"1" * 999, 2), rar5_volumes("2.jpg", b"2" * 999, 2)
    files = [
        (f"{folder}/s.part{n}.rar", data)
        for n in (1, 2)
        for folder, data in (("a", one[n - 1]), ("b", two[n - 1]))
    ]
    outcome = await unpack(tar_bytes(files), tmp_path)
    assert outcome.files == {"a/s.part1.rar/1.jpg": b"1" * 999, "b/s.part1.rar/2.jpg": b"2" * 999}


async def test_a_picture_that_is_only_called_like_a_volume_is_a_picture(tmp_path: Path) -> None:
    outcome = await unpack(zip_bytes([("holiday.002", b"\xff\xd8\xff picture")]), tmp_path)
    assert list(outcome.files) == ["holiday.002"]


async def test_an_encrypted_set_asks_for_its_password_at_the_end(tmp_path: Path) -> None:
    path = seven_zip(tmp_path / "made" / "set.7z", {"photo.jpg": CONTENT}, "-psecret", "-mhe=on", "-mx0")
    data = zip_bytes([*cut("set.7z", path.read_bytes()), ("z.txt", b"behind")])
    asked = await unpack(data, tmp_path / "first")
    assert asked.files == {"z.txt": b"behind"} and isinstance(asked.error, PasswordNeeded)
    told = await unpack(data, tmp_path / "second", passwords=["secret"])
    assert told.files["set.7z.001/photo.jpg"] == CONTENT and told.error is None


async def test_a_set_below_the_depth_is_not_opened(tmp_path: Path) -> None:
    outcome = await unpack(zip_bytes(parts()), tmp_path, limits=Limits(disk_reserve=0, max_depth=0))
    assert "depth of 0" in outcome.errors["set.part1.rar"] and outcome.files == {}
