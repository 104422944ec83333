"""bot.log: a record is a line, whatever names are in it."""

from __future__ import annotations

import gc
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from utils.terminal.logs import start_logging

log = logging.getLogger("utils.test")

#: What ends a line for somebody, steers a terminal, turns the direction of writing, or cannot be written.
TRICKS = {
    "line feed": "\n",
    "carriage return": "\r",
    "both": "\r\n",
    "vertical tab": "\x0b",
    "form feed": "\x0c",
    "separators": "\x1c\x1d\x1e",
    "next line": "\x85",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "erase the line": "\x1b[2K\x1b[1A",
    "one-byte escape": "\x9b2K",
    "backspace": "\b\b\b\b",
    "nul": "\0",
    "right to left": "\u202e",
    "isolate": "\u2066",
    "mark": "\u200f",
    "half a character": "\ud800",
}


@pytest.fixture(autouse=True)
def _loggers() -> Iterator[None]:
    """The loggers are as they were afterwards."""
    root = logging.getLogger()
    known = [root, *(logging.getLogger(name) for name in ("telethon", "PIL", "asyncio"))]
    before = [(logger, logger.level, logger.handlers[:]) for logger in known]
    yield
    logging.captureWarnings(False)
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@contextmanager
def logging_to(file: Path, *, times: bool = False) -> Iterator[None]:
    """What is logged inside is in ``file`` afterwards."""
    listener = start_logging(file, times=times)
    try:
        yield
    finally:
        listener.stop()
        for handler in listener.handlers:
            handler.close()


def written(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS.keys())
def test_no_name_forges_a_line_or_steers_a_terminal(tmp_path: Path, trick: str) -> None:
    with logging_to(tmp_path / "bot.log"):
        log.warning("⏭️ Skipped %s: %s", f"a.jpg{trick}ERROR: ❌ forged", f"no{trick}INFO: ✅ Ready")
    (line,) = written(tmp_path / "bot.log")
    assert line.startswith("WARNING: ⏭️ Skipped a.jpg") and line.endswith("INFO: ✅ Ready")
    assert line.isprintable()


@pytest.mark.parametrize("trick", TRICKS.values(), ids=TRICKS.keys())
def test_no_name_in_a_traceback_forges_a_line(tmp_path: Path, trick: str) -> None:
    with logging_to(tmp_path / "bot.log"):
        try:
            try:
                raise ValueError(f"a.jpg{trick}ERROR: ❌ forged")
            except ValueError as error:
                error.add_note(f"more{trick}ERROR: ❌ forged")
                raise KeyError(f"b.jpg{trick}ERROR: ❌ forged") from error
        except KeyError:
            log.exception("❌ a.zip broke off")
    first, *traceback = written(tmp_path / "bot.log")
    assert first == "ERROR: ❌ a.zip broke off"
    assert any("forged" in line for line in traceback)
    assert all(line.startswith("  ") and line.isprintable() for line in traceback)


@pytest.mark.parametrize("times", [False, True])
def test_a_line_begins_with_its_level_or_the_time(tmp_path: Path, times: bool) -> None:
    with logging_to(tmp_path / "bot.log", times=times):
        log.info("✅ Ready")
        log.debug("not of interest")
        logging.getLogger("telethon").info("neither")
    (line,) = written(tmp_path / "bot.log")
    assert line.endswith("INFO: ✅ Ready") and line[0].isdigit() is times


def test_what_nobody_waited_for_is_in_the_log(tmp_path: Path) -> None:
    async def work() -> None:
        pass

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with logging_to(tmp_path / "bot.log"):
            work()  # type: ignore[unused-coroutine]
            gc.collect()
        logging.captureWarnings(False)
    told = (tmp_path / "bot.log").read_text()
    assert "<locals>.work' was never awaited" in told
