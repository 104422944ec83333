"""What a machine may ask of the farm, and what it gets: the real door, without Dask and without a worker."""

from __future__ import annotations

import asyncio
import hashlib
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.cluster.yard import until
from tests.ports import free_port
from utils.cluster import authority as authorities
from utils.cluster.door import Door
from utils.cluster.farm_process import _certificates, versions
from utils.cluster.fetching import Fetching
from utils.cluster.foreman import Foreman
from utils.cluster.joining import Badge, join
from utils.cluster.orders import DOOR, PROTOCOL, Json
from utils.cluster.pieces import piece_of
from utils.cluster.tokens import Token
from utils.errors import ConversionFailed, SettingsError

ORDER: Json = {
    "film": "one",
    "video": [],
    "mode": "exact",
    "segment": [0, 25, 0, 1000],
    "stream": 0,
    "seek": {},
    "skip": 0,
    "within": 60.0,
    "stall": 60.0,
    "file_bytes": 1000,
    "size": 400_000,
    "index": [[0, 1000], [399_000, 400_000]],
    "spans": [[200_000, 300_000]],
}


@dataclass
class Board:
    """What was put up, by key, and for whom."""

    up: dict[str, list[str]] = field(default_factory=dict)

    def submit(self, key: str, order: Json, machines: list[str]) -> None:
        self.up[key] = machines

    def release(self, key: str) -> None:
        self.up.pop(key, None)


@dataclass
class Farm:
    """A door with what is behind it; ``told`` is what the bot hears."""

    folder: Path
    port: int
    authority: authorities.Authority
    board: Board
    foreman: Foreman
    told: list[Json]

    @property
    def source(self) -> Path:
        return self.folder / "source"

    async def machine(self, name: str, token: Token | None = None) -> Badge:
        """One that joined, and is there."""
        folder = self.folder / name
        folder.mkdir()
        token = token or self.authority.token
        badge = await join("127.0.0.1", self.port, token, folder=folder, name=name, slots=2, ffmpeg="9")
        self.foreman.arrived(badge.machine, "")
        return badge

    def offer(self, digest: str) -> None:
        said = {"do": "offer", "offer": "film", "trial": ORDER, "digest": digest, "source": str(self.source)}
        self.foreman.hear(said)

    def encode(self, piece: str) -> str:
        """Returns its key."""
        before = set(self.board.up)
        files = {"source": str(self.source), "output": str(self.folder / piece)}
        said = {"do": "encode", "offer": "film", "piece": piece, "without": [], "order": ORDER}
        self.foreman.hear({**said, **files})
        (key,) = self.board.up.keys() - before
        return key

    def heard(self, kind: str) -> list[Json]:
        return [said for said in self.told if said["is"] == kind]


@pytest.fixture
async def farm(tmp_path: Path) -> AsyncIterator[Farm]:
    async with farm_in(tmp_path / "farm") as made:
        yield made


@asynccontextmanager
async def farm_in(folder: Path) -> AsyncIterator[Farm]:
    authority, board, told = authorities.renew(folder), Board(), list[Json]()
    (folder / "source").write_bytes(os.urandom(400_000))
    foreman = Foreman(board, folder, told.append)
    door = Door(authority, foreman, versions())
    port = free_port()
    await door.open("127.0.0.1", port, _certificates(authority, folder))
    try:
        yield Farm(folder, port - DOOR, authority, board, foreman, told)
    finally:
        await door.close()


async def test_a_machine_gets_and_gives_what_it_is_to_do_and_nothing_else(farm: Farm) -> None:
    result = b"a segment"
    good, other = await farm.machine("good"), await farm.machine("other")
    farm.offer(hashlib.sha256(result).hexdigest())
    trial = {machine: key for key, (machine,) in farm.board.up.items()}
    async with good.session() as session, other.session() as elsewhere:
        for badge, way, made in ((good, session, result), (other, elsewhere, b"other bytes")):
            await put(way, badge, trial[badge.machine], made, 200)
        verdicts = {said["machine"]: said["why"] for said in farm.heard("judged")}
        assert verdicts[good.machine] == ""
        assert "other bytes" in verdicts[other.machine]
        assert farm.heard("slots")[-1]["slots"] == 2
        assert not list(farm.folder.glob("trial-*"))

        key = farm.encode("piece")
        assert farm.board.up[key] == [good.machine]
        content = farm.source.read_bytes()
        assert await get(session, good, key, "bytes=5-99") == content[5:100]
        assert await get(elsewhere, other, key, "bytes=5-99") == 404
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=unverified())) as nobody:
            assert await get(nobody, good, key, "bytes=5-99") == 404
        # A result that is longer than it may be, or of somebody else, or after the right one, is not taken.
        await put(session, good, key, b"x" * 1001, 413)
        await put(elsewhere, other, key, result, 404)
        assert not list(farm.folder.glob("piece*"))
        await put(session, good, key, result, 200)
        assert (farm.folder / "piece").read_bytes() == result
        assert farm.heard("done") == [{"is": "done", "piece": "piece", "machine": good.machine}]
        await put(session, good, key, b"late", 404)
        assert (farm.folder / "piece").read_bytes() == result
        # What is not wanted any more when all of it is there is not taken either.
        key = farm.encode("cancelled")

        async def half_then_cancelled() -> AsyncIterator[bytes]:
            yield result[:4]
            await until(lambda: list(farm.folder.glob("cancelled*")))
            farm.foreman.hear({"do": "cancel", "piece": "cancelled"})
            yield result[4:]

        headers = {"Content-Length": str(len(result))}
        address = f"{good.base}/work/{key}/result"
        async with session.put(address, data=half_then_cancelled(), headers=headers) as answer:
            assert answer.status == 404
        assert sorted(path.name for path in farm.folder.iterdir() if path.name[:1] in "pc") == ["piece"]


async def put(session: aiohttp.ClientSession, badge: Badge, key: str, data: bytes, status: int) -> None:
    async with session.put(f"{badge.base}/work/{key}/result", data=data) as answer:
        assert answer.status == status, await answer.text()


async def get(session: aiohttp.ClientSession, badge: Badge, key: str, span: str) -> bytes | int:
    async with session.get(f"{badge.base}/work/{key}/source", headers={"Range": span}) as answer:
        return await answer.read() if answer.status == 206 else answer.status


def unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def test_a_machine_that_fails_again_and_again_gets_nothing_more(farm: Farm) -> None:
    """And each failure says why; the piece that it was to do comes back at once."""
    badge = await farm.machine("broken")
    farm.offer(hashlib.sha256(b"").hexdigest())
    async with badge.session() as session:
        await put(session, badge, next(iter(farm.board.up)), b"", 200)
        for number in range(3):
            assert farm.heard("slots")[-1]["slots"] == 2
            key = farm.encode(f"piece{number}")
            address = f"{badge.base}/work/{key}/trouble"
            async with session.post(address, json={"why": "its disk\nis full"}) as answer:
                assert answer.status == 200
            lost = {"is": "lost", "piece": f"piece{number}", "machine": badge.machine}
            assert farm.heard("lost")[-1] == {**lost, "why": "broken: its disk is full"}
        assert farm.heard("slots")[-1]["slots"] == 0
        assert "again and again" in farm.heard("judged")[-1]["why"]
        assert "its disk is full" in farm.heard("judged")[-1]["why"]
        assert farm.heard("machines")[-1]["machines"][0]["failed"] == 3


async def test_strangers_and_other_versions_are_told_why_they_are_not_let_in(
    farm: Farm, tmp_path: Path
) -> None:
    token = farm.authority.token
    with pytest.raises(SettingsError, match="The token is not that of this bot"):
        await farm.machine("wrong", Token(b"0" * 10, token.authority))
    with pytest.raises(SettingsError, match="did not give out this token, or has revoked it"):
        await farm.machine("revoked", authorities.renew(tmp_path / "new").token)
    asked = {"secret": token.secret.hex(), "protocol": PROTOCOL, "versions": {"Python": "3.9"}}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=unverified())) as session,
        session.post(f"https://127.0.0.1:{farm.port + DOOR}/join", json=asked) as answer,
    ):
        assert answer.status == 403
        why = (await answer.json())["why"]
    assert "Python 3.9 there" in why
    assert f"Python {versions()['Python']}" in why
    foreign = authorities.renew(tmp_path / "foreign")
    key, certificate = foreign.own_certificate()
    (tmp_path / "key").write_text(key)
    (tmp_path / "pem").write_text(certificate)
    context = unverified()
    context.load_cert_chain(tmp_path / "pem", tmp_path / "key")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        with pytest.raises((aiohttp.ClientError, OSError)):
            await session.get(f"https://127.0.0.1:{farm.port + DOOR}/authority")
    assert not farm.heard("arrived")


async def test_machines_that_are_called_alike_are_told_apart_and_those_that_do_not_come_are_forgotten(
    farm: Farm,
) -> None:
    for number in range(300):
        farm.foreman.admit(f"never {number}", "phone", 1, "9")
    assert len(farm.foreman._hands) < 150
    for number in range(3):
        farm.foreman.admit(str(number), "phone", 1, "9")
        farm.foreman.arrived(str(number), "")
    farm.foreman.left("1")
    names = [one["name"] for one in farm.heard("machines")[-1]["machines"]]
    assert names == ["phone", "phone (3)"]


async def test_that_nobody_is_there_is_said_before_what_was_lost_comes_back(farm: Farm) -> None:
    """Else it would be sent again to nobody, and that is no reason to keep it from others."""
    farm.foreman.admit("one", "phone", 1, "9")
    farm.foreman.arrived("one", "")
    farm.offer("")
    farm.foreman._judge(farm.foreman._offers["film"], "one", "")
    farm.encode("piece")
    farm.told.clear()
    farm.foreman.left("one")
    order = [(said["is"], said.get("slots")) for said in farm.told if said["is"] != "machines"]
    assert order == [("slots", 0), ("lost", None)]
    assert not farm.heard("lost")[-1].get("untried")
    # What was sent before the bot had heard of that.
    said = {"do": "encode", "offer": "film", "piece": "late", "without": [], "order": ORDER}
    farm.foreman.hear({**said, "source": "", "output": ""})
    assert (farm.heard("lost")[-1]["piece"], farm.heard("lost")[-1]["untried"]) == ("late", True)


async def test_what_all_segments_of_a_film_need_is_fetched_once(farm: Farm, tmp_path: Path) -> None:
    badge = await farm.machine("good")
    farm.offer("")
    (key,) = farm.board.up
    content = farm.source.read_bytes()

    async def fetched(film: str, **other: Any) -> bytes:
        piece = piece_of({**ORDER, **other}, tmp_path / "sparse", tmp_path / "result")
        await fetching.fetch(key, film, piece)
        return piece.source.read_bytes()

    async with badge.session() as session:
        fetching = Fetching(tmp_path, badge.base, session)
        expected = bytearray(400_000)
        for start, end in (*ORDER["index"], *ORDER["spans"]):
            expected[start:end] = content[start:end]
        assert await fetched("one") == expected
        # Had it been fetched again, it would be another one.
        farm.source.write_bytes(bytes(1000) + content[1000:])
        assert await fetched("one") == expected
        assert (await fetched("two"))[:1000] == bytes(1000)
        assert not [path for path in tmp_path.iterdir() if path.name not in ("farm", "sparse")]
        with pytest.raises(ConversionFailed, match="other bytes came"):
            await fetched("one", spans=[[300_000, 500_000]])
        fetching.close()
        await asyncio.gather(*(fetched("three") for _ in range(2)))
        fetching.close()
