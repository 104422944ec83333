"""What no program may do that a stranger's file took over, tried by some that stand in for the real ones."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.children import marked, until_marked
from tests.fake_tools import script
from utils.archives import engine
from utils.archives.engine import Run
from utils.archives.scratch import Scratch
from utils.media.tools import Tools
from utils.processes.confinement import Confinement
from utils.processes.supervisor import run
from utils.processes.system import Isolation, isolation

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux has what this is about")

#: Tries everything that is in ``tries``; prints the names of what worked, as JSON. ``place`` is filled in.
ATTACK = """
import ctypes, json, os, signal, socket, sys, time

place = {place!r}
libc = ctypes.CDLL(None, use_errno=True)

def connect(kind, family, address):
    with socket.socket(family, kind) as made:
        made.connect(address)
        made.send(b"x")

def trace():
    seize, detach = 0x4206, 17
    if libc.ptrace(seize, place["bot"], None, None):
        raise OSError(ctypes.get_errno())

def environment_of_the_bot():
    assert b"PATH" in open("/proc/%d/environ" % place["bot"], "rb").read()

def token():
    assert "4242" in json.dumps(dict(os.environ))

tries = {{
    "the settings": lambda: open(place["settings"]).read(),
    "the log-in": lambda: open(place["log-in"], "rb").read(),
    "another job's file": lambda: open(place["other job"], "rb").read(),
    "the home folder": lambda: os.listdir(place["home"]),
    "the users of the machine": lambda: open("/etc/passwd").read(),
    "write elsewhere": lambda: open(place["elsewhere"], "w").write("x"),
    "write its input": lambda: open(place["input"], "r+b").write(b"x"),
    "TCP": lambda: connect(socket.SOCK_STREAM, socket.AF_INET, ("127.0.0.1", place["tcp"])),
    "UDP": lambda: connect(socket.SOCK_DGRAM, socket.AF_INET, ("127.0.0.1", place["udp"])),
    "a socket with a name": lambda: connect(socket.SOCK_STREAM, socket.AF_UNIX, place["socket"]),
    "the token in the environment": token,
    "the bot's environment": environment_of_the_bot,
    "trace the bot": trace,
    "a signal to the bot": lambda: os.kill(place["bot"], 0),
}}
worked = []
for name, attempt in tries.items():
    try:
        attempt()
        worked.append(name)
    except (OSError, AssertionError):
        pass
# What it is there for has to work.
open(place["input"], "rb").read()
if not os.fork():
    os.setsid()
    if os.fork():
        os._exit(0)
    os.dup2(os.open("/dev/null", os.O_RDWR), 1)
    os.dup2(1, 2)
    time.sleep(60)
print(json.dumps(worked), flush=True)
"""
#: Of these only a user namespace or Landlock keeps it.
OF_FILES = {
    *("the settings", "the log-in", "another job's file", "the home folder", "the users of the machine"),
    *("write elsewhere", "write its input", "the bot's environment"),
}
OF_THE_NETWORK = {"TCP", "UDP", "a socket with a name"}
ALL = {
    *(*OF_FILES, *OF_THE_NETWORK, "the token in the environment", "trace the bot", "a signal to the bot"),
}


@dataclass(frozen=True)
class Bot:
    """A place in which a bot works, with what a child might want there; ``program`` is the child."""

    program: Path
    input: Path
    scratch: Scratch
    mark: str


@pytest.fixture
def bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bot]:
    """The bot is this process."""
    scratch = Scratch(tmp_path / "data" / "jobs" / "1")
    files = {
        "settings": tmp_path / "secrets.properties",
        "log-in": tmp_path / "data" / "sessions" / "bot.session",
        "other job": tmp_path / "data" / "jobs" / "2" / "files" / "1",
        "input": scratch.folder / "1",
    }
    for path in files.values():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("4242:secret")
    monkeypatch.setenv("BOT_TOKEN", "4242:a-token-that-nobody-may-see")
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        named = stack.enter_context(socket.socket(socket.AF_UNIX))
        named.bind(f"{os.path.relpath(tmp_path)}/s")
        named.listen()
        place = {
            **{name: str(path) for name, path in files.items()},
            "home": str(Path.home()),
            "elsewhere": str(tmp_path / "data" / "elsewhere"),
            "socket": str(tmp_path / "s"),
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "bot": os.getpid(),
        }
        program = script(tmp_path / "tools" / "program", ATTACK.format(place=place))
        yield Bot(program, files["input"], scratch, str(tmp_path / "tools"))
        for process in marked(str(tmp_path / "tools")):
            os.kill(process, 9)


async def as_ffprobe(bot: Bot) -> bytes:
    return (await Tools(ffprobe=str(bot.program)).describe(["-i", f"file:{bot.input}"])).output


async def as_ffmpeg(bot: Bot) -> bytes:
    tools = Tools(ffmpeg=str(bot.program))
    output = bot.input.with_name("output")
    arguments = ["-i", f"file:{bot.input}", "-f", "mp4", f"file:{output}"]
    # What it writes on standard output are lines of its progress; so it says what it has found in its output.
    text = bot.program.read_text() + f'open({str(output)!r}, "w").write(json.dumps(worked))\n'
    bot.program.write_text(text)
    await tools.convert(arguments, within=60, file_bytes=1 << 20)
    return output.read_bytes()


async def as_seven_zip(bot: Bot) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "find_engine", lambda: bot.program)
        program = await Run.start(("l", str(bot.input)), scratch=bot.scratch, standstill=30)
    try:
        said = b""
        while data := await program.read():
            said += data
        return said
    finally:
        await program.kill()


PROGRAMS = [as_ffprobe, as_ffmpeg, as_seven_zip]


@pytest.mark.parametrize("start", PROGRAMS, ids=lambda start: start.__name__)
async def test_it_can_do_nothing_of_it_and_is_gone_afterwards(
    bot: Bot, start: Callable[[Bot], Awaitable[bytes]]
) -> None:
    if isolation().landlock < 6 or not isolation().processes or not isolation().seccomp:
        pytest.skip("this system does not have all of it")
    assert json.loads(await start(bot)) == []
    assert not marked(bot.mark), "it left something behind"


def test_without_any_of_this_it_can_do_all_of_it(bot: Bot) -> None:
    """So the test above does not pass by accident."""
    said = subprocess.run([str(bot.program)], stdout=subprocess.PIPE, check=True).stdout
    assert set(json.loads(said)) == ALL
    assert marked(bot.mark)


@pytest.mark.parametrize(
    ("without", "possible"),
    [
        ({"unshare": 0}, set()),
        ({"seccomp": False}, {"a socket with a name"}),
        ({"seccomp": False, "unshare": 0}, {"a socket with a name", "UDP"}),
        ({"landlock": 0}, OF_FILES - {"the bot's environment"}),
    ],
    ids=["no namespaces", "no filter", "only Landlock", "no Landlock"],
)
async def test_what_a_system_lacks_opens_no_more_than_that(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, without: dict[str, Any], possible: set[str]
) -> None:
    if isolation().landlock < 6 or not isolation().processes or not isolation().seccomp:
        pytest.skip("this system does not have all of it")
    monkeypatch.setattr("utils.processes.child.isolation", lambda: replace(isolation(), **without))
    confinement = Confinement(None, reads=(bot.input,))
    outcome = await run([str(bot.program)], confinement=confinement, within=60)
    assert set(json.loads(outcome.output)) == possible


async def test_where_a_system_has_nothing_the_environment_is_still_not_its(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utils.processes.child.isolation", Isolation)
    outcome = await run([str(bot.program)], confinement=Confinement(None), within=60)
    assert set(json.loads(outcome.output)) == ALL - {"the token in the environment"}


async def test_what_it_left_behind_ends_with_a_bot_that_is_killed(bot: Bot) -> None:
    if not isolation().processes:
        pytest.skip("needs a process namespace")
    code = f"""
import asyncio
from utils.processes.child import Child
from utils.processes.confinement import Confinement

READS = ({str(bot.input)!r},)

async def main():
    child = await Child.start([{str(bot.program)!r}], confinement=Confinement(None, reads=READS))
    print(await child.read(), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    bot.program.write_text(bot.program.read_text() + "time.sleep(60)\n")
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as killed:
        assert killed.stdout is not None
        await asyncio.to_thread(killed.stdout.readline)
        assert len(marked(bot.mark)) >= 2
        killed.kill()
    await until_marked(bot.mark, there=False)
