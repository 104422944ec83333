"""The line on purpose: how it is paced, where it breaks, and what is counted."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest
from telethon.network import MTProtoSender
from telethon.network.connection import ConnectionTcpFull
from telethon.network.connection.tcpintermediate import RandomizedIntermediatePacketCodec
from telethon.tl import functions, types
from telethon.tl.core import RpcResult

from sandbox.mtproto import MtprotoServer
from sandbox.mtproto.pacing import Bucket, Lane, piece_size

from .mtproto_client import LOCATION, LOGGERS, NEAREST, Echo, raw, say

PART = functions.upload.SaveFilePartRequest(1, 0, bytes(range(256)) * 400)


@pytest.fixture
async def sender(server: MtprotoServer) -> AsyncIterator[MTProtoSender]:
    """Telethon's own, which connects again by itself."""
    sender = MTProtoSender(None, loggers=LOGGERS, updates_queue=asyncio.Queue(), retries=20, delay=0.05)
    await sender.connect(ConnectionTcpFull(server.host, server.ports[1], 1, loggers=LOGGERS))
    await sender.send(NEAREST)
    yield sender
    await sender.disconnect()


# -- bandwidth, as arithmetic


def test_bytes_pass_one_after_another_at_the_given_rate() -> None:
    bucket = Bucket()
    assert bucket.reserve(100, 1000, 5.0, busy=False) == pytest.approx(5.1)
    assert bucket.reserve(100, 1000, 5.0, busy=False) == pytest.approx(5.2)
    assert bucket.reserve(100, None, 5.0, busy=False) == 5.0


def test_who_is_late_catches_up_only_if_he_was_busy() -> None:
    bucket = Bucket()
    bucket.reserve(100, 1000, 5.0, busy=False)
    assert bucket.reserve(10, 1000, 5.15, busy=True) == pytest.approx(5.11)
    assert bucket.reserve(10, 1000, 7.0, busy=True) == pytest.approx(6.91)
    assert bucket.reserve(10, 1000, 9.0, busy=False) == pytest.approx(9.01)


def test_connections_share_a_line_and_each_has_its_own_limit() -> None:
    shared = Bucket()
    one, two = Lane(shared), Lane(shared)
    assert one.passes(100, (1000, None), 0.0, busy=False) == pytest.approx(0.1)
    assert two.passes(100, (1000, None), 0.0, busy=False) == pytest.approx(0.2)
    assert two.passes(100, (1000, 50), 0.0, busy=False) == pytest.approx(2.0)
    assert one.passes(100, (1000, 50), 0.0, busy=False) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("rates", "size"),
    [
        ((None, None), 0),
        ((25e6, None), 65536),
        ((1e6, 25e6), 3000),
        ((None, 1000), 512),
        ((1e12, 1e12), 65536),
    ],
)
def test_pieces_are_small_on_slow_lines(rates: tuple[float | None, float | None], size: int) -> None:
    assert piece_size(rates) == size


# -- bandwidth and distance, on a line


async def test_uploads_take_as_long_as_the_line_needs(server: MtprotoServer, sender: MTProtoSender) -> None:
    server.link.up = 1_000_000
    begun = time.monotonic()
    await asyncio.gather(
        *(sender.send(functions.upload.SaveFilePartRequest(1, n, _noise())) for n in range(5))
    )
    assert 0.45 <= time.monotonic() - begun < 30
    server.link.up = None
    server.link.down = 1.0  # the other way is not looked at
    server.link.clear()
    assert await sender.send(PART)


async def test_a_narrow_line_holds_the_sender_up(server: MtprotoServer) -> None:
    async with raw(server) as client:
        server.link.up, before = 50_000, server.link.bytes_in
        for _ in range(3):
            await client.say(PART)
        await asyncio.sleep(0.2)
        assert server.link.bytes_in - before < 150_000
        server.link.up = None
        for _ in range(3):
            await client.hear(RpcResult)


async def test_downloads_take_as_long_as_the_line_needs(server: MtprotoServer, sender: MTProtoSender) -> None:
    server.link.down = 1_000_000
    begun = time.monotonic()
    request = functions.upload.GetFileRequest(LOCATION, 0, 100_000)
    files = await asyncio.gather(*(sender.send(request) for _ in range(5)))
    assert 0.45 <= time.monotonic() - begun < 30
    assert [len(file.bytes) for file in files] == [100_000] * 5


async def test_a_connections_own_limit_does_not_hold_up_another(server: MtprotoServer) -> None:
    async with raw(server) as slow, raw(server) as quick:
        server.link.connection_down = 200_000
        await slow.say(functions.upload.GetFileRequest(LOCATION, 0, 1 << 20))
        await asyncio.sleep(0.05)
        assert isinstance(await quick.ask(NEAREST), types.NearestDc)
        assert await slow.silence(RpcResult)
        server.link.connection_down = None
        await slow.hear(RpcResult)


async def test_distance_delays_but_does_not_limit_what_is_under_way(
    server: MtprotoServer, sender: MTProtoSender
) -> None:
    server.link.rtt = 0.3
    begun = time.monotonic()
    await asyncio.gather(*(sender.send(NEAREST) for _ in range(10)), *(sender.send(PART) for _ in range(10)))
    # Twenty together take one round trip, not twenty.
    assert 0.3 <= time.monotonic() - begun < 6


async def test_a_new_connection_takes_a_round_trip_before_its_first_bytes(server: MtprotoServer) -> None:
    async with raw(server) as first:
        server.link.rtt = 0.2
        begun = time.monotonic()
        async with raw(server, first.state.auth_key, greet=False) as client:
            client.state.salt = first.state.salt
            await client.ask(NEAREST)
        assert 0.4 <= time.monotonic() - begun < 30


async def test_answers_keep_their_order_when_the_line_gets_shorter(server: MtprotoServer, echo: Echo) -> None:
    async with raw(server) as client:
        server.link.rtt = 0.4
        first = await client.say(say("far"))
        while not echo.said:
            await asyncio.sleep(0.01)
        server.link.rtt = 0.0
        second = await client.say(say("near"))
        assert [(await client.hear(RpcResult)).it.req_msg_id for _ in range(2)] == [first, second]


# -- breaks


async def test_a_connection_breaks_before_the_act(
    server: MtprotoServer, sender: MTProtoSender, echo: Echo
) -> None:
    server.link.cut_before("messages.sendMessage", when=lambda request: request.message == "cut")
    await sender.send(say("whole"))
    assert server.link.accepted == 1
    await asyncio.wait_for(sender.send(say("cut")), 60)
    assert (echo.said, server.link.accepted) == (["whole", "cut"], 2)


async def test_what_was_cut_off_had_not_arrived_and_may_come_again(server: MtprotoServer, echo: Echo) -> None:
    async with raw(server) as client:
        server.link.cut_before("messages.sendMessage")
        number = client.state._get_seq_no(True)
        msg_id = await client.say(say("hello"), seqno=number)
        with pytest.raises((ConnectionError, EOFError)):
            await client.hear(RpcResult)
    async with raw(server, client.state.auth_key, session=client.state.id, greet=False) as back:
        back.state.salt = client.state.salt
        await back.say(say("hello"), msg_id=msg_id, seqno=number)
        while (await back.hear(RpcResult)).it.req_msg_id != msg_id:
            pass
    assert echo.said == ["hello"]


async def test_a_lost_answer_is_lost_after_the_act(
    server: MtprotoServer, sender: MTProtoSender, echo: Echo
) -> None:
    server.link.lose_answer("messages.sendMessage", times=2)
    await asyncio.wait_for(sender.send(say("hello")), 60)
    assert echo.said == ["hello"] * 3, "Telethon asks again on a new session"
    assert server.link.accepted == 3


async def test_an_answer_is_delayed_and_others_are_not(
    server: MtprotoServer, sender: MTProtoSender, echo: Echo
) -> None:
    server.link.delay_answer(functions.messages.SendMessageRequest, 0.3, times=1)
    slow = sender.send(say("slow"))
    await sender.send(say("quick"))
    assert not slow.done() and echo.said == ["slow", "quick"]
    assert (await slow).message == "slow"


@pytest.mark.parametrize("kind", ["messages_in", "messages_out", "bytes_in", "bytes_out"])
async def test_a_connection_breaks_after_so_much(
    server: MtprotoServer, sender: MTProtoSender, kind: str
) -> None:
    amount = 3 if kind.startswith("messages") else 700
    before = getattr(server.link, kind)
    server.link.cut_after(**{kind: amount})
    broken = sender._connection
    for _ in range(20):
        await asyncio.wait_for(sender.send(NEAREST), 60)
        if server.link.accepted == 2:
            break
    assert server.link.accepted == 2
    assert getattr(server.link, kind) - before >= amount
    assert broken is not None


async def test_bytes_are_cut_to_the_byte(server: MtprotoServer) -> None:
    async with raw(server) as client:
        await client.ask(NEAREST)
        received = client.connection._reader
        before = server.link.bytes_out
        server.link.cut_after(bytes_out=1000)
        await client.say(functions.upload.GetFileRequest(LOCATION, 0, 65536))
        with pytest.raises((ConnectionError, EOFError)):
            await client.hear(RpcResult)
        assert server.link.bytes_out - before == 1000
        assert received.at_eof()


async def test_one_connection_too_many_is_told_so_and_closed(server: MtprotoServer) -> None:
    async with raw(server) as one:
        server.link.most_connections = 1
        async with raw(server, one.state.auth_key, greet=False) as other:
            await other.say(NEAREST)
            assert await other.connection.recv() == (-429).to_bytes(4, "little", signed=True)
            with pytest.raises((ConnectionError, EOFError)):
                await other.connection.recv()
        assert isinstance(await one.ask(NEAREST), types.NearestDc)


async def test_only_one_connection_breaks(server: MtprotoServer) -> None:
    async with raw(server) as one, raw(server) as other:
        server.link.cut_after(messages_in=1)
        await one.say(functions.PingRequest(1))
        with pytest.raises((ConnectionError, EOFError)):
            while True:
                await one.hear(types.Pong)
        await other.say(functions.PingRequest(2))
        assert (await other.hear(types.Pong)).it.ping_id == 2


async def test_while_the_server_is_away_it_refuses_and_then_takes_clients_back(
    server: MtprotoServer, sender: MTProtoSender
) -> None:
    port = server.ports[1]
    server.link.refuse(0.5)
    assert server.link.away
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(server.host, port)
    answer = await asyncio.wait_for(sender.send(NEAREST), 60)
    assert isinstance(answer, types.NearestDc)
    assert (server.ports[1], server.link.away) == (port, False)


async def test_nobody_else_is_given_the_port_while_the_server_is_away(server: MtprotoServer) -> None:
    server.link.refuse()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind((server.host, server.ports[1]))
    server.link.accept()
    async with raw(server) as client:
        assert isinstance(await client.ask(NEAREST), types.NearestDc)


async def test_away_can_be_said_twice_and_taken_back(server: MtprotoServer, sender: MTProtoSender) -> None:
    server.link.refuse(60)
    server.link.away = True
    server.link.clear()
    assert isinstance(await asyncio.wait_for(sender.send(NEAREST), 60), types.NearestDc)


async def test_counters_tell_what_passed(server: MtprotoServer, sender: MTProtoSender) -> None:
    link = server.link
    assert (link.open, link.peak, link.accepted, link.handshakes) == (1, 1, 1, 1)
    async with raw(server):
        assert (link.open, link.peak, link.handshakes) == (2, 2, 2)
    requests, received = link.requests["SaveFilePartRequest"], link.bytes_in
    await sender.send(functions.upload.SaveFilePartRequest(1, 0, _noise()))
    assert link.requests["SaveFilePartRequest"] == requests + 1
    assert 100_000 < link.bytes_in - received < 101_000
    assert (link.open, link.peak) == (1, 2)


# -- nonsense


@pytest.mark.parametrize(
    "nonsense",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x28\0\0\0\0\0\0\0" + bytes(32),  # full, wrong check sum
        b"\x0c\0\0\0\0\0\0\0" + bytes(8),  # full, too short
        b"\xff\xff\xff\x0f\0\0\0\0" + bytes(8),  # full, 268 MB
        b"\xee\xee\xee\xee\xff\xff\xff\x0f" + bytes(8),
        b"\xef\0" + bytes(8),
        b"\xef\x02" + b"\1" * 8,  # an encrypted message without one
    ],
)
async def test_nonsense_ends_its_own_connection_only(
    server: MtprotoServer, sender: MTProtoSender, nonsense: bytes
) -> None:
    reader, writer = await asyncio.open_connection(server.host, server.ports[1])
    writer.write(nonsense)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 60)
    writer.close()
    assert isinstance(await sender.send(NEAREST), types.NearestDc)
    assert server.link.accepted == 2


class _Padded(ConnectionTcpFull):  # type: ignore[misc]
    """Intermediate with random bytes behind, which Telethon has for proxies only."""

    packet_codec = RandomizedIntermediatePacketCodec

    def _init_conn(self) -> None:
        self._writer.write(b"\xdd\xdd\xdd\xdd")


async def test_padding_is_taken_off(server: MtprotoServer) -> None:
    async with raw(server, transport=_Padded) as client:
        before = server.link.accepted
        for _ in range(20):
            assert isinstance(await client.ask(NEAREST), types.NearestDc)
        assert server.link.accepted == before


async def test_a_packet_may_come_byte_by_byte(server: MtprotoServer) -> None:
    reader, writer = await asyncio.open_connection(server.host, server.ports[1])
    body = bytes(functions.ReqPqMultiRequest(5))
    message = bytes(8) + (4 << 32).to_bytes(8, "little") + len(body).to_bytes(4, "little") + body
    for byte in b"\xee\xee\xee\xee" + len(message).to_bytes(4, "little") + message:
        writer.write(bytes((byte,)))
        await asyncio.sleep(0)
    assert int.from_bytes(await reader.readexactly(4), "little") > 60
    writer.close()
    await writer.wait_closed()


def _noise() -> bytes:
    import secrets

    return secrets.token_bytes(100_000)
