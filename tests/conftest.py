"""What tests of several rooms share."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from hypothesis import Phase, settings

from tests.shared import made_once, share_folder
from utils.processes.guard import PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, orphans

if TYPE_CHECKING:
    from tests.world import World
    from utils.media import Tools


# Compiling what hundreds of processes load costs more CPU than anything that they do, and some containers
# turn off that Python keeps it.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# How many examples the properties try (docs/development.md). No deadlines: the machine may be shared.
settings.register_profile("default", max_examples=60, deadline=None)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.register_profile("deep", max_examples=1000, deadline=None)
# For the mutation tester, which only asks whether anything fails.
settings.register_profile(
    "mutants",
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
# Where a failure must mean that the program changed, the same examples are tried every time.
settings.load_profile("ci" if os.environ.get("CI") else "default")


def pytest_configure(config: pytest.Config) -> None:
    # What is started in the background ignores Ctrl-C, and so would the programs that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if not hasattr(config, "workerinput"):  # the processes that share the tests have it from this one
        config.add_cleanup(share_folder())


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def tools() -> AsyncIterator[Tools]:
    """For the pictures of all tests in a module one child, as in the bot."""
    from utils.media import Tools
    from utils.pictures.pool import Pictures

    pictures = Pictures(512_000_000)
    yield Tools(pictures=pictures)
    await pictures.close()


class Unheard(logging.Handler):
    """Keeps what asyncio says of errors that nobody looked at, and of tasks that nobody waited for."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(logging.Formatter().format(record))


@pytest.fixture(autouse=True)
def every_error_is_heard() -> Iterator[None]:
    """Fails a test in which an error got lost in a task: it would have been seen by nobody but the log."""
    unheard = Unheard()
    log = logging.getLogger("asyncio")
    log.addHandler(unheard)
    yield
    log.removeHandler(unheard)
    assert not unheard.told, "\n\n".join(unheard.told)


@pytest.fixture(autouse=True)
def logging_is_as_it_was() -> Iterator[None]:
    """Bots that ran side by side in a test each turned it on, and back to what it was at their start."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)


@pytest.fixture(autouse=True)
def the_process_is_as_it_was() -> Iterator[None]:
    """Programs that a test runs inside of this process shut it in; the next test is not to inherit that.

    Whatever the bots of later tests leave behind when they are killed would come to this process, for ever.
    """
    mask = os.umask(0o077)
    os.umask(mask)
    yield
    os.umask(mask)
    if orphans.adopted:
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
        orphans.adopted = False


@pytest.fixture(scope="session")
def server_key() -> Path:
    """A folder with the RSA key of all servers of this run, to be copied: making one takes a second."""
    from sandbox.mtproto.keys import ServerKey

    return made_once("server-key", ServerKey)


@pytest.fixture
async def world(tmp_path: Path, server_key: Path) -> AsyncIterator[World]:
    """A Telegram, a person, and everything that is needed to run the bot."""
    from tests.world import world_in

    async with world_in(tmp_path, server_key) as world:
        yield world
