"""bot.log: lines as the deployment guide shows them, on the terminal too."""

from __future__ import annotations

import logging
import sys
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from utils.storage import private

LINE = "%(levelname)s: %(message)s"

#: What a record has for ``extra`` whose words are printed on the terminal otherwise.
FILE_ONLY = {"file_only": True}

#: bot.log is renamed to bot.log.1 at this size, and two older ones are kept.
MAX_BYTES, BACKUPS = 10_000_000, 2


class OneLine(logging.Formatter):
    """A record's message stays on one line: a name out of an archive cannot forge another.

    The lines of a traceback, which has names in it, too, are set in, so that none looks like a record.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line, without control characters."""
        return _printable(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """The traceback."""
        return "\n".join(f"  {_printable(line)}" for line in super().formatException(ei).splitlines())


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else " " for c in line)


class _Hand(QueueHandler):
    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """As it is: it stays in this process, and its traceback must not become part of its message."""
        return record


def start_logging(file: Path, *, times: bool = False) -> QueueListener:
    """Log to ``file`` and to standard error; the writing is done by a thread of its own.

    Stop the returned listener at the end, so that the last lines are written. Nobody else may read the file:
    it has names in it.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    for log in private.logs(file):
        private.shut(log)
    formatter = OneLine(f"%(asctime)s {LINE}" if times else LINE)
    targets: list[logging.Handler] = [
        RotatingFileHandler(file, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8"),
        logging.StreamHandler(sys.stderr),
    ]
    targets[1].addFilter(lambda record: not hasattr(record, "file_only"))
    for target in targets:
        target.setFormatter(formatter)
    queue: SimpleQueue[logging.LogRecord] = SimpleQueue()
    listener = QueueListener(queue, *targets)
    root = logging.getLogger()
    root.handlers[:] = [_Hand(queue)]
    root.setLevel(logging.INFO)
    # Work that nobody waited for, and what else Python warns of, is for the log as well.
    logging.captureWarnings(True)
    # What the libraries say between warnings is of no use to whoever tails the log.
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    # Telethon warns of each attempt at connecting; of an outage utils.telegram.outage tells, once.
    logging.getLogger("telethon").setLevel(logging.ERROR)
    listener.start()
    return listener
