"""Who is not let in any more, or never was, and a farm that cannot listen."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from tests.cluster.yard import PATIENCE, Yard, until
from utils.cluster import authority as authorities
from utils.cluster.joining import join
from utils.cluster.tokens import read_token
from utils.errors import SettingsError


async def test_who_has_no_token_or_one_that_was_revoked_gets_nothing(yard: Yard, tmp_path: Path) -> None:
    address, token = await yard.line()
    worker = await yard.worker()
    yard.lines.append(f"./bot worker {address} {token[:-1]}")
    short = await yard.worker()
    assert await asyncio.to_thread(short.process.wait, PATIENCE) == 2
    assert short.said().count("❌") == 1
    assert "copy the whole line" in short.said()
    await until(lambda: yard.farm.machines)
    for port in (yard.port, yard.port + 1):
        await refused_without_tls(port)
    await refused_with_a_foreign_certificate(yard.port, tmp_path)

    other = yard.another_farm()
    running = asyncio.ensure_future(other.run())
    await until(lambda: "cannot be used" in other.trouble)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not yard.farm.trouble

    await asyncio.to_thread(authorities.renew, yard.folder / "cluster")
    assert await asyncio.to_thread(worker.process.wait, PATIENCE) == 2
    assert "revoked" in worker.said()
    await until(lambda: len(yard.lines) == 3)
    assert not yard.farm.machines
    assert yard.lines[-1].split()[2] == address
    for old in (token, yard.lines[-1].split()[3]):
        asked = join("127.0.0.1", yard.port, read_token(old), folder=tmp_path, name="n", slots=1, ffmpeg="")
        if old == token:
            with pytest.raises(SettingsError, match="revoked"):
                await asked
        else:
            assert (await asked).machine


async def refused_without_tls(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as plain:
        plain.settimeout(PATIENCE)
        plain.sendall(b"\0" * 64)
        try:
            assert b"compression" not in plain.recv(1024)
        except ConnectionResetError:
            return


async def refused_with_a_foreign_certificate(port: int, folder: Path) -> None:
    """By Dask's own port: who has one of the farm's authority gets a greeting."""
    foreign = authorities.renew(folder / "foreign")
    key, certificate = foreign.own_certificate()
    for name, text in (("key", key), ("pem", certificate)):
        (folder / name).write_text(text)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(folder / "pem", folder / "key")
    with pytest.raises(OSError, match=r".+"):
        reader, _ = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        await reader.readexactly(1)


def test_a_token_is_read_as_it_was_written() -> None:
    text = "abcdefgh234567abcdefgh234567abcd"
    assert str(read_token(text)) == text
    for wrong in (text[:-2], text[:-1] + "1"):
        with pytest.raises(SettingsError, match="copy the whole line"):
            read_token(wrong)


async def test_a_farm_whose_folder_cannot_be_made_is_told_and_the_bot_goes_on(yard: Yard) -> None:
    (yard.folder / "file").write_bytes(b"")
    farm = yard.another_farm(folder=yard.folder / "file" / "cluster")
    running = asyncio.ensure_future(farm.run())
    await until(lambda: "Not a directory" in farm.trouble)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
