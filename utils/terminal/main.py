"""The command line: without arguments the bot; ``inspect`` and ``convert`` do its work without Telegram."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from utils import VERSION
from utils.archives import Limits
from utils.cluster.farm import ProcessFarm
from utils.constants import EXAMPLE_NAME, SECRETS_NAME, Settings, load_settings, missing_settings
from utils.conversion_state import ConversionStateManager
from utils.errors import BotError, LoginFailed, SettingsError, Unreachable
from utils.jobs.ordering import order_of
from utils.media import Choice, Converter, EncodeSettings, MediaTools
from utils.processes.again import start_again
from utils.processes.guard import guard_this_process
from utils.storage.atomic import make_folder
from utils.storage.lock import InstanceLock, alone_in
from utils.storage.private import keep_private
from utils.storage.workspace import FULL
from utils.terminal.bars import Bar
from utils.terminal.convert import NO_ROOM, Conversion, JsonLines
from utils.terminal.inspect import inspect_archive, print_json, print_text
from utils.terminal.loading import loading
from utils.terminal.logs import FILE_ONLY, start_logging

if TYPE_CHECKING:
    from utils.bot import Bot

log = logging.getLogger(__name__)

#: Exit codes. It was told to stop, or did what it was asked for.
OK = 0
#: Something that nobody foresaw; starting it again may help.
FAILED = 1
#: Usage, settings or token are wrong, the log-in was ended, or another process is at it: somebody has to act,
#: and until then starting it again does not help. A service manager may heed it (RestartPreventExitStatus=2).
USAGE = 2
#: Telegram cannot be reached, or lets nobody log in now: start it again later (EX_TEMPFAIL of sysexits.h).
TRY_LATER = 75
#: Its owner wants it started again, which it does by itself: nobody ever sees this one.
AGAIN = 64
#: Ended by Ctrl-C, as a shell has it: 128 and the number of the signal.
INTERRUPTED = 130
#: Whoever read what is printed went away (``| head``); the same with the number of SIGPIPE.
UNREAD = 141

#: Names may have 255 bytes, and beside OUTPUT lies for one OUTPUT.state.json.tmp.
_LONGEST_NAME = 255 - len(".state.json.tmp")

_INSPECT_CODES = """exit codes: 0 everything could be read, 2 usage, 3 not an archive, 4 password needed or
wrong, 5 damaged (what could be read is printed), 6 refused by a limit,
130 interrupted, 141 nobody read what it printed"""
_CONVERT_CODES = """A video that plays as it is is copied. Killed and called again, it goes on where it was.
exit codes: 0 done, 2 usage, a file or folder that cannot be used, or another call is at work in the recovery
folder, 3 no video in it, 4 the conversion failed, 5 it took too long, 6 no room on the disk, 130 interrupted,
141 nobody read what it printed"""


def main(arguments: Sequence[str]) -> int:
    """Run the program; returns its exit code."""
    options = _parser().parse_args(arguments)
    guard_this_process()
    try:
        settings = load_settings()
        if options.command:
            return _work(options, settings)
        require_settings(settings)
        # What people send, and who they are, is nothing for others on this machine.
        os.umask(0o077)
        code = run_bot(settings)
        if code == AGAIN:
            start_again()
        return code
    except BotError as error:
        print(f"❌ {error.told}", file=sys.stderr)
        return TRY_LATER if isinstance(error, Unreachable) else USAGE
    except KeyboardInterrupt:
        print("⏹️ Interrupted.", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Without a command: run the bot.")
    parser.add_argument("--version", action="version", version=f"archive bot {VERSION}")
    commands = parser.add_subparsers(dest="command")
    inspect = commands.add_parser("inspect", help="what the bot would send, and how", epilog=_INSPECT_CODES)
    inspect.add_argument("archive", type=Path, metavar="ARCHIVE")
    inspect.add_argument("--password", action="append", default=[])
    inspect.add_argument("--json", action="store_true", help="one JSON object a line")
    convert = commands.add_parser("convert", help="convert one video", epilog=_CONVERT_CODES)
    convert.add_argument("input", type=Path, metavar="INPUT")
    convert.add_argument("output", type=Path, metavar="OUTPUT")
    convert.add_argument("--state-file", type=Path, help="default: beside OUTPUT")
    convert.add_argument("--recovery-dir", type=Path, help="for finished segments; default: beside OUTPUT")
    convert.add_argument("--json", action="store_true", help="progress as JSON lines")
    return parser


def _work(options: argparse.Namespace, settings: Settings) -> int:
    try:
        return _inspect(options, settings) if options.command == "inspect" else _convert(options, settings)
    except BrokenPipeError:
        # Python writes what is left once more when it ends: https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except OSError as error:
        print(f"❌ {error.filename or 'A file'}: {error.strerror}.", file=sys.stderr)
        return NO_ROOM if error.errno in FULL else USAGE


def _inspect(options: argparse.Namespace, settings: Settings) -> int:
    if not options.archive.is_file():
        print(f"❌ {options.archive}: there is no such file.", file=sys.stderr)
        return USAGE
    return asyncio.run(
        inspect_archive(
            options.archive,
            passwords=(*options.password, *settings.ARCHIVE_PASSWORDS),
            limits=Limits.from_settings(settings),
            media=MediaTools.from_settings(settings),
            choice=Choice.of(settings.OTHER_FILES, as_files=settings.AS_FILES, send=settings.SEND),
            show=print_json if options.json else print_text,
            bar=Bar(options.archive.name, sys.stderr),
            order=order_of(settings.ORDER),
        )
    )


def _convert(options: argparse.Namespace, settings: Settings) -> int:
    source, output = options.input.resolve(), options.output.resolve()
    state_file = (options.state_file or output.with_name(output.name + ".state.json")).resolve()
    if not source.is_file() or not output.parent.is_dir() or output.is_dir() or source == output:
        print("❌ INPUT must be a file and OUTPUT another one, in a folder that exists.", file=sys.stderr)
        return USAGE
    if len(os.fsencode(output.name)) > _LONGEST_NAME:
        print(f"❌ OUTPUT's name must not be longer than {_LONGEST_NAME} bytes.", file=sys.stderr)
        return USAGE
    if state_file in (source, output) or state_file.is_dir():
        print("❌ The state file must be a file, and another one than INPUT and OUTPUT.", file=sys.stderr)
        return USAGE
    media = MediaTools.from_settings(settings)
    recovery = (options.recovery_dir or output.with_name(output.name + ".recovery")).resolve()
    if recovery == state_file.parent:
        # Both are guarded by a lock on the folder.
        print("❌ The state file must lie outside the recovery folder.", file=sys.stderr)
        return USAGE
    farm = ProcessFarm.from_settings(settings, reads=(source, recovery), writes=(recovery,), tell=_tell)
    with alone_in(recovery):
        conversion = Conversion(
            source=source,
            output=output,
            recovery=recovery,
            # Read under the lock: another call may just have written it.
            states=ConversionStateManager(state_file),
            converter=Converter(EncodeSettings.from_settings(settings), media.tools, farm=farm),
            media=media,
            farm=farm,
        )
        show = JsonLines() if options.json else Bar(source.name, sys.stderr)
        code = asyncio.run(conversion.run(show))
        _tidy(conversion, state_file, options)
    return code


def _tell(line: str) -> None:
    print(f"🖥️ On other machines: {line}", file=sys.stderr, flush=True)


def _tidy(conversion: Conversion, state_file: Path, options: argparse.Namespace) -> None:
    """Where there is nothing to go on from, nothing stays beside OUTPUT. What the user named stays."""
    with suppress(OSError):
        # Only where it is empty.
        conversion.folder.rmdir()
    if conversion.folder.exists():
        return
    if options.recovery_dir is None:
        with suppress(OSError):
            conversion.recovery.rmdir()
    if options.state_file is None:
        state_file.unlink(missing_ok=True)


def require_settings(settings: Settings) -> None:
    """Raise :class:`SettingsError` that names every missing key and where to get it."""
    missing = missing_settings(settings)
    if missing:
        keys = "\n".join(f"  {info.name}: {info.meaning}" for info in missing)
        raise SettingsError(
            f"These settings are missing:\n{keys}\nCopy {EXAMPLE_NAME} to {SECRETS_NAME} and fill them in."
        )


def run_bot(settings: Settings) -> int:
    """Run the bot until it is told to stop; returns the exit code."""
    # Loaded here: Telethon takes as long as a re-wrap, and neither inspect nor convert needs it.
    with loading():
        from utils.bot import Bot
        from utils.terminal.log_in import ask_in_terminal

    data = Path(settings.DATA_DIR)
    with ExitStack() as held:
        try:
            make_folder(data)
            lock = held.enter_context(InstanceLock(data))
            keep_private(data)
            listener = start_logging(settings.path("LOG_FILE"), times=settings.LOG_TIMES)
        except OSError as error:
            raise SettingsError(
                f"{error.filename} cannot be written ({error.strerror}). "
                "Give it to the user that runs the bot, or correct DATA_DIR or LOG_FILE."
            ) from None
        try:
            farm = ProcessFarm.of_bot(settings, _tell)
            bot = Bot(settings, ask=ask_in_terminal(), killed=lock.killed, farm=farm)
            asyncio.run(serve(bot))
        except BotError as error:
            lock.logged_out = isinstance(error, LoginFailed) and bot.ready.is_set()
            log.error("❌ %s", error.told, extra=FILE_ONLY)
            raise
        except Exception:  # noqa: BLE001
            log.exception("❌ The bot broke off", extra=FILE_ONLY)
            print(f"❌ The bot broke off; why is at the end of {settings.path('LOG_FILE')}.", file=sys.stderr)
            return FAILED
        finally:
            listener.stop()
    return AGAIN if bot.to_restart else OK


async def serve(bot: Bot) -> None:
    """Run ``bot`` until SIGTERM, SIGINT or the end of its terminal; on SIGHUP settings are read again."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, bot.stop)
    reloads: set[asyncio.Task[object]] = set()
    has_terminal = sys.stdin is not None and sys.stdin.isatty()

    def on_hangup() -> None:
        # The same signal comes when the terminal is closed, which is none any more then.
        if has_terminal and not sys.stdin.isatty():
            bot.stop()
        else:
            reload = asyncio.ensure_future(bot.reload())
            reloads.add(reload)
            reload.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, on_hangup)
    await bot.run()
