"""What may become of a file: torn, overwritten, from a program that wrote other things."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: What no version of the program wrote where it is put.
ODD: tuple[Any, ...] = (
    *(
        None,
        True,
        -1,
        0,
        10**400,
        1e308,
        float("inf"),
        float("nan"),
        "",
        "\ud800",
        "\0",
        "x" * 5000,
        "../../x",
    ),
    *([], {}, [[]], [None], {"version": 99}, [10**30]),
)


def damage(path: Path, dice: random.Random) -> str:
    """Damage the file ``path`` in one way; returns which."""
    ways: list[Callable[[bytes, random.Random], bytes]] = [_torn, _flipped, _garbage, _zeros, _deep, _lines]
    if path.suffix in (".json", ".jsonl"):
        ways += [_odd] * 6
    if dice.random() < 0.05:
        path.unlink()
        path.mkdir()
        return "a folder"
    way = dice.choice(ways)
    path.write_bytes(way(path.read_bytes(), dice))
    return way.__name__


def _torn(content: bytes, dice: random.Random) -> bytes:
    return content[: dice.randrange(len(content) + 1)]


def _flipped(content: bytes, dice: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(dice.randint(1, 20)):
        if changed:
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def _garbage(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content) + 1)
    return content[:at] + dice.randbytes(dice.randint(1, 300)) + content[at:]


def _zeros(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content) + 1)
    return content[:at] + bytes(len(content) - at)


def _deep(content: bytes, dice: random.Random) -> bytes:
    return dice.choice([b"[", b'{"t":']) * 100_000 + dice.choice([b"", b"\n"]) + content


def _lines(content: bytes, dice: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    dice.shuffle(lines)
    return b"".join(lines[: dice.randint(0, len(lines))] * dice.randint(1, 2))


def _odd(content: bytes, dice: random.Random) -> bytes:
    """One value in the JSON is another."""
    lines = content.splitlines() if b'\n{"' in content else [content]
    at = dice.randrange(len(lines))
    value: Any = json.loads(lines[at] or b"{}")
    holder: Any = {"all": value}
    place: Any = "all"
    while isinstance(holder[place], dict | list) and holder[place] and dice.random() < 0.8:
        holder = holder[place]
        place = dice.choice(list(holder)) if isinstance(holder, dict) else dice.randrange(len(holder))
    odd = dice.choice(ODD)
    if place == "all":
        value = odd
    else:
        holder[place] = odd
    lines[at] = json.dumps(value).encode()
    return b"\n".join(lines) + b"\n"
