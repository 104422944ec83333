"""``./bot worker``: this machine works for a bot elsewhere; or the bot's own token is shown, or revoked."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from utils.constants import Settings, load_settings
from utils.errors import BotError, SettingsError
from utils.media import Tools
from utils.processes.guard import guard_this_process
from utils.terminal.bars import Bar
from utils.terminal.main import INTERRUPTED, OK, USAGE


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code: 0 done, 2 usage, or the bot does not let this machine in, 130 interrupted."""
    options = _parser().parse_args(arguments)
    guard_this_process()
    try:
        settings = load_settings()
        if options.revoke or options.line:
            return _token(settings, new=options.revoke)
        if not options.address or not options.token:
            raise SettingsError("Which bot, and by which token? It prints the whole line when it starts.")
        return asyncio.run(_work(options, settings))
    except BotError as error:
        print(f"❌ {error.told}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./bot worker", description="Encode segments for a bot.")
    parser.add_argument("address", nargs="?", metavar="HOST:PORT")
    parser.add_argument("token", nargs="?", metavar="TOKEN")
    parser.add_argument("--slots", type=int, default=0, help="segments at a time; default: one a processor")
    parser.add_argument("--line", action="store_true", help="at the bot: show the line for other machines")
    parser.add_argument("--revoke", action="store_true", help="at the bot: nobody gets in by the old token")
    return parser


def _token(settings: Settings, *, new: bool) -> int:
    from utils.cluster.authority import load, renew

    folder = settings.path("DATA_DIR") / "cluster"
    authority = renew(folder) if new else load(folder)
    if authority is None:
        raise SettingsError("There is no token yet: the bot makes it when CLUSTER is set.")
    address = settings.CLUSTER or "HOST:PORT"
    print(f"./bot worker {address} {authority.token}")
    return OK


async def _work(options: argparse.Namespace, settings: Settings) -> int:
    from utils.cluster.tokens import read_token

    host, _, port = options.address.rpartition(":")
    if not host or not port.isdigit():
        raise SettingsError(f"{options.address} is not HOST:PORT.")
    token = read_token(options.token)
    try:
        from utils.cluster.worker import Labourer, slots_here
    except ImportError as error:
        raise SettingsError(f"{error}; ./bot worker installs what is missing.") from None
    screen = _Screen()
    labourer = Labourer(
        host.strip("[]"),
        int(port),
        token,
        data=settings.path("DATA_DIR"),
        slots=options.slots if options.slots > 0 else slots_here(),
        tools=Tools(reserve=settings.DISK_RESERVE_MB * 1_000_000),
        screen=screen,
    )
    work = asyncio.ensure_future(labourer.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        screen.says("👋 Left; what was begun goes to others.")
    finally:
        screen.end()
    return OK


class _Screen:
    """One bar for all that is encoded now."""

    def __init__(self) -> None:
        self._work: dict[str, float] = {}
        self._done = 0
        self._bar = Bar("", None)

    def says(self, text: str) -> None:
        """Something happened."""
        with self._bar.aside():
            print(text, file=sys.stderr, flush=True)

    def works(self, key: str, done: float) -> None:
        """So much (0 to 1) of a segment is encoded; 1: it is over."""
        if not self._work:
            self._bar = Bar("segments", sys.stderr)
        self._work[key] = done
        if done >= 1:
            del self._work[key]
        if self._work:
            self._bar.show(100 * sum(self._work.values()) / len(self._work))
        else:
            self._bar.end()

    def end(self) -> None:
        """No more comes."""
        self._bar.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
