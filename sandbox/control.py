"""The fault script for a sandbox that runs as its own process: a JSON object a line in, one out.

``{"do": "flood", "request": "upload.saveBigFilePart", "seconds": 1, "times": 2}`` is answered with
``{"ok": true}``, a question with its ``"result"``, a mistake with ``{"ok": false, "error": "..."}``. An
``"id"`` comes back with the answer. All that can be done is in :data:`Control.verbs`, and beside
them ``add_bot``, ``add_person`` and ``reached``, which may take a while.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from .export import StoredMessage
from .faults import REVOKED, Faults, Gate
from .rpc import RpcError

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
Command = Mapping[str, Json]


class Controlled(Protocol):
    """What is controlled: a Sandbox."""

    faults: Faults

    async def add_bot(self, token: str, username: str, name: str) -> int: ...
    async def add_person(
        self, phone: str, first_name: str, username: str | None = None, password: str | None = None
    ) -> int: ...
    def messages(self, user_id: int, peer_id: int) -> list[StoredMessage]: ...
    def login_code(self, phone: str) -> str: ...
    def send_like(self, sender: int, bot: int, like: int) -> None: ...


class Control:
    """Obeys commands."""

    def __init__(self, sandbox: Controlled) -> None:
        self._sandbox = sandbox
        self._gates: dict[str, Gate] = {}
        faults = sandbox.faults
        #: What may be asked, and with which fields.
        self.verbs: Mapping[str, Callable[[Command], Json]] = {
            "flood": self._flood,
            "fail": self._fail,
            "rate": lambda c: faults.rate(_opt(c, "request"), _int(c, "limit"), _float(c, "per")),
            "lose_answer": lambda c: faults.lose_answer(_str(c, "request"), times=_times(c)),
            "hold": self._hold,
            "open": lambda c: self._gates.pop(_str(c, "gate")).open(),
            "held": lambda c: len(self._gates[_str(c, "gate")].waiting),
            "refuse_media": self._refuse_media,
            "expire_references": lambda c: faults.expire_references(),
            "forget_parts": lambda c: faults.forget_parts(_int(c, "user"), _opt_int(c, "parts")),
            "unregister": lambda c: faults.unregister(_int(c, "user")),
            "revoke": self._revoke,
            "move": lambda c: faults.move(_int(c, "user"), _int(c, "dc")),
            "transport_error": self._transport_error,
            "server_error": self._server_error,
            "silent": self._silent,
            "forget_keys": lambda c: faults.forget_keys(_int(c, "user")),
            "disconnect": lambda c: faults.disconnect(_int(c, "user")),
            "clear": lambda c: faults.clear(),
            "rtt": self._rtt,
            "bandwidth": self._bandwidth,
            "away": self._away,
            "calls": lambda c: len(faults.called(_str(c, "request"), _opt_int(c, "user"))),
            "messages": self._messages,
            "send_like": lambda c: self._sandbox.send_like(
                _int(c, "sender"), _int(c, "bot"), _int(c, "like")
            ),
            "login_code": lambda c: self._sandbox.login_code(_str(c, "phone")),
        }

    async def obey(self, line: str) -> str:
        """One command, one answer; never raises for a bad one."""
        number: Json = None
        try:
            command = json.loads(line)
            if not isinstance(command, dict):
                raise ValueError("a command is a JSON object")
            number = command.get("id")
            answer: dict[str, Json] = {"ok": True, "result": await self._do(command)}
        except (ValueError, KeyError, TypeError) as error:
            answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
        if number is not None:
            answer["id"] = number
        return json.dumps(answer, ensure_ascii=False)

    async def _do(self, command: Command) -> Json:
        what = _str(command, "do")
        if what == "add_bot":
            return await self._sandbox.add_bot(
                _str(command, "token"), _str(command, "username"), _str(command, "name")
            )
        if what == "add_person":
            return await self._sandbox.add_person(
                _str(command, "phone"),
                _str(command, "name"),
                _opt(command, "username"),
                _opt(command, "password"),
            )
        if what == "reached":
            return await self._reached(command)
        return self.verbs[what](command)

    def _flood(self, command: Command) -> Json:
        self._sandbox.faults.flood(
            _opt(command, "request"),
            _int(command, "seconds"),
            times=_times(command),
            premium=command.get("premium") is True,
        )
        return None

    def _fail(self, command: Command) -> Json:
        error = RpcError(_int(command, "code"), _str(command, "message"))
        self._sandbox.faults.fail(_opt(command, "request"), error, times=_times(command))
        return None

    def _hold(self, command: Command) -> Json:
        gate = self._sandbox.faults.hold(
            _str(command, "request"), after=command.get("after") is True, times=_times(command)
        )
        self._gates[_str(command, "gate")] = gate
        return None

    async def _reached(self, command: Command) -> Json:
        """Waits until a request is held at that gate; false after `seconds` without one."""
        try:
            await self._gates[_str(command, "gate")].reached(_float(command, "seconds"))
        except TimeoutError:
            return False
        return True

    def _rtt(self, command: Command) -> Json:
        self._sandbox.faults.link.rtt = _float(command, "seconds")
        return None

    def _bandwidth(self, command: Command) -> Json:
        """Bytes a second: `total` for all connections together, `connection` for each; null: no limit."""
        link = self._sandbox.faults.link
        link.bandwidth, link.connection_bandwidth = (
            None if command.get(key) is None else _float(command, key) for key in ("total", "connection")
        )
        return None

    def _away(self, command: Command) -> Json:
        """Whether connections are closed as soon as they are made."""
        self._sandbox.faults.link.away = command.get("away") is not False
        return None

    def _silent(self, command: Command) -> Json:
        """Whether what comes is read and nothing is answered."""
        self._sandbox.faults.link.silent = command.get("silent") is not False
        return None

    def _revoke(self, command: Command) -> Json:
        error = RpcError(_int(command, "code"), _str(command, "message")) if "code" in command else REVOKED
        self._sandbox.faults.revoke(_int(command, "user"), error)
        return None

    def _transport_error(self, command: Command) -> Json:
        self._sandbox.faults.transport_error(
            _int(command, "code"),
            user=_opt_int(command, "user"),
            transport=_opt(command, "transport"),
            times=_times(command),
        )
        return None

    def _server_error(self, command: Command) -> Json:
        seconds = None if command.get("seconds") is None else _float(command, "seconds")
        self._sandbox.faults.server_error(_opt(command, "request"), times=_times(command), seconds=seconds)
        return None

    def _refuse_media(self, command: Command) -> Json:
        """Media whose name contains `name`."""
        name, error = _str(command, "name"), _opt(command, "error") or "MEDIA_INVALID"
        self._sandbox.faults.refuse_media(lambda media: name in media.name, error)
        return None

    def _messages(self, command: Command) -> Json:
        found = self._sandbox.messages(_int(command, "user"), _int(command, "peer"))
        return [as_json(message) for message in found]


def as_json(message: StoredMessage) -> Mapping[str, Json]:
    """A message with its paths as text."""
    return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(message).items()}


async def obey_lines(control: Control, reader: asyncio.StreamReader, write: Callable[[str], None]) -> None:
    """Obeys line by line until the end of `reader`."""
    while line := await reader.readline():
        if line.strip():
            write(await control.obey(line.decode()) + "\n")


def _str(command: Command, key: str) -> str:
    value = command[key]
    if not isinstance(value, str):
        raise TypeError(f"{key} is a text")
    return value


def _opt(command: Command, key: str) -> str | None:
    return None if command.get(key) is None else _str(command, key)


def _int(command: Command, key: str) -> int:
    value = command[key]
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{key} is a whole number")
    return value


def _opt_int(command: Command, key: str) -> int | None:
    return None if command.get(key) is None else _int(command, key)


def _float(command: Command, key: str) -> float:
    value = command[key]
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{key} is a number")
    return float(value)


def _times(command: Command) -> int | None:
    """1 where nothing is said, None ("for good") where null is said."""
    return _opt_int(command, "times") if "times" in command else 1
