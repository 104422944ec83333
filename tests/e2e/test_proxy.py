"""Where Telegram is blocked, the bot reaches it through a proxy, and in no other way; over IPv6 as well."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from telethon.crypto import AuthKey

from sandbox import Sandbox
from sandbox.mtproto.connection import Connection
from tests.e2e.process import environment, run
from tests.files import photo, zip_of
from tests.proxies import FROM, PASSWORD, SECRET, USER, HttpConnect, MtProxy, Proxy, Socks5
from tests.transport import TOKEN, settings_for
from tests.world import World, until
from utils.constants import Settings
from utils.diagnostics import server
from utils.diagnostics.check import Check, Level
from utils.diagnostics.server import check_server
from utils.telegram import addresses
from utils.telegram.client import build_client, login
from utils.terminal.main import USAGE


@pytest.fixture
def came_from(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses, without ports, from which the server was connected to."""
    real, seen = Connection.connection_made, []

    def connection_made(self: Connection, transport: asyncio.BaseTransport) -> None:
        real(self, transport)
        seen.append(self.address.rpartition(":")[0])

    monkeypatch.setattr(Connection, "connection_made", connection_made)
    return seen


def url(scheme: str, password: str = PASSWORD) -> Callable[[Proxy], str]:
    return lambda proxy: f"{scheme}://{USER}:{quote(password, safe='')}@127.0.0.1:{proxy.port}"


def link(proxy: Proxy) -> str:
    assert isinstance(proxy, MtProxy)
    return proxy.link


async def checked(world: World, proxy: str) -> list[Check]:
    """What the doctor says."""
    settings = replace(world.settings, PROXY=proxy)
    return await asyncio.to_thread(lambda: list(check_server(settings)))


KINDS: dict[str, tuple[Callable[[Sandbox], Proxy], Callable[[Proxy], str]]] = {
    "socks5": (lambda _: Socks5(), url("socks5")),
    "http": (lambda _: HttpConnect(), url("http")),
    "mtproto": (lambda sandbox: MtProxy(sandbox.addresses), link),
    "mtproto-tls": (lambda sandbox: MtProxy(sandbox.addresses, tls=True), link),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_everything_goes_through_the_proxy_and_waits_for_it(
    world: World, tmp_path: Path, kind: str, came_from: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.5)
    make, address = KINDS[kind]
    pictures = {f"{n}.jpg": photo(n, (1600, 1200)) for n in range(2)}
    async with make(world.sandbox).running() as proxy:
        async with world.running(PROXY=address(proxy)):
            await world.send(zip_of(tmp_path / "a.zip", pictures))
            await world.summary()
            # Fetched, and sent.
            assert proxy.passed > 2 * sum(map(len, pictures.values()))
            proxy.down()
            await until(lambda: any("🔌 Telegram cannot be reached" in line for line in world.lines()))
            await world.send(zip_of(tmp_path / "b.zip", {"c.jpg": photo(3)}))
            await proxy.up()
            await until(lambda: len(world.media()) == 3)
        assert set(came_from) == {FROM}
        (fine,) = await checked(world, address(proxy))
        assert fine.level is Level.OK and f"proxy 127.0.0.1:{proxy.port}" in fine.name
        if isinstance(proxy, MtProxy):
            wrong = proxy.link.replace(SECRET.hex(), "00" * 16)
        else:
            wrong = address(proxy).replace(quote(PASSWORD, safe=""), "wrong")
        (failed,) = await checked(world, wrong)
        assert failed.level is Level.FAIL, failed
        assert proxy.refused or kind == "mtproto"
    written = "\n".join([*world.lines(), fine.line(), failed.line()])
    for secret in (PASSWORD, quote(PASSWORD, safe=""), SECRET.hex(), USER):
        assert secret not in written


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:1080",
        "socks5://mole:hush@127.0.0.1",
        "socks5://mole:hush@127.0.0.1:99999",
        "https://mole:hush@127.0.0.1:443",
        "tg://proxy?server=a&port=1&secret=hush",
        "https://t.me/proxy?server=a&secret=00000000000000000000000000000000",
        "https://t.me/hush",
    ],
)
async def test_a_proxy_that_makes_no_sense_is_one_sentence(world: World, text: str) -> None:
    ended = await run(environment(world, PROXY=text))
    assert ended.code == USAGE
    assert ended.err.startswith("❌ PROXY must be socks5://") and ended.err.count("\n") == 1
    assert "hush" not in ended.err + "".join(world.lines())


async def test_a_server_is_reached_over_ipv6(tmp_path: Path) -> None:
    async with Sandbox(tmp_path / "server", host="::1") as sandbox:
        await sandbox.add_bot(TOKEN, "archive_bot", "Archive bot")
        assert sandbox.address.startswith("[::1]:")
        settings, session = settings_for(sandbox), tmp_path / "data" / "bot.session"
        for _ in range(2):  # A second start finds the address in the session.
            client = build_client(settings, session)
            await login(client, settings)
            assert client.session.server_address == "::1"
            await client.disconnect()


async def test_where_only_ipv6_leads_telegram_is_asked_over_it_with_the_same_log_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, session = Settings(API_ID=1, API_HASH="0", BOT_TOKEN=TOKEN), tmp_path / "bot.session"
    monkeypatch.setattr(addresses, "_is_routed", lambda family, _: family is socket.AF_INET)
    client = build_client(settings, session)
    assert (client.session.dc_id, client.session.server_address) == (2, "149.154.167.51")
    client.session.set_dc(4, "149.154.167.91", 443)
    client.session.auth_key = key = AuthKey(bytes(range(256)))
    client.session.save()
    await client.disconnect()
    for family, address in (
        (socket.AF_INET6, "2001:67c:4e8:f004::a"),
        (socket.AF_INET, "149.154.167.91"),
    ):
        monkeypatch.setattr(addresses, "_is_routed", lambda asked, _, family=family: asked is family)
        client = build_client(settings, session)
        assert (client.session.dc_id, client.session.server_address) == (4, address)
        assert client._use_ipv6 == (family is socket.AF_INET6) and client.session.auth_key == key
        await client.disconnect()
