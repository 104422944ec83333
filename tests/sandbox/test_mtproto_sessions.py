"""Sessions across connections: nothing is done twice, nothing that was not acknowledged is lost."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from telethon.tl import functions, types
from telethon.tl.core import RpcResult

from sandbox.mtproto import MtprotoServer

from .mtproto_client import LOCATION, NEAREST, Echo, Raw, answer_of, raw, say


def again(server: MtprotoServer, client: Raw) -> AbstractAsyncContextManager[Raw]:
    """The same session on another connection."""
    return raw(server, client.state.auth_key, session=client.state.id, greet=False)


async def gone(server: MtprotoServer, connections: int = 0) -> None:
    """Waits until the server has noticed that connections ended."""
    async with asyncio.timeout(60):
        while server.link.open > connections:
            await asyncio.sleep(0.01)


async def test_an_answer_that_was_not_acknowledged_comes_again_on_the_next_connection(
    server: MtprotoServer, echo: Echo
) -> None:
    async with raw(server) as client:
        msg_id = await client.say(say("hello"))
        first = await client.hear(RpcResult)
    await gone(server)
    async with again(server, client) as back:
        back.state.salt = client.state.salt
        await back.say(types.MsgsAck([4]))
        got = [await back.hear(RpcResult) for _ in range(2)]
        assert [first.id, msg_id] in [[one.id, one.it.req_msg_id] for one in got]
    assert echo.said == ["hello"]


async def test_an_acknowledged_answer_does_not_come_again(server: MtprotoServer) -> None:
    async with raw(server) as client:
        await client.say(say("hello"))
        answer = await client.hear(RpcResult)
        await client.say(types.MsgsAck(list(range(answer.id - 8, answer.id + 1)) + _ids(server)))
        await client.say(functions.PingRequest(1))
        await client.hear(types.Pong)
    await gone(server)
    async with again(server, client) as back:
        back.state.salt = client.state.salt
        await back.say(functions.PingRequest(2))
        assert await back.silence(RpcResult)


def _ids(server: MtprotoServer) -> list[int]:
    """All that the server waits for."""
    return [msg_id for session in server._sessions.values() for msg_id in session._unacked.sent]


async def test_an_answer_that_got_ready_while_the_client_was_away_reaches_it(
    server: MtprotoServer, echo: Echo
) -> None:
    echo.gate.clear()
    async with raw(server) as client:
        msg_id = await client.say(say("slow"))
        await client.hear(types.MsgsAck)
    await gone(server)
    echo.gate.set()
    async with again(server, client) as back:
        back.state.salt = client.state.salt
        await back.say(types.MsgsAck([4]))
        ids = [(await back.hear(RpcResult)).it.req_msg_id for _ in range(2)]
        assert msg_id in ids
    assert echo.said == ["slow"]


async def test_a_repeated_message_is_answered_from_memory(server: MtprotoServer, echo: Echo) -> None:
    async with raw(server) as client:
        request, number = say("once"), client.state._get_seq_no(True)
        msg_id = await client.say(request, seqno=number)
        first = await client.hear(RpcResult)
        await client.say(types.MsgsAck([first.id]))
        client.state._recent_remote_ids.clear()
        await client.say(request, msg_id=msg_id, seqno=number)
        assert answer_of((await client.hear(RpcResult)).it, request).message == "once"
    assert (echo.said, server.link.repeats) == (["once"], 1)


async def test_a_message_that_is_repeated_on_another_connection_while_it_runs_is_answered_there(
    server: MtprotoServer, echo: Echo
) -> None:
    echo.gate.clear()
    async with raw(server) as client:
        request, number = say("once"), client.state._get_seq_no(True)
        msg_id = await client.say(request, seqno=number)
        await client.hear(types.MsgsAck)
        server.drop(echo.callers[-1].auth_key_id)
    await gone(server)
    async with again(server, client) as back:
        back.state.salt = client.state.salt
        await back.say(request, msg_id=msg_id, seqno=number)
        echo.gate.set()
        while (await back.hear(RpcResult)).it.req_msg_id != msg_id:
            pass
        assert await back.silence(RpcResult)
    assert echo.said == ["once"]


async def test_repeats_inside_a_newer_container_count_as_repeats(server: MtprotoServer, echo: Echo) -> None:
    async with raw(server) as client:
        item = (client.state._get_new_msg_id(), client.state._get_seq_no(True), bytes(say("once")))
        for _ in range(2):
            await client.container(item)
            client.state._recent_remote_ids.clear()
            assert (await client.hear(RpcResult)).it.req_msg_id == item[0]
    assert echo.said == ["once"]


async def test_large_answers_are_not_kept_once_acknowledged(server: MtprotoServer) -> None:
    async with raw(server) as client:
        request = functions.upload.GetFileRequest(LOCATION, 0, 1 << 20)
        for _ in range(8):
            await client.say(request)
            answer = await client.hear(RpcResult)
            await client.say(types.MsgsAck([answer.id]))
        await client.ask(NEAREST)
        session = next(iter(server._sessions.values()))
        assert session._unacked.size + session._answers.size < 1 << 20


async def test_an_update_reaches_every_interested_session_and_is_repeated_until_acknowledged(
    server: MtprotoServer, echo: Echo
) -> None:
    async with raw(server) as client:
        async with raw(server, client.state.auth_key) as second:
            assert await server.push(echo.callers[-1].auth_key_id, types.UpdatesTooLong()) == 2
            await second.hear(types.UpdatesTooLong)
        first = await client.hear(types.UpdatesTooLong)
        assert (first.id % 4, first.seqno % 2) == (3, 1)
    await gone(server)
    assert await server.push(echo.callers[-1].auth_key_id, types.UpdatesTooLong()) == 0
    async with again(server, client) as back:
        back.state.salt = client.state.salt
        await back.say(types.MsgsAck([4]))
        assert (await back.hear(types.UpdatesTooLong)).id == first.id


async def test_sessions_that_only_move_files_get_no_updates(server: MtprotoServer, echo: Echo) -> None:
    async with raw(server) as client, raw(server, client.state.auth_key, greet=False) as files:
        files.state.salt = client.state.salt
        await files.ask(functions.upload.GetFileRequest(LOCATION, 0, 4096))
        assert await server.push(echo.callers[-1].auth_key_id, types.UpdatesTooLong()) == 1


async def test_a_forgotten_key_is_answered_with_404_at_once_and_after_a_restart(
    server: MtprotoServer, sandbox_dir: Path, echo: Echo
) -> None:
    async with raw(server) as client:
        server.forget(echo.callers[-1].auth_key_id)
        with pytest.raises((ConnectionError, EOFError)):
            await client.connection.recv()
    async with raw(server, client.state.auth_key, greet=False) as back:
        await back.say(NEAREST)
        assert await back.connection.recv() == (-404).to_bytes(4, "little", signed=True)
    await server.stop()
    second = MtprotoServer(echo, sandbox_dir, {1: 0})
    await second.start()
    async with raw(second, client.state.auth_key, greet=False) as back:
        await back.say(NEAREST)
        assert await back.connection.recv() == (-404).to_bytes(4, "little", signed=True)
    await second.stop()


async def test_a_key_survives_a_restart_on_its_own_data_centre_only(
    server: MtprotoServer, sandbox_dir: Path, echo: Echo
) -> None:
    async with raw(server) as client:
        pass
    ports = server.ports
    await server.stop()
    second = MtprotoServer(echo, sandbox_dir, ports)
    await second.start()
    assert second.ports == ports
    async with raw(second, client.state.auth_key, session=client.state.id) as back:
        assert (await back.ask(NEAREST)).this_dc == 1
    second.ports[1] = second.ports[2]
    async with raw(second, client.state.auth_key, greet=False) as abroad:
        await abroad.say(NEAREST)
        assert await abroad.connection.recv() == (-404).to_bytes(4, "little", signed=True)
    await second.stop()


async def test_stopping_ends_requests_that_run_and_frees_the_ports(
    server: MtprotoServer, sandbox_dir: Path, echo: Echo
) -> None:
    echo.gate.clear()
    async with raw(server) as client:
        await client.say(say("for ever"))
        await client.hear(types.MsgsAck)
        ports = dict(server.ports)
        await asyncio.wait_for(server.stop(), 60)
    second = MtprotoServer(echo, sandbox_dir, ports)
    await second.start()
    await second.stop()
    assert echo.said == []
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in others if "sandbox/mtproto" in repr(task)]
