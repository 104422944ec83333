"""What the doctor says of Telegram is what a start would meet, and it leaves the log-in as it is."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox import Sandbox
from sandbox.rpc import RpcError
from tests.relay import Leads, relay_to
from tests.transport import TOKEN, settings_for
from utils.constants import Settings
from utils.diagnostics import server
from utils.diagnostics.check import Check, Level
from utils.diagnostics.server import check_server
from utils.errors import LoginFailed
from utils.storage.lock import InstanceLock
from utils.telegram.client import build_client, login

BOT_ID = int(TOKEN.partition(":")[0])
WRONG = TOKEN + "-and-more"


@pytest.fixture
async def sandbox(tmp_path: Path, server_key: Path) -> AsyncIterator[Sandbox]:
    shutil.copytree(server_key, tmp_path / "telegram")
    async with Sandbox(tmp_path / "telegram") as running:
        await running.add_bot(TOKEN, "archive_bot", "Archive bot")
        yield running


@pytest.fixture
def settings(sandbox: Sandbox, tmp_path: Path) -> Settings:
    return replace(settings_for(sandbox), DATA_DIR=str(tmp_path / "data"))


def session_of(settings: Settings) -> Path:
    return settings.path("DATA_DIR") / "sessions" / "bot.session"


def snapshot(folder: Path) -> dict[Path, tuple[int, bytes]]:
    """Every path below ``folder`` with its time of change and its content."""
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    }


async def checked(settings: Settings, **changes: object) -> list[Check]:
    """What is found; the data folder is as it was."""
    changed: Settings = replace(settings, **changes)  # type: ignore[arg-type]
    before = snapshot(settings.path("DATA_DIR"))
    found = await asyncio.to_thread(lambda: list(check_server(changed)))
    assert snapshot(settings.path("DATA_DIR")) == before
    return found


async def log_in(settings: Settings) -> None:
    client = build_client(settings, session_of(settings))
    await login(client, settings)
    await client.disconnect()


async def test_a_session_of_a_start_that_failed_says_nothing_of_the_token(
    settings: Settings, sandbox: Sandbox
) -> None:
    with pytest.raises(LoginFailed):
        await log_in(replace(settings, BOT_TOKEN=WRONG))
    (failed,) = await checked(settings, BOT_TOKEN=WRONG)
    assert failed.level is Level.FAIL and "does not know this BOT_TOKEN" in failed.found
    (fine,) = await checked(settings)
    assert (fine.level, fine.found) == (Level.OK, "answers; the token is that of @archive_bot")
    assert len(sandbox.faults.called("auth.logOut")) == 1


async def test_a_log_in_is_used_as_it_is_and_lasts(settings: Settings, sandbox: Sandbox) -> None:
    await log_in(settings)
    (fine,) = await checked(settings)
    assert fine.found == "answers; it is logged in as @archive_bot"
    _, target = await checked(settings, TARGET_CHAT="@nobody_at_all")
    assert target.level is Level.FAIL and "@nobody_at_all cannot be found" in target.found
    _, target = await checked(settings, TARGET_CHAT="@archive_bot")
    assert (target.level, target.found) == (Level.OK, "@archive_bot is there")
    (other,) = await checked(settings, BOT_TOKEN="4343:of-somebody-else")
    assert other.level is Level.FAIL
    assert f"{session_of(settings)} is logged in as another account" in other.found
    await log_in(settings)
    assert len(sandbox.faults.called("auth.importBotAuthorization")) == 1
    assert not sandbox.faults.called("auth.logOut")


async def test_a_log_in_that_was_ended_is_tried_anew_by_the_token(
    settings: Settings, sandbox: Sandbox
) -> None:
    await log_in(settings)
    sandbox.faults.unregister(BOT_ID)
    (fine,) = await checked(settings)
    assert fine.found == "answers; the token is that of @archive_bot"
    (failed,) = await checked(settings, BOT_TOKEN="")
    assert failed.level is Level.FAIL and "nobody can be asked" in failed.found


async def test_the_log_in_of_a_bot_that_runs_is_not_touched(settings: Settings, sandbox: Sandbox) -> None:
    await log_in(settings)
    asked = len(sandbox.faults.called("users.getUsers", BOT_ID))
    with InstanceLock(settings.path("DATA_DIR")):
        (fine,) = await checked(settings)
    assert fine.found == "answers as data centre 1"
    assert len(sandbox.faults.called("users.getUsers", BOT_ID)) == asked


async def test_where_nobody_is_logged_in_yet_a_person_has_to(settings: Settings) -> None:
    fine, log_in = await checked(settings, BOT_TOKEN="")
    assert fine.found == "answers as data centre 1"
    assert (log_in.level, log_in.found) == (Level.WARN, "nobody is logged in yet")


async def test_number_and_hash_that_telegram_does_not_take(settings: Settings, sandbox: Sandbox) -> None:
    sandbox.faults.fail("auth.importBotAuthorization", RpcError(400, "API_ID_INVALID"))
    (failed,) = await checked(settings)
    assert failed.level is Level.FAIL and "API_ID and API_HASH do not belong together" in failed.found


@pytest.mark.parametrize("leads", [Leads.SILENT, Leads.PORTAL, Leads.NOWHERE])
@pytest.mark.parametrize("known", [False, True])
async def test_who_is_no_telegram_server_is_a_line(
    settings: Settings, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, leads: Leads, known: bool
) -> None:
    monkeypatch.setattr(server, "PATIENCE", 0.5)
    async with relay_to(sandbox.address) as relay:
        settings = replace(settings, TELEGRAM_SERVER=relay.address)
        if known:
            await log_in(settings)
        relay.lead(leads)
        (failed,) = await checked(settings)
    assert failed.level is Level.FAIL
    assert "answer" in failed.found or "cannot be reached" in failed.found
