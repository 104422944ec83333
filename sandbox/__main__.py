"""``python -m sandbox --data DIR``: the sandbox as a process of its own.

Prints one JSON line when ready: ``{"address": ..., "addresses": {"1": ..., "2": ...}, "key_file": ...,
"dc_id": 1, "control": ...}``. With ``--control stdin`` it then obeys lines (see :mod:`sandbox.control`), with
``--control PORT`` those of whoever connects there. SIGTERM and SIGINT end it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .control import Control, obey_lines
from .server import Sandbox

#: Longest control line.
LINE = 1024 * 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until told to stop."""
    options = _parser().parse_args(arguments)
    form = "%(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=options.log.upper(), stream=sys.stderr, format=form)
    asyncio.run(_serve(options))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A Telegram on this machine.")
    parser.add_argument("--data", type=Path, required=True, help="folder for everything that is kept")
    parser.add_argument(
        "--port", type=int, default=0, help="of data centre 1; 2 has the next (0: two free ones)"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--bot", action="append", default=[], metavar="TOKEN:USERNAME")
    parser.add_argument("--person", action="append", default=[], metavar="PHONE:USERNAME[:PASSWORD]")
    parser.add_argument("--control", metavar="stdin|PORT", help="where commands come from (0: a free port)")
    parser.add_argument("--log", default="warning", choices=("debug", "info", "warning", "error"))
    return parser


async def _serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Sandbox(options.data, port=options.port, host=options.host) as sandbox:
        await _populate(sandbox, options)
        control = Control(sandbox)
        listener = await _listen(control, options) if (options.control or "stdin") != "stdin" else None
        print(json.dumps(_facts(sandbox, listener)), flush=True)
        lines = asyncio.create_task(_obey_stdin(control)) if options.control == "stdin" else None
        await stop.wait()
        if lines is not None:
            lines.cancel()
        if listener is not None:
            listener.close()


async def _populate(sandbox: Sandbox, options: argparse.Namespace) -> None:
    for text in options.bot:
        token, _, username = text.rpartition(":")
        await sandbox.add_bot(token, username, username)
    for text in options.person:
        phone, username, password = (*text.split(":", 2), None, None)[:3]
        await sandbox.add_person(phone, username or phone, username, password)


def _facts(sandbox: Sandbox, listener: asyncio.Server | None) -> dict[str, object]:
    facts: dict[str, object] = {
        "address": sandbox.address,
        "addresses": {str(number): address for number, address in sandbox.addresses.items()},
        "key_file": str(sandbox.key_file),
        "dc_id": sandbox.dc_id,
    }
    if listener is not None:
        facts["control"] = "{}:{}".format(*listener.sockets[0].getsockname()[:2])
    return facts


async def _listen(control: Control, options: argparse.Namespace) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await obey_lines(control, reader, lambda line: writer.write(line.encode()))
        writer.close()

    return await asyncio.start_server(serve, options.host, int(options.control), limit=LINE)


async def _obey_stdin(control: Control) -> None:
    reader = asyncio.StreamReader(limit=LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await obey_lines(control, reader, lambda line: print(line, end="", flush=True))


if __name__ == "__main__":
    raise SystemExit(main())
