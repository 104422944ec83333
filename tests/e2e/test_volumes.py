"""Split archives, sent volume by volume in any order."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import signal
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.archives.making import rar5_volumes, zip_volumes
from tests.e2e.process import environment, start
from tests.files import photo, zip_of
from tests.world import BOT, World, until
from utils.archives.engine import find_engine
from utils.jobs import lines
from utils.jobs.intake import Incoming, Peer
from utils.jobs.journal import decode_all
from utils.jobs.record import JobRecord
from utils.jobs.split_set import SplitSet, set_title
from utils.storage.journal import parse

PHOTOS = {f"{n}.jpg": photo(n) + bytes([n]) * 30_000 for n in range(1, 15)}


def volumes(folder: Path, name: str, entries: Mapping[str, bytes] = PHOTOS, size: str = "100k") -> list[Path]:
    """The volumes of an archive ``name`` that holds ``entries`` as they are, in order."""
    sources = folder / f"{name}-content"
    sources.mkdir()
    for entry, content in entries.items():
        (sources / entry).write_bytes(content)
    subprocess.run(
        [str(find_engine()), "a", "-bso0", "-mx0", f"-v{size}", str(folder / name), str(sources / "*")],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    found = sorted(folder.glob(f"{name}.[0-9]*"))
    assert len(found) >= 3 or entries is not PHOTOS
    return found


def scrambled(paths: Sequence[Path]) -> list[Path]:
    """The last one first, the first one last."""
    return [paths[-1], *paths[1:-1], paths[0]]


def pieces(text: str, path: Path, count: int = 3) -> list[Path]:
    """The file ``path`` cut in ``count`` pieces called ``text``.001 and so on."""
    content = path.read_bytes()
    step = len(content) // count + 1
    found = []
    for number in range(count):
        piece = path.with_name(f"{text}.{number + 1:03d}")
        piece.write_bytes(content[number * step : (number + 1) * step])
        found.append(piece)
    return found


def jobs(world: World) -> list[Path]:
    return list((world.data / "jobs").iterdir())


def joined(world: World) -> int:
    """How many volumes the journals of all jobs name."""
    journals = [job / "journal.jsonl" for job in jobs(world)]
    # A job's folder is there a moment before its journal.
    records = [JobRecord.of(decode_all(parse(path.read_bytes())[0])) for path in journals if path.exists()]
    return sum(1 + len(record.volumes) for record in records)


def texts(world: World) -> list[str]:
    return [message.text for message in world.chat() if message.kind == "text"]


async def test_volumes_in_any_order_become_one_archive(world: World, tmp_path: Path) -> None:
    async with world.running():
        for path in scrambled(volumes(tmp_path, "Trip.7z")):
            await world.send(path)
        assert "Trip.7z: 14 pictures sent" in await world.summary()
        await until(lambda: not world.leftovers())
    assert len(world.media()) == 14
    assert "📦 Trip.7z" in world.media()[0].caption
    # Nothing but one message, which becomes the summary, however many volumes there are.
    assert len([text for text in texts(world) if "Trip" in text]) == 1


async def test_a_volume_is_not_lost_when_telegram_asks_for_a_pause(world: World, tmp_path: Path) -> None:
    first, *others = pieces("a.zip", zip_of(tmp_path / "a.zip", PHOTOS), 2)
    async with world.running():
        await world.send(first)
        await world.wait("missing: a.zip.002")
        world.sandbox.faults.flood("messages.getMessages", 1)
        await world.send(others[0])
        assert "a.zip: 14 pictures sent" in await world.summary()


async def test_the_chat_says_in_one_message_which_volumes_are_missing(world: World, tmp_path: Path) -> None:
    paths = volumes(tmp_path, "a.7z")
    async with world.running():
        await world.send(paths[2])
        await world.wait("missing: a.7z.001, a.7z.002")
        await world.send(paths[1])
        await until(lambda: any("missing: a.7z.001." in text for text in texts(world)))
        (status,) = [text for text in texts(world) if "a.7z" in text]
        assert "a.7z.002" not in status
        assert world.media() == []
        for path in [paths[0], *paths[3:]]:
            await world.send(path)
        await world.wait("a.7z: 14 pictures sent")


async def test_two_people_and_two_sets_are_not_mixed_up(world: World, tmp_path: Path) -> None:
    await world.sandbox.add_person("+15550002", "Bob", "bob")
    (tmp_path / "bob").mkdir()
    own = volumes(tmp_path, "x.7z")
    other = volumes(tmp_path, "y.7z", {f"{n}.jpg": photo(50 + n) + bytes(90_000) for n in range(3)})
    bobs = volumes(tmp_path / "bob", "x.7z", {f"{n}.jpg": photo(70 + n) + bytes(90_000) for n in range(4)})
    async with (
        world.running(AUTHORIZED_USERS=("ann", "bob")),
        world.sandbox.person("+15550002") as bob,
    ):
        await bob.say(BOT, "/start")
        for n in range(max(map(len, (own, other, bobs)))):
            for paths, send in ((own, world.send), (other, world.send)):
                if n < len(paths):
                    await send(paths[n])
            if n < len(bobs):
                await bob.send_file(BOT, bobs[n])
        await world.wait("x.7z: 14 pictures sent")
        await world.wait("y.7z: 3 pictures sent")
        await bob.wait_for_text("x.7z: 4 pictures sent")


@pytest.mark.parametrize("killed", [False, True])
async def test_a_set_survives_a_restart_in_the_middle(world: World, tmp_path: Path, killed: bool) -> None:
    paths = scrambled(volumes(tmp_path, "a.7z"))
    process = await start(environment(world))
    try:
        await until(lambda: any("✅ Ready" in line for line in world.lines()))
        sent = [await world.send(path) for path in paths[:2]]
        await until(lambda: joined(world) == 2)
    finally:
        process.send_signal(signal.SIGKILL if killed else signal.SIGTERM)
        await process.communicate()
    if killed:
        # As if it had been killed before it noted whom the volumes are from.
        (world.data / "intake.jsonl").unlink()
    sent += [await world.send(path) for path in paths[2:]]
    async with world.running():
        assert "a.7z: 14 pictures sent" in await world.summary()
        await until(lambda: not world.leftovers())
        await asyncio.sleep(0.3)
    taken = [json.loads(line)["job"] for line in (world.data / "intake.jsonl").read_text().splitlines()]
    assert set(taken) == {f"{world.person_id}_{message}" for message in sent}
    async with world.running():
        await asyncio.sleep(0.5)
        assert jobs(world) == []
    assert len(world.media()) == 14
    assert len([text for text in texts(world) if "pictures sent" in text]) == 1


async def test_a_set_that_stays_incomplete_is_given_up_with_the_names(world: World, tmp_path: Path) -> None:
    paths = volumes(tmp_path, "a.7z")
    async with world.running(VOLUME_WAIT_MINUTES=2 / 60):
        await world.send(paths[0])
        await world.send(paths[2])
        text = await world.wait("❌ a.7z: the other volumes did not come")
        assert "a.7z.002" in text and "a.7z.001" not in text
        await until(lambda: not world.leftovers())
        summary = await world.person.wait_for_text("did not come")
    async with world.running():
        # The button brings the two back; then only the third has to be sent.
        await world.person.press(summary, "🔁 Again")
        await until(lambda: len(jobs(world)) == 1 and joined(world) == 2)
        for path in [paths[1], *paths[3:]]:
            await world.send(path)
        await world.wait("a.7z: 14 pictures sent")


async def test_a_set_can_be_cancelled_while_it_waits(world: World, tmp_path: Path) -> None:
    async with world.running():
        await world.send(volumes(tmp_path, "a.7z")[1])
        await until(lambda: any("🧩" in line for line in world.lines()))
        await world.person.say(BOT, "/cancel")
        await world.wait("Cancelled: a.7z")
        await until(lambda: not world.leftovers())


async def test_a_volume_that_is_complete_by_itself_does_not_wait(world: World, tmp_path: Path) -> None:
    (path,) = volumes(tmp_path, "one.7z", {"a.jpg": photo(1)})
    assert path.name == "one.7z.001"
    async with world.running():
        await world.send(path)
        await world.wait("one.7z: 1 picture sent")


async def test_a_picture_that_is_called_like_a_volume_is_a_picture(world: World, tmp_path: Path) -> None:
    async with world.running():
        for number in (1, 2):
            path = tmp_path / f"scan.{number:03d}"
            path.write_bytes(photo(number))
            await world.send(path)
        await world.wait("scan.001: 1 picture sent")
        await world.wait("scan.002: 1 picture sent")


async def test_the_same_volume_sent_twice_counts_once(world: World, tmp_path: Path) -> None:
    paths = volumes(tmp_path, "a.7z")
    async with world.running():
        message = await world.person.send_file(BOT, paths[0])
        await world.person.client.send_file(BOT, message.media.document)
        for path in paths[1:]:
            await world.send(path)
        await world.wait("a.7z: 14 pictures sent")
        await until(lambda: not world.leftovers())
    assert len(world.media()) == 14


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
async def test_a_zip_that_was_cut_is_put_together(world: World, tmp_path: Path, order: Sequence[int]) -> None:
    paths = pieces("b.zip", zip_of(tmp_path / "whole.zip", PHOTOS))
    async with world.running():
        for n in order:
            await world.send(paths[n])
        await world.wait("b.zip: 14 pictures sent")


@pytest.mark.parametrize(
    "names",
    [
        ("a.part1.rar", "a.part2.rar", "a.part3.rar"),
        ("a.rar", "a.r00", "a.r01"),
        ("a.z01", "a.z02", "a.zip"),
        ("a.tar.gz.001", "a.tar.gz.002", "a.tar.gz.003"),
    ],
    ids=["rar", "old rar", "split zip", "cut tar"],
)
async def test_sets_of_every_kind_are_put_together(
    world: World, tmp_path: Path, names: Sequence[str]
) -> None:
    picture = photo(1) + os.urandom(100_000)
    if "rar" in names[0]:
        parts = rar5_volumes("a.jpg", picture, 3)
    elif "z01" in names[0]:
        parts = zip_volumes({"a.jpg": picture}, 3)
    else:
        whole = tmp_path / "whole.tar.gz"
        with tarfile.open(whole, "w:gz") as tar:
            (tmp_path / "a.jpg").write_bytes(picture)
            tar.add(tmp_path / "a.jpg", "a.jpg")
        parts = [path.read_bytes() for path in pieces("a.tar.gz", whole)]
    for name, content in zip(names, parts, strict=True):
        (tmp_path / name).write_bytes(content)
    async with world.running():
        for name in (names[2], names[0], names[1]):
            await world.send(tmp_path / name)
        await world.summary()
        await until(lambda: not world.leftovers())
    assert [message.sha256 for message in world.media()] == [hashlib.sha256(picture).hexdigest()]


@pytest.mark.parametrize("mode", ["w", "w:gz"])
async def test_a_file_that_lies_in_two_volumes_comes_though_the_second_was_late(
    world: World, tmp_path: Path, mode: Literal["w", "w:gz"]
) -> None:
    whole = tmp_path / "whole.tar"
    with tarfile.open(whole, mode) as tar:
        for name, content in PHOTOS.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    first, second, *others = pieces("b.tar", whole)
    async with world.running():
        await world.send(first)
        await world.wait("🧩 Waiting")
        for path in (second, *others):
            await world.send(path)
        assert "b.tar: 14 pictures sent" in await world.summary()


ITEM = Incoming(Peer("user", 7), 7, 1, "a.7z.001", 10, 100, "", 7)


def item(message: int, name: str, **changes: Any) -> Incoming:
    values: dict[str, Any] = {"message": message, "document": 100 + message, "name": name, **changes}
    return replace(ITEM, **values)


def split_set(name: str) -> SplitSet:
    record = JobRecord.of([lines.Origin.of(item(1, name), date=0.0)])

    async def write(line: lines.Volume) -> None:
        record.apply(line)

    return SplitSet(record, write, wait=60, clock=lambda: 0.0)


@pytest.mark.parametrize(
    ("first", "other", "wanted"),
    [
        ("a.7z.001", "A.7Z.002", True),
        ("a.7z.001", "a.7z.001", False),
        ("a.7z.001", "b.7z.002", False),
        ("a.part1.rar", "a.part02.rar", True),
        ("a.rar", "a.r00", True),
        ("a.r00", "a.rar", True),
        ("a.zip", "a.z01", True),
        ("a.z01", "a.zip", True),
        ("a.zip", "b.zip", False),
        ("a.zip", "a.zip", False),
        ("a.zip", "a.7z.001", False),
        ("a.7z.001", "a.7z", False),
        ("a.7z", "a.7z.001", False),
    ],
)
def test_what_belongs_to_a_set(first: str, other: str, wanted: bool) -> None:
    assert split_set(first).wants(item(2, other)) is wanted
    assert not split_set(first).wants(item(2, other, sender=8))
    assert not split_set(first).wants(item(2, other, chat=8))


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Trip.7z.001", "Trip.7z"),
        ("Trip.part02.rar", "Trip.rar"),
        ("Trip.Z01", "Trip.zip"),
        ("Trip.r17", "Trip.rar"),
    ],
)
def test_a_set_is_called_like_the_whole(name: str, title: str) -> None:
    assert set_title(name) == title
