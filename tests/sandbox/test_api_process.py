"""The sandbox as a process of its own: scripted by lines, killed, started again."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from dataclasses import dataclass
from pathlib import Path

import pytest
from telethon import TelegramClient, errors, functions, types

from sandbox.clients import new_client
from sandbox.person import Person

from .conftest import BOT, BOT_ID, PHONE, TOKEN, kept

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Served:
    """A running ``python -m sandbox``."""

    process: Process
    address: str
    key_file: Path
    addresses: dict[str, str]
    control: str

    async def do(self, what: str, **more: object) -> object:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": what, **more}).encode() + b"\n")
        answer = json.loads(await self.process.stdout.readline())
        assert answer["ok"], answer
        return answer["result"]

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()

    async def again(self, data: Path) -> Served:
        """Killed and started again, where it was."""
        await self.kill()
        ports = [int(address.rpartition(":")[2]) for address in self.addresses.values()]
        with kept(ports):
            return await serve(data, "--port", str(ports[0]))

    def client(self, session: Path, dc_id: int = 1, *, catch_up: bool = False) -> TelegramClient:
        return new_client(
            self.addresses[str(dc_id)], self.key_file, dc_id=dc_id, session=session, catch_up=catch_up
        )


def contents(path: str) -> bytes:
    return Path(path).read_bytes()


async def serve(data: Path, *more: str, control: str = "stdin") -> Served:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sandbox", "--data", str(data), "--control", control),
        *("--bot", f"{TOKEN}:{BOT}", "--person", f"{PHONE}:ann"),
        *more,
        stdin=PIPE,
        stdout=PIPE,
        cwd=ROOT,
    )
    assert process.stdout is not None
    ready = json.loads(await process.stdout.readline())
    assert ready["dc_id"] == 1
    return Served(
        process, ready["address"], Path(ready["key_file"]), ready["addresses"], ready.get("control", "")
    )


async def test_nothing_acknowledged_is_lost_by_a_kill(sandbox_dir: Path, tmp_path: Path) -> None:
    """Log-ins, messages, files, parts under way and random ids are all there after SIGKILL."""
    server = await serve(sandbox_dir, "--port", "0")
    bot = server.client(tmp_path / "bot")
    await bot.start(bot_token=TOKEN)

    async def code() -> str:
        return str(await server.do("login_code", phone=PHONE))

    ann = Person(server.client(tmp_path / "ann", 2), PHONE, code)
    await ann.start()
    await ann.say(BOT, "/start")
    me = (await ann.client.get_me()).id
    peer = types.InputPeerUser(me, 0)
    request = functions.messages.SendMessageRequest(peer, "once", random_id=99)
    sent = (await bot(request)).updates[0].id
    # A file, then the first part of another one under the same number.
    await bot(functions.upload.SaveFilePartRequest(4, 0, b"old"))
    old = types.InputMediaUploadedDocument(types.InputFile(4, 1, "old.zip", ""), "application/zip", [])
    await bot(functions.messages.UploadMediaRequest(peer, old))
    await bot(functions.upload.SaveFilePartRequest(4, 0, b"a" * 1024))
    await bot.disconnect()
    await ann.stop()

    server = await server.again(sandbox_dir)
    bot = server.client(tmp_path / "bot")
    await bot.connect()
    assert (await bot.get_me()).id == BOT_ID
    assert (await bot(request)).updates[0].id == sent
    with pytest.raises(errors.FilePartMissingError):
        short = types.InputMediaUploadedDocument(types.InputFile(4, 2, "a.zip", ""), "application/zip", [])
        await bot(functions.messages.UploadMediaRequest(peer, short))
    await bot(functions.upload.SaveFilePartRequest(4, 1, b"b"))
    media = types.InputMediaUploadedDocument(types.InputFile(4, 2, "a.zip", ""), "application/zip", [])
    await bot(functions.messages.SendMediaRequest(peer, media, ""))
    messages = await server.do("messages", user=me, peer=BOT_ID)
    assert isinstance(messages, list)
    assert [(m["kind"], m["text"], m["size"]) for m in messages] == [
        ("text", "/start", 0),
        ("text", "once", 0),
        ("document", "", 1025),
    ]
    assert contents(messages[2]["path"]) == b"a" * 1024 + b"b"
    ann = Person(server.client(tmp_path / "ann", 2), PHONE, code)
    await ann.start()
    assert [m.raw_text for m in await ann.history(BOT)] == ["/start", "once", ""]
    await ann.stop()
    await bot.disconnect()
    await server.kill()


async def test_a_client_outlives_the_server(sandbox_dir: Path, tmp_path: Path) -> None:
    server = await serve(sandbox_dir, "--port", "0")
    bot = server.client(tmp_path / "bot")
    await bot.start(bot_token=TOKEN)
    server = await server.again(sandbox_dir)
    assert (await bot.get_me()).id == BOT_ID
    await bot.disconnect()
    await server.kill()


async def test_faults_by_lines(sandbox_dir: Path, tmp_path: Path) -> None:
    server = await serve(sandbox_dir, "--port", "0")
    bot = server.client(tmp_path / "bot")
    await bot.start(bot_token=TOKEN)
    await server.do("flood", request="users.getUsers", seconds=60)
    with pytest.raises(errors.FloodWaitError):
        await bot.get_me()
    bot._flood_waited_requests.clear()
    await server.do("fail", request="users.getUsers", code=400, message="PEER_FLOOD", times=None)
    with pytest.raises(errors.PeerFloodError):
        await bot.get_me()
    await server.do("clear")
    await server.do("rtt", seconds=0.05)
    await server.do("bandwidth", total=1e6, connection=None)
    await bot.get_me()
    assert await server.do("calls", request="users.getUsers", user=BOT_ID) == 3
    assert await server.do("add_person", phone="+7", name="Bob") != 0
    await bot.disconnect()
    assert server.process.stdin is not None
    server.process.stdin.write(b'{"do": "dance"}\n[]\n{"do": "rtt", "seconds": "far", "id": 5}\n')
    assert server.process.stdout is not None
    answers = [json.loads(await server.process.stdout.readline()) for _ in range(3)]
    assert [answer["ok"] for answer in answers] == [False] * 3
    assert answers[2]["id"] == 5
    server.process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(server.process.wait(), 60) == 0


async def test_kill_points_by_lines(sandbox_dir: Path, tmp_path: Path) -> None:
    server = await serve(sandbox_dir, "--port", "0")
    bot = server.client(tmp_path / "bot")
    await bot.start(bot_token=TOKEN)
    await server.do("hold", request="users.getUsers", gate="g")
    assert await server.do("reached", gate="g", seconds=0.05) is False
    asking = asyncio.create_task(bot.get_me())
    assert await server.do("reached", gate="g", seconds=60) is True
    assert await server.do("held", gate="g") == 1
    assert not asking.done()
    await server.do("open", gate="g")
    assert (await asking).id == BOT_ID
    await bot.disconnect()
    await server.kill()


async def test_lines_over_a_port(sandbox_dir: Path) -> None:
    server = await serve(sandbox_dir, "--port", "0", control="0")
    host, _, port = server.control.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(json.dumps({"do": "messages", "user": BOT_ID, "peer": BOT_ID}).encode() + b"\n")
    assert json.loads(await reader.readline()) == {"ok": True, "result": []}
    writer.close()
    await writer.wait_closed()
    await server.kill()
