"""``python -m demo [--archive FILE] [--json]``: see :mod:`demo.story`."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from demo.narrator import Narrator
from demo.processes import DemoFailed
from demo.sample import make_sample, sample_path
from demo.story import Story
from sandbox.export import StoredMessage
from utils.constants import ROOT
from utils.errors import AlreadyRunning
from utils.storage.lock import InstanceLock

FOLDER = ROOT / "data" / "demo"
#: Keys of the JSON lines.
KEYS = ("kind", "name", "size", "width", "height", "duration", "caption", "album", "sha256", "text")

#: Exit codes.
OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(arguments: Sequence[str]) -> int:
    """Run the demo; returns its exit code."""
    options = _parser().parse_args(arguments)
    # With --json, standard output is for the JSON lines alone.
    narrator = Narrator(sys.stderr if options.json else sys.stdout, sys.stderr)
    folder: Path = options.folder.absolute()
    if options.archive is not None and not options.archive.is_file():
        narrator.tell(f"❌ {options.archive} is not a file.")
        return USAGE
    if options.archive is not None and not _can_be_sent(options.archive):
        narrator.tell("❌ Telegram takes no file that is empty, or whose name is no text.")
        return USAGE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with InstanceLock(folder):
            return asyncio.run(_run(options, folder, narrator))
    except AlreadyRunning:
        narrator.tell(f"❌ Another demo is using {folder}. Wait for it, or choose another --folder.")
    except DemoFailed as error:
        narrator.tell(f"❌ {error}")
    except OSError as error:
        narrator.tell(f"❌ {error}")
    except (KeyboardInterrupt, asyncio.CancelledError):
        narrator.tell("🛑 Stopped.")
        return INTERRUPTED
    return FAILED


def _can_be_sent(file: Path) -> bool:
    try:
        file.name.encode()
    except UnicodeEncodeError:
        return False
    return file.stat().st_size > 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./bot demo", description="See the bot work, on this machine alone."
    )
    parser.add_argument(
        "--archive", type=Path, metavar="FILE", help="send this archive instead of the sample"
    )
    parser.add_argument(
        "--tour",
        action=argparse.BooleanOptionalAction,
        help="afterwards show settings, another language and a choice (by default with the sample only)",
    )
    parser.add_argument("--password", default="", help="the archive's password, if it needs one")
    parser.add_argument("--json", action="store_true", help="print what arrived as JSON lines on stdout")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the page and all else is written")
    return parser


async def _run(options: argparse.Namespace, folder: Path, narrator: Narrator) -> int:
    whole = asyncio.current_task()
    assert whole is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, whole.cancel)
    archive = options.archive or await _sample(folder / "sample", narrator)
    tour = options.archive is None if options.tour is None else options.tour
    ending = await Story(folder, archive, options.password, narrator, tour=tour).play()
    if options.json:
        for message in ending.received:
            print(json.dumps({key: getattr(message, key) for key in KEYS}, ensure_ascii=False), flush=True)
    narrator.tell(
        f"\n{counted(ending.received)} in {ending.seconds:.0f} s. The chat as a page: {ending.page}"
    )
    if not ending.went_well:
        narrator.tell(ending.summary.splitlines()[0])
    return OK if ending.went_well else FAILED


async def _sample(cache: Path, narrator: Narrator) -> Path:
    if not sample_path(cache).exists():
        narrator.tell("🎨 Making a sample archive (only the first time) …")
    loop = asyncio.get_running_loop()
    with narrator.progress("🎨 sample") as show:
        return await asyncio.to_thread(
            make_sample, cache, lambda done, total: loop.call_soon_threadsafe(show, done, total)
        )


def counted(messages: Sequence[StoredMessage]) -> str:
    """ "23 photos, 5 videos"."""
    kinds = {"photo": "photo", "video": "video", "document": "file"}
    counts = {noun: sum(message.kind == kind for message in messages) for kind, noun in kinds.items()}
    told = [f"{count} {noun}{'s' if count > 1 else ''}" for noun, count in counts.items() if count]
    return ", ".join(told) or "Nothing"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
