"""Split sets, in any order, whole or not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.archives.making import rar4, rar5, rar5_volumes, seven_zip, tar_bytes, zip_bytes, zip_volumes
from tests.archives.test_tar import zstd
from tests.archives.unpacking import MemorySource, unpack
from utils.archives.source import ByteSource
from utils.errors import VolumeMissing

CONTENT = random.Random(1).randbytes(200_000)


def rar_set() -> dict[str, bytes]:
    volumes = rar5_volumes("film.bin", CONTENT, 4)
    return {f"Film.part{number}.rar": data for number, data in enumerate(volumes, 1)}


def old_rar_set() -> dict[str, bytes]:
    names = ["film.rar", "film.r00", "film.r01", "film.r02"]
    return dict(zip(names, rar5_volumes("film.bin", CONTENT, 4), strict=True))


def split_zip() -> dict[str, bytes]:
    names = ["film.z01", "film.z02", "film.z03", "film.zip"]
    return dict(zip(names, zip_volumes({"film.bin": CONTENT}, 4), strict=True))


def cut_set(folder: Path, kind: str) -> dict[str, bytes]:
    seven_zip(folder / f"film.{kind}", {"film.bin": CONTENT}, "-v60k", "-mx1")
    return {path.name: path.read_bytes() for path in sorted(folder.glob(f"film.{kind}.0*"))}


def sets(kind: str, folder: Path) -> dict[str, bytes]:
    folder.mkdir(exist_ok=True)
    makers = {"rar": rar_set, "old rar": old_rar_set, "split zip": split_zip}
    return makers[kind]() if kind in makers else cut_set(folder, kind)


def sources(volumes: dict[str, bytes]) -> list[ByteSource]:
    return [MemorySource(data, name) for name, data in volumes.items()]


KINDS = ["rar", "old rar", "7z", "zip", "split zip"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_whole_set_opens_in_whatever_order_it_came(kind: str, tmp_path: Path) -> None:
    volumes = sets(kind, tmp_path / "made")
    assert len(volumes) == 4
    for seed in range(3):
        shuffled = sources(volumes)
        random.Random(seed).shuffle(shuffled)
        outcome = await unpack(shuffled, tmp_path / f"room{seed}")
        assert outcome.files == {"film.bin": CONTENT}
        assert outcome.error is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("gone", [0, 1, 2])
async def test_a_missing_volume_is_named(kind: str, gone: int, tmp_path: Path) -> None:
    volumes = sets(kind, tmp_path / "made")
    name = list(volumes)[gone]
    del volumes[name]
    outcome = await unpack(sources(volumes), tmp_path / "room")
    assert isinstance(outcome.error, VolumeMissing)
    assert name.lower() in outcome.told.lower()
    assert not outcome.files


@pytest.mark.parametrize("kind", KINDS)
async def test_a_missing_last_volume_is_noticed(kind: str, tmp_path: Path) -> None:
    volumes = sets(kind, tmp_path / "made")
    name = list(volumes)[-1]
    del volumes[name]
    outcome = await unpack(sources(volumes), tmp_path / "room")
    assert isinstance(outcome.error, VolumeMissing)
    assert name.lower() in outcome.told.lower()


@pytest.mark.parametrize("kind", KINDS)
async def test_one_volume_alone_asks_for_another(kind: str, tmp_path: Path) -> None:
    volumes = sets(kind, tmp_path / "made")
    for number, (name, data) in enumerate(volumes.items()):
        outcome = await unpack(MemorySource(data, name), tmp_path / f"room{number}")
        assert isinstance(outcome.error, VolumeMissing), name
        assert name.lower() not in outcome.told.lower()
        assert not outcome.files


@pytest.mark.parametrize("make", [rar4, rar5])
async def test_a_rar_that_was_cut_asks_for_the_next_piece(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    data = make([(f"{number}.bin", CONTENT[:50_000]) for number in range(4)])
    pieces = {f"x.rar.{n:03}": data[(n - 1) * 120_000 : n * 120_000] for n in (1, 2)}
    outcome = await unpack(MemorySource(pieces["x.rar.001"], "x.rar.001"), tmp_path / "first")
    assert isinstance(outcome.error, VolumeMissing) and "x.rar.002" in outcome.told
    outcome = await unpack(sources(pieces), tmp_path / "both")
    assert len(outcome.files) == 4 and outcome.error is None


async def test_a_zstandard_that_was_cut_asks_for_the_next_piece(tmp_path: Path) -> None:
    data = zstd(tar_bytes([("film.bin", CONTENT)]), tmp_path)
    pieces = {f"x.tar.zst.{n:03}": data[(n - 1) * 120_000 : n * 120_000] for n in (1, 2)}
    outcome = await unpack(MemorySource(pieces["x.tar.zst.001"], "x.tar.zst.001"), tmp_path / "first")
    assert isinstance(outcome.error, VolumeMissing) and "x.tar.zst.002" in outcome.told
    outcome = await unpack(sources(pieces), tmp_path / "both")
    assert outcome.files == {"film.bin": CONTENT} and outcome.error is None


async def test_an_encrypted_set_opens_with_its_password(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    seven_zip(tmp_path / "made" / "film.7z", {"film.bin": CONTENT}, "-v60k", "-psecret", "-mhe=on")
    volumes = {path.name: path.read_bytes() for path in (tmp_path / "made").glob("film.7z.0*")}
    outcome = await unpack(sources(volumes), tmp_path / "room", passwords=["secret"])
    assert outcome.files == {"film.bin": CONTENT}


async def test_a_zip_that_ends_with_a_rar_volume_is_whole(tmp_path: Path) -> None:
    volume = rar5_volumes("film.bin", CONTENT, 2)[0]
    data = zip_bytes([("a.jpg", b"a"), ("film.part1.rar", volume)])
    outcome = await unpack(MemorySource(data, "x.zip"), tmp_path)
    assert outcome.files == {"a.jpg": b"a"} and outcome.error is None
    assert "film.part2.rar" in outcome.errors["film.part1.rar"]


async def test_a_volume_that_came_twice_does_no_harm(tmp_path: Path) -> None:
    volumes = sources(rar_set())
    outcome = await unpack([*volumes, volumes[1]], tmp_path)
    assert outcome.files == {"film.bin": CONTENT}


async def test_a_volume_whose_content_is_of_another_set_is_noticed(tmp_path: Path) -> None:
    volumes = rar_set()
    volumes["Film.part2.rar"] = rar5_volumes("other.bin", bytes(reversed(CONTENT)), 4)[1]
    outcome = await unpack(sources(volumes), tmp_path)
    assert not outcome.files
    assert outcome.error is not None or outcome.errors
