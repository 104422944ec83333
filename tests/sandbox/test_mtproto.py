"""The protocol itself, with Telethon's own client and sender against a handler that only echoes."""

from __future__ import annotations

import asyncio
import struct
import time
from pathlib import Path

import pytest
from telethon import TelegramClient, errors
from telethon.network import (
    Connection,
    ConnectionTcpAbridged,
    ConnectionTcpFull,
    ConnectionTcpIntermediate,
    MTProtoSender,
)
from telethon.network.connection.tcpintermediate import RandomizedIntermediatePacketCodec
from telethon.sessions import MemorySession
from telethon.tl import TLRequest, functions, types
from telethon.tl.alltlobjects import LAYER

from sandbox.mtproto import MtprotoServer
from sandbox.rpc import AnswerLost, Caller, Result, RpcError


class Echo:
    """Answers pings of its own making, counts what it did, and can be told to dawdle."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.callers: list[Caller] = []
        self.opened = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def session_opened(self, caller: Caller) -> None:
        self.opened += 1

    async def handle(self, caller: Caller, request: TLRequest) -> Result:
        self.callers.append(caller)
        if isinstance(request, functions.messages.SendMessageRequest):
            await self.gate.wait()
            self.done.append(request.message)
            if request.message == "lose the answer":
                raise AnswerLost
            return types.UpdateShortMessage(
                id=len(self.done), user_id=1, message=request.message * 100, pts=1, pts_count=1, date=None
            )
        if isinstance(request, functions.users.GetUsersRequest):
            return [types.UserEmpty(7), types.UserEmpty(8)]
        if isinstance(request, functions.upload.SaveFilePartRequest):
            return len(request.bytes) == 3000
        if isinstance(request, functions.help.GetNearestDcRequest):
            return types.NearestDc("ZZ", caller.dc_id, caller.dc_id)
        raise RpcError(420, "FLOOD_WAIT_3")


class Padded(Connection):  # type: ignore[misc]
    packet_codec = RandomizedIntermediatePacketCodec

    def _init_conn(self) -> None:
        self._writer.write(b"\xdd\xdd\xdd\xdd")


TRANSPORTS = [ConnectionTcpFull, ConnectionTcpAbridged, ConnectionTcpIntermediate, Padded]


@pytest.fixture
def echo() -> Echo:
    return Echo()


class Peer:
    """A bare MTProtoSender, without what TelegramClient does by itself."""

    def __init__(self, server: MtprotoServer, transport: type[Connection], dc: int, key: object) -> None:
        client = TelegramClient(MemorySession(), 1, "x")
        self.updates: asyncio.Queue[object] = asyncio.Queue()
        self.sender = MTProtoSender(
            key, loggers=client._log, updates_queue=self.updates, retries=3, delay=0.05, connect_timeout=5
        )
        self._connection = transport(server.host, server.ports[dc], dc, loggers=client._log)

    async def __aenter__(self) -> MTProtoSender:
        await self.sender.connect(self._connection)
        return self.sender

    async def __aexit__(self, *_: object) -> None:
        await self.sender.disconnect()


def peer(
    server: MtprotoServer, transport: type[Connection] = ConnectionTcpFull, *, dc: int = 1, key: object = None
) -> Peer:
    return Peer(server, transport, dc, key)


def say(text: str) -> TLRequest:
    return functions.messages.SendMessageRequest(types.InputPeerSelf(), text, random_id=1)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_every_transport_carries_small_and_large_messages(
    server: MtprotoServer, transport: type[Connection]
) -> None:
    async with peer(server, transport) as sender:
        near = await sender.send(functions.help.GetNearestDcRequest())
        assert near.this_dc == 1
        long = "".join(chr(0x400 + n % 500) for n in range(5_000))
        answer = await sender.send(say(long))
        assert answer.message == long * 100


async def test_each_data_centre_has_a_port_and_keys_of_its_own(server: MtprotoServer) -> None:
    async with peer(server, dc=2) as sender:
        assert (await sender.send(functions.help.GetNearestDcRequest())).this_dc == 2
        key = sender.auth_key
    with pytest.raises((errors.AuthKeyNotFound, ConnectionError)):
        async with peer(server, dc=1, key=key) as sender:
            await sender.send(functions.help.GetNearestDcRequest())


async def test_results_of_every_shape_are_read_by_telethon(server: MtprotoServer) -> None:
    async with peer(server) as sender:
        assert [user.id for user in await sender.send(functions.users.GetUsersRequest([]))] == [7, 8]
        assert await sender.send(functions.upload.SaveFilePartRequest(1, 0, b"\0" * 3000)) is True
        assert await sender.send(functions.upload.SaveFilePartRequest(1, 0, b"")) is False
        with pytest.raises(errors.FloodWaitError) as refused:
            await sender.send(functions.updates.GetStateRequest())
        assert refused.value.seconds == 3


async def test_many_requests_travel_in_one_container_and_are_all_answered(
    server: MtprotoServer, echo: Echo
) -> None:
    async with peer(server) as sender:
        answers = await asyncio.gather(*sender.send([say(f"text {n}") for n in range(90)]))
        assert [answer.message[:8].strip("t") for answer in answers] != []
        assert sorted(echo.done) == sorted(f"text {n}" for n in range(90))


async def test_ordered_requests_are_carried_out_one_after_another(server: MtprotoServer, echo: Echo) -> None:
    async with peer(server) as sender:
        futures = sender.send([say("first"), say("second"), say("third")], ordered=True)
        await asyncio.gather(*futures)
    assert echo.done == ["first", "second", "third"]


async def test_wrappers_are_peeled_off_and_their_facts_known(server: MtprotoServer, echo: Echo) -> None:
    async with peer(server) as sender:
        hello = functions.InitConnectionRequest(
            4711, "model", "system", "version", "en", "", "en", functions.help.GetNearestDcRequest()
        )
        await sender.send(
            functions.InvokeWithLayerRequest(LAYER, functions.InvokeWithoutUpdatesRequest(hello))
        )
    caller = echo.callers[-1]
    assert (caller.layer, caller.api_id, caller.receives_updates) == (LAYER, 4711, False)


async def test_a_key_is_known_after_a_restart_of_the_server(
    server: MtprotoServer, echo: Echo, sandbox_dir: Path
) -> None:
    async with peer(server) as sender:
        await sender.send(functions.help.GetNearestDcRequest())
        key = sender.auth_key
    second = MtprotoServer(echo, sandbox_dir, {1: 0})
    await second.start()
    try:
        async with peer(second, key=key) as sender:
            assert (await sender.send(functions.help.GetNearestDcRequest())).this_dc == 1
    finally:
        await second.stop()


async def test_a_key_that_was_destroyed_is_answered_as_unknown(server: MtprotoServer, echo: Echo) -> None:
    async with peer(server) as sender:
        await sender.send(functions.help.GetNearestDcRequest())
        server.forget(echo.callers[-1].auth_key_id)
        with pytest.raises((errors.AuthKeyNotFound, ConnectionError)):
            await sender.send(functions.help.GetNearestDcRequest())


async def test_an_expired_salt_is_replaced_and_the_request_repeated(server: MtprotoServer) -> None:
    async with peer(server) as sender:
        await sender.send(functions.help.GetNearestDcRequest())
        before = sender._state.salt
        server.renew_salts()
        await sender.send(functions.help.GetNearestDcRequest())
        assert sender._state.salt != before


@pytest.mark.parametrize("offset", [-4000, 4000])
async def test_a_client_with_a_wrong_clock_is_told_and_corrects_it(
    server: MtprotoServer, offset: int
) -> None:
    async with peer(server) as sender:
        sender._state.time_offset = offset
        sender._state._last_msg_id = 0
        assert (await sender.send(functions.help.GetNearestDcRequest())).this_dc == 1
        assert abs(sender._state.time_offset) <= 1


async def test_a_dropped_connection_is_made_again_and_the_request_answered(
    server: MtprotoServer, echo: Echo
) -> None:
    async with peer(server) as sender:
        echo.gate.clear()
        future = sender.send(say("hello"))
        while not echo.callers:
            await asyncio.sleep(0.01)
        server.drop(echo.callers[-1].auth_key_id)
        echo.gate.set()
        assert (await asyncio.wait_for(future, 60)).message.startswith("hello")


async def test_a_cut_line_breaks_before_the_act_and_a_lost_answer_after_it(
    server: MtprotoServer, echo: Echo
) -> None:
    async with peer(server) as sender:
        server.link.cut_before(lambda request: isinstance(request, functions.messages.SendMessageRequest))
        await asyncio.wait_for(sender.send(say("cut")), 60)
        assert echo.done == ["cut"], "the request was acted on although its connection was cut before"
        lost = sender.send(say("lose the answer"))
        while echo.done[-1] != "lose the answer":
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert not lost.done()


async def test_updates_reach_live_sessions_and_no_others(server: MtprotoServer, echo: Echo) -> None:
    listening, deaf = peer(server), peer(server)
    async with listening as sender:
        await sender.send(functions.help.GetNearestDcRequest())
        key = echo.callers[-1].auth_key_id
        async with deaf as other:
            quiet = functions.InvokeWithoutUpdatesRequest(functions.help.GetNearestDcRequest())
            await other.send(quiet)
            assert await server.push(key, types.UpdatesTooLong()) == 1
            assert isinstance(await asyncio.wait_for(listening.updates.get(), 60), types.UpdatesTooLong)
            assert deaf.updates.empty()
    assert await server.push(key, types.UpdatesTooLong()) == 0


async def test_a_message_that_comes_twice_is_carried_out_once(server: MtprotoServer, echo: Echo) -> None:
    async with peer(server) as sender:
        await sender.send(functions.help.GetNearestDcRequest())
        state, body = sender._state, bytes(say("once"))
        packet = struct.pack("<qii", state._get_new_msg_id(), state._get_seq_no(True), len(body)) + body
        for _ in range(3):
            await sender._connection.send(state.encrypt_message_data(packet))
            await asyncio.sleep(0.1)
        assert echo.done == ["once"]


async def test_a_packet_that_is_not_the_keys_closes_the_connection(server: MtprotoServer, echo: Echo) -> None:
    async with peer(server) as sender:
        await sender.send(functions.help.GetNearestDcRequest())
        packet = bytearray(sender._state.encrypt_message_data(b"\0" * 32))
        packet[40] ^= 1
        broken = sender._connection
        await broken.send(bytes(packet))
        for _ in range(200):
            if sender._connection is not broken or not broken._connected:
                break
            await asyncio.sleep(0.01)
        assert (await asyncio.wait_for(sender.send(functions.help.GetNearestDcRequest()), 60)).this_dc == 1
        assert server.link.peak >= 1 and len(echo.callers) == 2


async def test_nonsense_instead_of_a_handshake_closes_only_that_connection(server: MtprotoServer) -> None:
    reader, writer = await asyncio.open_connection(server.host, server.ports[1])
    writer.write(b"GET / HTTP/1.1\r\n\r\n" * 50)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    async with peer(server) as sender:
        assert (await sender.send(functions.help.GetNearestDcRequest())).this_dc == 1


async def test_while_the_server_is_away_nobody_gets_in(server: MtprotoServer) -> None:
    server.link.away = True
    with pytest.raises((ConnectionError, EOFError)):
        async with peer(server) as sender:
            await sender.send(functions.help.GetNearestDcRequest())
    server.link.away = False
    async with peer(server) as sender:
        assert (await sender.send(functions.help.GetNearestDcRequest())).this_dc == 1


async def test_the_line_is_as_far_and_as_narrow_as_it_was_told(server: MtprotoServer) -> None:
    async with peer(server) as sender:
        await sender.send(functions.help.GetNearestDcRequest())
        server.link.rtt = 0.2
        begun = time.monotonic()
        await asyncio.gather(*(sender.send(functions.help.GetNearestDcRequest()) for _ in range(20)))
        # Twenty together take one round trip, not twenty; a line cannot be faster than its length.
        assert 0.2 <= time.monotonic() - begun < 4.0
        server.link.rtt, server.link.bandwidth = 0.0, 1_000_000.0
        begun = time.monotonic()
        parts = [functions.upload.SaveFilePartRequest(1, n, _noise(100_000, n)) for n in range(5)]
        await asyncio.gather(*(sender.send(part) for part in parts))
        assert time.monotonic() - begun >= 0.45


def _noise(size: int, seed: int) -> bytes:
    import random

    return random.Random(seed).randbytes(size)
