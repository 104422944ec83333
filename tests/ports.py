"""Ports for what can only be told which one to listen on."""

from __future__ import annotations

import contextlib
import secrets
import socket

#: Systems give those above to connections, and to whoever asks for any: of these none is taken by chance
#: before the program that is told has started.
_FROM, _BELOW = 20_000, 32_000


def free_port(together: int = 1) -> int:
    """A port on which nothing listens, nor on so many ``together`` from it on."""
    while True:
        # Not ``random``, which begins alike in all processes that share the tests.
        port = _FROM + secrets.randbelow(_BELOW - _FROM - together)
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for number in range(port, port + together):
                held.enter_context(socket.socket()).bind(("127.0.0.1", number))
            return port
