"""Only one room does each kind of act that has to be done in one way: processes, requests, settings."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from telethon import TelegramClient
from telethon.tl.custom import Message

from tests.rooms.imports import ROOT, sources

PROCESSES = """
    import subprocess, os, asyncio, multiprocessing
    subprocess.run(["x"])
    asyncio.create_subprocess_exec("x")
    asyncio.create_subprocess_shell("x")
    os.execv("x", ["x"])
    os.posix_spawn("x", ["x"], {})
    os.system("x")
    os.popen("x")
    os.fork()
    multiprocessing.Process()
    loop.subprocess_exec(p)
"""
REQUESTS = """
    self._client(request)
    client(request)
    await client.send_file(chat, file)
    await self._client.get_messages(chat)
    await message.get_sender()
    await event.message.reply("x")
    await event.answer()
    message.client
    client._sender.send(request)
"""
SETTINGS = """
    os.environ["A"]
    os.environ.get("A")
    os.getenv("A")
    from os import environ
"""

#: What Telethon's client and messages offer that sends requests, and waits and repeats in its own way.
CONVENIENCES = {
    name
    for kind in (TelegramClient, Message)
    for name in dir(kind)
    if not name.startswith("_") and callable(getattr(kind, name, None))
} - {
    # Words that other things use, too; the rule for calling a client catches most of them.
    *("edit", "delete", "answer", "connect", "disconnect", "action", "start", "from_reader", "to_dict"),
    *("pretty_format", "stringify", "serialize_bytes", "serialize_datetime", "to_json", "log_out", "pin"),
    *("list_event_handlers", "add_event_handler", "set_receive_updates", "is_connected", "is_bot", "clone"),
    *("build_reply_markup", "parse_mode", "unpin", "on", "click", "reply", "respond", "takeout"),
}
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv"}
EVENTS = {"event", "message", "press", "arrival", "replied"}


def calls(node: ast.AST) -> Iterator[tuple[ast.Call, str, str]]:
    """Each call in it with the name that is called and what stands before the dot."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            if isinstance(call.func, ast.Attribute):
                yield call, call.func.attr, ast.unparse(call.func.value)
            else:
                yield call, ast.unparse(call.func), ""


def starts_process(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [getattr(node, "module", "") or "", *(alias.name for alias in node.names)]
            if {"subprocess", "multiprocessing", "pty"} & {name.split(".")[0] for name in names}:
                yield node.lineno
    for call, name, owner in calls(tree):
        spawns = name.startswith(("exec", "fork", "spawn", "posix_spawn")) or name in ("system", "popen")
        if (owner == "os" and spawns) or "subprocess_" in name or owner in ("subprocess", "multiprocessing"):
            yield call.lineno


def sends_request(tree: ast.AST) -> Iterator[int]:
    for call, name, owner in calls(tree):
        is_client = name.lstrip("_") == "client"
        talks = owner.split(".")[-1] in EVENTS and name in ("edit", "delete", "answer", "reply", "respond")
        if is_client or name in CONVENIENCES or talks or (name == "send" and owner.endswith("_sender")):
            yield call.lineno
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ("client", "_client"):
            yield node.lineno


def reads_setting(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os" and node.attr in ENVIRONMENT:
            yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            yield from (node.lineno for alias in node.names if alias.name in ENVIRONMENT)


RULES: dict[str, tuple[Callable[[ast.AST], Iterator[int]], tuple[str, ...], str, str]] = {
    "process": (
        starts_process,
        ("utils/processes/",),
        PROCESSES,
        "starts a process. Use utils/processes, which bounds it, cuts it off and never leaves it behind.",
    ),
    "request": (
        sends_request,
        ("utils/telegram/",),
        REQUESTS,
        "talks to Telegram past the one caller. Give the request to Caller (utils/telegram/waits.py), which "
        "obeys waits and outlives trouble, or add a method to utils/telegram/account.py.",
    ),
    "setting": (
        reads_setting,
        ("utils/constants.py",),
        SETTINGS,
        "reads the environment. Add a setting to utils/constants.py and take it from Settings.",
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_only_one_room_does_it(rule: str) -> None:
    finds, allowed, _, advice = RULES[rule]
    wrong = [
        f"{path.relative_to(ROOT)}:{line} {advice}"
        for path in sources(ROOT, "utils")
        if not str(path.relative_to(ROOT)).startswith(allowed)
        for line in finds(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("rule", RULES)
def test_each_forbidden_act_is_seen(rule: str) -> None:
    finds, _, forbidden, _ = RULES[rule]
    for line in filter(None, map(str.strip, forbidden.splitlines())):
        assert list(finds(ast.parse(line))), f"{line!r} would not be noticed"


#: What decides; each is given what it needs and gives back what is to be done.
PLANNERS = (
    *(
        "jobs/albums",
        "jobs/lines",
        "jobs/codec",
        "jobs/record",
        "jobs/summary",
        "jobs/buttons",
        "jobs/together",
        "jobs/sidecars",
        "media/plan",
        "media/segments",
        "media/geometry",
    ),
    *("telegram/pauses", "pictures/limits", "media/kinds", "archives/names", "archives/volumes"),
)
IO = {"asyncio", "os", "pathlib", "shutil", "subprocess", "socket", "time", "random", "secrets", "aiofiles"}


@pytest.mark.parametrize("planner", PLANNERS)
def test_what_decides_does_no_io(planner: str) -> None:
    tree = ast.parse((ROOT / "utils" / f"{planner}.py").read_text(encoding="utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([getattr(node, "module", None) or ""] if isinstance(node, ast.ImportFrom) else [])
        + [alias.name for alias in node.names if isinstance(node, ast.Import)]
    }
    assert not imported & IO, f"{planner} decides: hand it time, randomness, disk and network as arguments."
    assert not [name for _, name, owner in calls(tree) if name == "open" and not owner]


#: Lines of a file and of a function at most.
FILE_LINES, FUNCTION_LINES = 350, 45


def program() -> list[Path]:
    return list(sources(ROOT, "utils", "sandbox", "demo", "benchmarks"))


def test_no_file_is_longer_than_a_person_reads_at_once() -> None:
    long = [
        f"{path.relative_to(ROOT)} has {lines} lines"
        for path in program()
        if (lines := path.read_text(encoding="utf-8").count("\n")) > FILE_LINES
    ]
    assert not long, (
        "\n".join(long) + f"\nAt most {FILE_LINES}: give the second noun in it a file of its own."
    )


def test_no_function_is_longer_than_a_person_reads_at_once() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {lines} lines"
        for path in program()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    ]
    assert not long, "\n".join(long) + f"\nAt most {FUNCTION_LINES}: name its steps."


def test_few_files_lie_beside_the_rooms() -> None:
    files = sorted(path.name for path in (ROOT / "utils").glob("*.py"))
    assert len(files) <= 7, f"{files}: a new file belongs into a room."
