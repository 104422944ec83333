"""Starting and stopping, as an owner does it."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.process import environment, start_anew, to_its_end
from tests.files import photo, zip_of
from tests.world import BOT, BOT_ID, TOKEN, World, until
from utils.constants import load_settings
from utils.conversion_state import ConversionStateManager
from utils.errors import SettingsError
from utils.telegram.archive_client import ArchiveBotClient
from utils.terminal.main import FAILED, TRY_LATER, USAGE, run_bot

#: In which a bot that is told to stop has stopped, also beside much else.
SECONDS = 30


async def test_without_settings_every_missing_key_is_named_and_where_it_comes_from(world: World) -> None:
    nothing = environment(world, API_ID="", API_HASH="", AUTHORIZED_USERS="")
    ended = await to_its_end(await start_anew(nothing))
    assert ended.code == 2
    for words in ("API_ID", "API_HASH", "AUTHORIZED_USERS", "my.telegram.org", "secrets.properties.example"):
        assert words in ended.err
    assert "Traceback" not in ended.err
    assert not world.data.exists()


@pytest.mark.parametrize(
    ("changes", "words", "code"),
    [
        ({"BOT_TOKEN": "9:wrong"}, "BOT_TOKEN", USAGE),
        ({"TELEGRAM_SERVER": "127.0.0.1:9"}, "127.0.0.1:9 cannot be reached", TRY_LATER),
        ({"TELEGRAM_SERVER": "no.such.host.invalid:9"}, "no.such.host.invalid:9 cannot", TRY_LATER),
        ({"TELEGRAM_SERVER": "nowhere"}, "host:port", USAGE),
        ({"TELEGRAM_SERVER_KEY": "/no/such/key"}, "TELEGRAM_SERVER_KEY", USAGE),
        ({"TARGET_CHAT": "@nobody_at_all"}, "TARGET_CHAT", USAGE),
        ({"API_ID": "abc"}, "API_ID", USAGE),
    ],
)
async def test_what_is_wrong_at_the_start_is_said_in_one_line(
    world: World, changes: dict[str, str], words: str, code: int
) -> None:
    ended = await to_its_end(await start_anew(environment(world, **changes)))
    assert ended.code == code
    last = ended.err.strip().splitlines()[-1]
    assert last.startswith("❌ ") and words in last
    assert "Traceback" not in ended.err and TOKEN not in ended.err and "9:wrong" not in ended.err


async def test_a_second_bot_on_the_same_folder_is_refused_with_the_firsts_id(world: World) -> None:
    async with world.running():
        pass
    first = await start_anew(environment(world))
    try:
        await until(lambda: "INFO: ✅ Ready" in world.lines()[-3:])
        second = await to_its_end(await start_anew(environment(world)))
        assert second.code == 2
        assert f"already runs as process {first.pid}" in second.err
    finally:
        first.terminate()
        await first.communicate()


async def test_others_on_the_machine_can_read_nothing_that_it_writes(world: World, tmp_path: Path) -> None:
    # Of a version that did not take care.
    world.data.mkdir(mode=0o755)
    world.log.touch(0o644)
    process = await start_anew(environment(world))
    gate = world.sandbox.faults.hold("messages.uploadMedia", when=lambda call: call.user == BOT_ID)
    try:
        await until(lambda: any("Ready" in line for line in world.lines()))
        await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        await gate.reached()
        modes = {}
        for path in (world.log, world.data, *world.data.rglob("*")):
            with suppress(FileNotFoundError):  # what unpacking leaves is gone soon
                modes[path] = path.stat().st_mode
    finally:
        process.kill()
        await process.communicate()
        gate.open()
    names = {path.name for path in modes}
    assert {"bot.log", "intake.jsonl", "journal.jsonl", "files", "bot.session"} <= names
    assert [str(path) for path, mode in modes.items() if mode & (stat.S_IRWXG | stat.S_IRWXO)] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_bot_within_seconds_and_cleanly(world: World, number: signal.Signals) -> None:
    process = await start_anew(environment(world))
    await until(lambda: any("Ready" in line for line in world.lines()))
    process.send_signal(number)
    _, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 0
    assert "Traceback" not in err.decode()


async def test_a_signal_ends_it_also_while_it_logs_in(world: World) -> None:
    gate = world.sandbox.faults.hold("auth.importBotAuthorization", times=None)
    process = await start_anew(environment(world))
    await gate.reached()
    process.terminate()
    await asyncio.wait_for(process.communicate(), SECONDS)
    gate.open()
    assert process.returncode == 0


async def test_a_damaged_state_file_is_set_aside_and_the_bot_starts(world: World, tmp_path: Path) -> None:
    world.data.mkdir()
    (world.data / "conversion_state.json").write_text("{half of it")
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        await world.summary()
    kept = [path for path in (world.data / "quarantine").iterdir() if path.suffix == ".json"]
    assert [path.read_text() for path in kept] == ["{half of it"]
    assert any("State file set aside: conversion_state.json" in line for line in world.lines())


async def test_what_belongs_to_others_is_left_alone(world: World, tmp_path: Path) -> None:
    theirs, film = world.data / "recovery" / "thesis", tmp_path / "film.mov"
    for folder in (theirs, world.data / "recovery" / "5000001_9-000001"):
        folder.mkdir(parents=True)
        (folder / "text").touch()
    film.touch()
    states = ConversionStateManager(state_file=world.data / "conversion_state.json")
    states.save_state(film, "pending", 0, tmp_path / "film.mp4")
    async with world.running():
        pass
    assert [path.name for path in (world.data / "recovery").iterdir()] == ["thesis"]
    assert (theirs / "text").exists() and film.exists()
    assert states.get_stats()["failed"] == 1


@pytest.mark.parametrize("name", ["DATA_DIR", "LOG_FILE"])
def test_a_place_that_can_not_be_written_is_said_in_one_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    values = {"API_ID": "1", "API_HASH": "a", "BOT_TOKEN": "1:a", "AUTHORIZED_USERS": "1"}
    values |= {"DATA_DIR": str(tmp_path / "data"), name: str(tmp_path / "file" / "inside")}
    with pytest.raises(SettingsError, match="cannot be written"):
        run_bot(load_settings(values, tmp_path / "none"))


async def test_what_is_no_job_or_can_not_be_read_does_not_keep_it_from_starting(
    world: World, tmp_path: Path
) -> None:
    jobs = world.data / "jobs"
    unreadable = jobs / "1_1" / "journal.jsonl"
    segment = world.data / "recovery" / "1_1-000001" / "segment"
    for path in (jobs / ".DS_Store", unreadable, segment):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'{"t": "origin"}\n')
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)}))
        await world.summary()
    assert not unreadable.exists() and not segment.exists()
    (kept,) = (world.data / "quarantine").glob("*-1_1/journal.jsonl")
    assert "“origin”" in kept.parent.with_name(f"{kept.parent.name}.reason.txt").read_text()
    assert any("Job 1_1 set aside: a journal holds" in line for line in world.lines())


async def test_the_place_among_the_updates_is_kept_again_after_an_error(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[bool] = []

    async def keep_place(client: ArchiveBotClient) -> None:
        kept.append(True)
        if len(kept) == 1:
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(ArchiveBotClient, "keep_place", keep_place)
    async with world.running():
        await until(lambda: kept)
        await world.person.say(BOT, "/help")
        await until(lambda: len(kept) > 1)


async def test_it_starts_though_telegram_takes_no_commands_now(world: World) -> None:
    world.sandbox.faults.flood("bots.setBotCommands", 3600)
    async with world.running():
        await world.person.say(BOT, "/status")
        await world.wait("nothing to do")


async def test_the_log_in_is_kept_private_and_out_of_the_log(world: World) -> None:
    async with world.running():
        pass
    (session,) = (world.data / "sessions").glob("*.session")
    assert stat.S_IMODE(session.stat().st_mode) == 0o600
    assert not any(TOKEN.partition(":")[2] in line for line in world.lines())


async def test_what_nobody_foresaw_is_a_traceback_in_the_log_and_a_sentence_on_the_terminal(
    world: World,
) -> None:
    breaks = (
        "import sys; from utils.bot import Bot; from utils.terminal.main import main\n"
        "async def serve(*_): raise ZeroDivisionError('nobody foresaw this')\n"
        "Bot._serve = serve; sys.exit(main([]))"
    )
    ended = await to_its_end(await start_anew(environment(world), program=("-c", breaks)))
    assert ended.code == FAILED
    assert ended.err.splitlines()[-1] == f"❌ The bot broke off; why is at the end of {world.log}."
    assert "Traceback" not in ended.err
    assert world.lines()[-1] == "  ZeroDivisionError: nobody foresaw this"
