"""What may happen to machines, to the farm and to the bot, and who is not let in."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from pathlib import Path

import aiohttp
import pytest

from tests.cluster.yard import HERE, PATIENCE, THERE, Yard, convert, until
from tests.files import ffmpeg_after
from tests.media.test_kill_and_resume import processes_about
from utils.cluster import authority as authorities
from utils.cluster.tokens import LENGTH, read_token
from utils.errors import SettingsError
from utils.media import Tools


def tools_of(path: str) -> Tools:
    return Tools(f"{path.partition(':')[0]}/ffmpeg")


async def test_a_worker_and_the_farm_are_killed_and_the_bytes_are_the_same(
    source: Path, here: Path, yard: Yard
) -> None:
    alone, _ = await convert(source, yard.folder / "alone", None)
    there, stuck = yard.held("there", THERE)
    stuck.unlink()
    first = await yard.worker(path=there)
    await until(lambda: yard.farm.machines)
    home, held = yard.held("here", HERE)
    converting = asyncio.ensure_future(yard.convert(here, tools=tools_of(home)))
    await until(lambda: yard.segments() >= 1)
    stuck.touch()
    await until(lambda: any(machine.working for machine in yard.farm.machines))
    first.signal(signal.SIGKILL)
    assert await until(lambda: not yard.farm.machines) < PATIENCE / 4
    await until(lambda: not processes_about(yard.folder / "workers"))
    await yard.worker()
    await until(lambda: yard.farm.machines)
    child = yard.farm._child
    assert child is not None
    child.end()
    await until(lambda: not yard.farm.machines)
    # The worker comes back by itself.
    await until(lambda: yard.farm.machines)
    held.unlink()
    assert (await converting)[0] == alone


async def test_what_is_cancelled_ends_on_the_worker_too(here: Path, yard: Yard) -> None:
    there, stuck = yard.held("there", THERE)
    stuck.unlink()
    worker = await yard.worker(path=there)
    await until(lambda: yard.farm.machines)
    home, _ = yard.held("here", HERE)
    converting = asyncio.ensure_future(yard.convert(here, tools=tools_of(home)))
    await until(lambda: yard.segments() >= 1)
    stuck.touch()
    await until(lambda: processes_about(yard.folder / "workers"))
    converting.cancel()
    await asyncio.gather(converting, return_exceptions=True)
    await until(lambda: not processes_about(yard.folder / "workers"))
    assert worker.process.poll() is None


async def test_who_makes_other_bytes_gets_nothing_to_do(source: Path, here: Path, yard: Yard) -> None:
    alone, _ = await convert(source, yard.folder / "alone", None)
    other = 'for part do shift; [ "$part" = 28 ] && part=40; set -- "$@" "$part"; done'
    path = ffmpeg_after(yard.folder / "other", THERE, other)
    await yard.worker(path=path)
    await until(lambda: yard.farm.machines)
    home, held = yard.held("here", HERE)
    converting = asyncio.ensure_future(yard.convert(here, tools=tools_of(home)))
    await until(lambda: yard.farm.machines and "other bytes" in yard.farm.machines[0].refused)
    held.unlink()
    assert (await converting)[0] == alone
    assert not yard.segments()


async def test_strangers_are_not_let_in(yard: Yard, tmp_path: Path) -> None:
    line = await yard.line()
    address, token = line
    for wrong in (token[:-1], token[:-1] + "1", "a" * LENGTH):
        yard.lines[-1] = f"./bot worker {address} {wrong}"
        labour = await yard.worker()
        assert await asyncio.to_thread(labour.process.wait, PATIENCE) == 2, labour.said()
        assert labour.said().count("❌") == 1
    # The right authority and another secret.
    right, wrong_secret = read_token(token), "b" * 16
    yard.lines[-1] = f"./bot worker {address} {wrong_secret}{token[16:]}"
    assert str(right)[16:] == token[16:]
    labour = await yard.worker()
    assert await asyncio.to_thread(labour.process.wait, PATIENCE) == 2
    assert "token" in labour.said()
    await refused_without_tls(yard.port)
    await refused_with_a_foreign_certificate(yard.port, tmp_path)
    assert not yard.farm.machines


async def refused_without_tls(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.settimeout(PATIENCE)
        plain.sendall(b"\0" * 64)
        try:
            assert b"compression" not in plain.recv(1024)
        except ConnectionResetError:
            return


async def refused_with_a_foreign_certificate(port: int, folder: Path) -> None:
    foreign = authorities.renew(folder / "foreign")
    key, certificate = foreign.own_certificate()
    for name, text in (("key", key), ("pem", certificate)):
        (folder / name).write_text(text)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(folder / "pem", folder / "key")
    connector = aiohttp.TCPConnector(ssl=context)
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises((aiohttp.ClientError, OSError)):
            await session.get(f"https://127.0.0.1:{port + 1}/work/x/source")


async def test_a_token_that_was_revoked_lets_nobody_in(yard: Yard) -> None:
    old = await yard.line()
    worker = await yard.worker()
    await until(lambda: yard.farm.machines)
    await asyncio.to_thread(authorities.renew, yard.folder / "cluster")
    assert await asyncio.to_thread(worker.process.wait, PATIENCE) == 2
    assert "revoked" in worker.said()
    await until(lambda: len(yard.lines) == 2)
    assert yard.lines[-1].split()[2:] != old
    await yard.worker()
    await until(lambda: yard.farm.machines)


def test_a_token_is_read_as_it_was_written() -> None:
    text = "abcdefgh234567abcdefgh234567abcd"
    assert str(read_token(text)) == text
    with pytest.raises(SettingsError):
        read_token(text[:-2])


async def test_two_bots_on_one_port_are_told(yard: Yard) -> None:
    await yard.line()
    other = yard.another_farm()
    running = asyncio.ensure_future(other.run())
    await until(lambda: "cannot be used" in other.trouble)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not yard.farm.trouble
