"""Started as a program, confined: the farm. The bot talks to it in lines of JSON, on its standard streams.

    python -I farm_process.py HOST PORT FOLDER

It listens on HOST (empty: everywhere) at PORT and the next one. The authority is kept in FOLDER; when another
one is put there, this ends, so that nobody who knew the old one is served any more. It ends as well when the
bot has nothing more to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import mimetypes
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from utils.cluster.authority import Authority
    from utils.cluster.foreman import Foreman

#: Seconds between two looks at whether the authority is still the same.
_LOOK = 0.5
#: Bytes of one line of the bot's.
_LONGEST = 16 << 20


def tell(said: dict[str, Any]) -> None:
    """One line to the bot."""
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


async def main(host: str, port: int, folder: Path) -> None:
    """Serve until there is a reason to end."""
    try:
        from utils.cluster.scheduling import Scheduling

        # Loading Dask set up its own; what it says would be taken for this process's last words.
        logging.disable(logging.CRITICAL)
    except ImportError as error:
        tell({"is": "closed", "why": f"{error}; ./bot run installs what is missing"})
        return
    from utils.cluster.authority import load, renew
    from utils.cluster.door import Door
    from utils.cluster.foreman import Foreman
    from utils.cluster.orders import DOOR

    authority = load(folder) or renew(folder)
    files = _certificates(authority, folder)
    scheduling = Scheduling(host=host, port=port, files=files)
    foreman = Foreman(scheduling, folder, tell)
    door = Door(authority, foreman, versions())
    try:
        await scheduling.start(foreman)
        await door.open(host, port + DOOR, files)
        tell({"is": "open", "token": str(authority.token)})
        await _serve(foreman, folder, authority)
    except OSError as error:
        why = f"port {port} or {port + DOOR} cannot be used ({error.strerror or error})"
        tell({"is": "closed", "why": why})
    finally:
        await door.close()
        await scheduling.close()


async def _serve(foreman: Foreman, folder: Path, authority: Authority) -> None:
    hearing = asyncio.ensure_future(_hear(foreman))
    changing = asyncio.ensure_future(_replaced(folder, authority))
    done, others = await asyncio.wait((hearing, changing), return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    for task in done:
        task.result()
    if changing in done:
        tell({"is": "closed", "why": "revoked"})


def versions() -> dict[str, str]:
    """What has to be the same at both ends."""
    from importlib.metadata import version

    return {"Python": f"{sys.version_info[0]}.{sys.version_info[1]}", "distributed": version("distributed")}


def _certificates(authority: Authority, folder: Path) -> tuple[Path, Path, Path]:
    """Files of the authority's certificate, and of a new key and certificate of the farm."""
    key, certificate = authority.own_certificate()
    paths = []
    for name, text in (("authority.pem", authority.pem), ("farm.key", key), ("farm.pem", certificate)):
        path = folder / name
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        paths.append(path)
    return paths[0], paths[1], paths[2]


async def _hear(foreman: Foreman) -> None:
    """What the bot says, until it says no more."""
    reader = asyncio.StreamReader(limit=_LONGEST)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        foreman.hear(json.loads(line))


async def _replaced(folder: Path, authority: Authority) -> None:
    """Returns when the authority in the folder is another one."""
    from utils.cluster.authority import FILE, load

    path, seen = folder / FILE, -1
    while True:
        with contextlib.suppress(OSError):
            now = (await asyncio.to_thread(path.stat)).st_mtime_ns
            if now != seen:
                seen = now
                kept = await asyncio.to_thread(load, folder)
                if kept is None or kept.pem != authority.pem:
                    return
        await asyncio.sleep(_LOOK)


def _know_the_program() -> None:
    """Have ``utils`` found without a look at the folder that it is in, which is shut."""
    package = type(sys)("utils")
    package.__path__ = [str(Path(__file__).resolve().parent.parent)]
    sys.modules["utils"] = package


if __name__ == "__main__":
    # These are shut, too.
    mimetypes.knownfiles.clear()
    tempfile.tempdir = sys.argv[3]
    _know_the_program()
    logging.basicConfig(level=logging.CRITICAL)
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])))
