"""Messages: what is refused and how, messages about messages, and how answers are packed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from telethon.tl import functions, types
from telethon.tl.core import GzipPacked, MessageContainer, RpcResult

from sandbox.mtproto import MtprotoServer

from .mtproto_client import LOCATION, NEAREST, Echo, Raw, answer_of, raw, say


@pytest.fixture
async def client(server: MtprotoServer) -> AsyncIterator[Raw]:
    async with raw(server) as client:
        yield client


async def refusal(client: Raw) -> int:
    code: int = (await client.hear(types.BadMsgNotification)).it.error_code
    return code


@pytest.mark.parametrize(("seconds", "code"), [(-400, 16), (60, 17)])
async def test_a_message_from_another_time_is_refused(client: Raw, seconds: int, code: int) -> None:
    await client.say(NEAREST, msg_id=int(time.time() + seconds) << 32)
    assert await refusal(client) == code


async def test_a_message_id_that_four_does_not_divide_is_refused(client: Raw, echo: Echo) -> None:
    served = len(echo.callers)
    await client.say(NEAREST, msg_id=client.state._get_new_msg_id() + 1)
    assert await refusal(client) == 18
    assert len(echo.callers) == served


async def test_a_number_lower_than_an_earlier_messages_is_refused(client: Raw) -> None:
    await client.ask(NEAREST, seqno=21)
    await client.say(NEAREST, seqno=21)
    assert await refusal(client) == 32
    await client.say(NEAREST, seqno=11)
    assert await refusal(client) == 32
    assert isinstance(await client.ask(NEAREST, seqno=23), types.NearestDc)


async def test_a_number_higher_than_a_later_messages_is_refused(client: Raw) -> None:
    earlier, later = client.state._get_new_msg_id(), client.state._get_new_msg_id()
    await client.ask(NEAREST, msg_id=later, seqno=21)
    await client.say(NEAREST, msg_id=earlier, seqno=23)
    assert await refusal(client) == 33


async def test_requests_have_odd_numbers_and_acknowledgements_and_containers_even_ones(client: Raw) -> None:
    await client.say(NEAREST, seqno=40)
    assert await refusal(client) == 35
    await client.say(types.MsgsAck([5]), seqno=41)
    assert await refusal(client) == 34
    await client.container(seqno=43)
    assert await refusal(client) == 34


async def test_a_container_that_is_older_than_its_messages_is_refused(client: Raw) -> None:
    later = client.state._get_new_msg_id() + (1 << 32)
    await client.container((later, 51, bytes(NEAREST)))
    assert await refusal(client) == 64


async def test_a_wrong_salt_is_answered_with_the_right_one(client: Raw, echo: Echo) -> None:
    served = len(echo.callers)
    msg_id = await client.say(NEAREST, salt=client.state.salt + 1)
    bad = (await client.hear(types.BadServerSalt)).it
    assert (bad.bad_msg_id, bad.error_code, bad.new_server_salt) == (msg_id, 48, client.state.salt)
    assert len(echo.callers) == served


async def test_the_salts_of_the_future_are_told_and_valid_when_their_time_has_come(
    server: MtprotoServer,
) -> None:
    now = time.time()
    server._clock = lambda: now
    async with raw(server) as client:
        await client.say(functions.GetFutureSaltsRequest(3))
        future = (await client.hear(types.FutureSalts)).it
        assert [salt.salt for salt in future.salts][0] == client.state.salt
        assert len({salt.salt for salt in future.salts}) == 3
        client.state.salt = future.salts[1].salt
        client.state.time_offset = 1800
        for session in server._sessions.values():
            session._clock = lambda: now + 1800
        server._clock = lambda: now + 1800
        assert isinstance(await client.ask(NEAREST), types.NearestDc)


async def test_a_session_is_announced_once_to_the_client_and_to_the_api(
    server: MtprotoServer, echo: Echo
) -> None:
    async with raw(server, greet=False) as client:
        await client.say(functions.PingRequest(1))
        client.state.salt = (await client.hear(types.BadServerSalt)).it.new_server_salt
        assert echo.opened == []
        msg_id = await client.say(functions.InvokeWithLayerRequest(99, NEAREST))
        created = (await client.hear(types.NewSessionCreated)).it
        assert (created.first_msg_id, created.server_salt) == (msg_id, client.state.salt)
        await client.say(NEAREST)
        assert await client.silence(types.NewSessionCreated)
    assert [caller.layer for caller in echo.opened] == [99]


async def test_a_ping_is_answered_by_a_pong(client: Raw) -> None:
    msg_id = await client.say(functions.PingRequest(77))
    pong = (await client.hear(types.Pong)).it
    assert (pong.msg_id, pong.ping_id) == (msg_id, 77)


async def test_a_ping_that_says_when_to_hang_up_is_obeyed(client: Raw) -> None:
    await client.say(functions.PingDelayDisconnectRequest(7, 1))
    await client.hear(types.Pong)
    with pytest.raises((ConnectionError, EOFError)):
        await client.hear(types.Pong)


async def test_a_request_that_takes_long_is_acknowledged_and_a_quick_one_is_not(
    client: Raw, echo: Echo
) -> None:
    echo.gate.clear()
    await client.ask(NEAREST)
    slow = await client.say(say("slow"))
    assert (await client.hear(types.MsgsAck)).it.msg_ids == [slow]
    echo.gate.set()
    await client.hear(RpcResult)


async def test_the_state_of_messages_is_told(client: Raw, echo: Echo) -> None:
    answered = await client.say(NEAREST)
    await client.hear(RpcResult)
    echo.gate.clear()
    running = await client.say(say("slow"))
    await client.say(types.MsgsStateReq([answered, running, answered + 4, 4]))
    info = (await client.hear(types.MsgsStateInfo)).it
    assert [ord(state) for state in info.info] == [4 | 64, 4 | 32, 2, 1]


async def test_a_message_is_sent_again_when_asked_for(client: Raw) -> None:
    await client.say(NEAREST)
    first = await client.hear(RpcResult)
    await client.say(types.MsgResendReq([first.id]))
    client.state._recent_remote_ids.clear()
    again = await client.hear(RpcResult)
    assert (again.id, again.it.req_msg_id) == (first.id, first.it.req_msg_id)


async def test_small_answers_that_are_ready_together_travel_together(client: Raw) -> None:
    items = [
        (client.state._get_new_msg_id(), client.state._get_seq_no(True), bytes(NEAREST)) for _ in range(5)
    ]
    await client.container(*items)
    for msg_id, _, _ in items:
        assert (await client.hear(RpcResult)).it.req_msg_id == msg_id
    assert any(isinstance(packet, MessageContainer) for packet in client.packets[-2:])


async def test_a_packed_request_is_unpacked(client: Raw) -> None:
    request = say("x" * 5000)
    msg_id = client.state._get_new_msg_id()
    await client.raw(bytes(GzipPacked(bytes(request))), msg_id, client.state._get_seq_no(True))
    assert answer_of((await client.hear(RpcResult)).it, request).message == "x" * 5000


async def test_a_long_answer_is_packed_but_a_files_bytes_are_not(server: MtprotoServer, client: Raw) -> None:
    before = server.link.bytes_out
    assert (await client.ask(say("x" * 30_000))).message == "x" * 30_000
    assert server.link.bytes_out - before < 3_000
    before = server.link.bytes_out
    file = await client.ask(functions.upload.GetFileRequest(LOCATION, 0, 65536))
    assert file.bytes == bytes(65536)
    assert server.link.bytes_out - before > 65536


async def test_what_cannot_be_read_is_refused_and_the_session_goes_on(client: Raw) -> None:
    for body in (b"\1\2\3\4", bytes(say("cut short"))[:16], bytes(types.UserEmpty(1))):
        await client.raw(body, client.state._get_new_msg_id(), client.state._get_seq_no(True))
        assert (await client.hear(RpcResult)).it.error.error_message == "INPUT_METHOD_INVALID"
    assert isinstance(await client.ask(NEAREST), types.NearestDc)


async def test_a_mistake_in_the_api_is_an_error_500(client: Raw, caplog: pytest.LogCaptureFixture) -> None:
    error = await client.ask(say("broken"))
    assert (error.error_code, "a mistake in the API" in caplog.text) == (500, True)


async def test_another_session_is_destroyed_but_not_ones_own(server: MtprotoServer, client: Raw) -> None:
    async with raw(server, client.state.auth_key) as other:
        pass
    await client.say(functions.DestroySessionRequest(other.state.id))
    assert (await client.hear(types.DestroySessionOk)).it.session_id == other.state.id
    await client.say(functions.DestroySessionRequest(client.state.id))
    assert (await client.hear(types.DestroySessionNone)).it.session_id == client.state.id


async def test_a_dropped_answer_does_not_come_but_the_act_is_done(client: Raw, echo: Echo) -> None:
    echo.gate.clear()
    slow = await client.say(say("slow"))
    dropped = await client.ask(functions.RpcDropAnswerRequest(slow))
    assert isinstance(dropped, types.RpcAnswerDroppedRunning)
    echo.gate.set()
    assert await client.silence(RpcResult)
    assert echo.said == ["slow"]


async def test_a_request_after_one_that_failed_is_not_carried_out(client: Raw, echo: Echo) -> None:
    first = await client.say(say("no"))
    second = say("yes")
    await client.hear(RpcResult)
    error = await client.ask(functions.InvokeAfterMsgRequest(first, second))
    assert (error.error_message, echo.said) == ("MSG_WAIT_FAILED", ["no"])


async def test_wrappers_within_wrappers_are_peeled_and_their_facts_remembered(
    client: Raw, echo: Echo
) -> None:
    first = await client.say(say("first"))
    await client.hear(RpcResult)
    inner = functions.InvokeWithTakeoutRequest(5, functions.InvokeAfterMsgsRequest([first], say("inner")))
    span = types.MessageRange(1, 2)
    hello = functions.InitConnectionRequest(
        9, "m", "s", "v", "en", "", "en", functions.InvokeWithMessagesRangeRequest(span, inner)
    )
    await client.ask(functions.InvokeWithLayerRequest(200, hello))
    await client.ask(NEAREST)
    caller = echo.callers[-1]
    assert echo.said == ["first", "inner"]
    assert (caller.layer, caller.api_id, caller.receives_updates, caller.dc_id) == (200, 9, True, 1)
    assert caller.address.startswith("127.0.0.1:")


async def test_a_slow_request_does_not_hold_up_others(client: Raw, echo: Echo) -> None:
    echo.gate.clear()
    slow = await client.say(say("slow"))
    assert isinstance(await client.ask(NEAREST), types.NearestDc)
    echo.gate.set()
    assert (await client.hear(RpcResult)).it.req_msg_id == slow


async def test_no_more_requests_are_taken_in_than_are_allowed_to_run(
    server: MtprotoServer, client: Raw, echo: Echo
) -> None:
    echo.gate.clear()
    for number in range(300):
        await client.say(say(str(number)))
    for _ in range(50):
        await asyncio.sleep(0.01)
    assert 200 <= server.link.requests["SendMessageRequest"] < 300
    echo.gate.set()
    for _ in range(300):
        await client.hear(RpcResult)
    assert len(echo.said) == 300
