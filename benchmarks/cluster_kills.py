"""Kills a worker, the farm, and `convert` that uses them, each at a random instant, over and over."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from benchmarks.cluster_means import KINDS, film, verdict
from benchmarks.watched import family
from tests.ports import free_port
from utils.cluster import authority
from utils.constants import ROOT

_SETTINGS = {"VIDEO_PRESET": "ultrafast", "CONVERSION_SEGMENT_SECONDS": "2", "CLUSTER_LOCAL": "False"}
#: Seconds that one round may take.
_PATIENCE = 300.0


class Home:
    """One film that is converted with workers, in ``folder``, however often any of them is killed."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder = folder
        self.source = source
        self.output = folder / "out" / "film.mp4"
        self.output.parent.mkdir(parents=True)
        self.token = str(authority.renew(folder / "cluster").token)
        self.port = free_port(2)
        self.log = (folder / "log").open("ab")
        self.workers = [self._worker() for _ in range(2)]
        self.convert = self._convert()

    def kill(self, what: str, drawn: random.Random) -> None:
        """And have another one in its place; the farm's comes by itself."""
        if what == "convert":
            self.convert.kill()
            self.convert.wait()
            self.convert = self._convert()
        elif what == "worker":
            number = drawn.randrange(len(self.workers))
            self.workers[number].kill()
            self.workers[number].wait()
            self.workers[number] = self._worker()
        else:
            for process in family(self.convert.pid):
                with suppress(OSError):
                    if b"farm_process.py" in Path(f"/proc/{process}/cmdline").read_bytes():
                        os.kill(process, signal.SIGKILL)

    def end(self) -> None:
        for process in (self.convert, *self.workers):
            process.kill()
            process.wait()
        self.log.close()

    def _convert(self) -> subprocess.Popen[bytes]:
        program = [str(ROOT / "extract-compressed-files.py"), "convert", str(self.source), str(self.output)]
        address = f"127.0.0.1:{self.port}"
        return self._start(*program, DATA_DIR=str(self.folder), CLUSTER=address, **_SETTINGS)

    def _worker(self) -> subprocess.Popen[bytes]:
        line = [f"127.0.0.1:{self.port}", self.token, "--slots", "1"]
        return self._start("-P", "-m", "utils.terminal.worker", *line, DATA_DIR=str(self.folder / "workers"))

    def _start(self, *command: str, **settings: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **settings},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def _one(home: Home, drawn: random.Random, within: float) -> None:
    """Kill each once, at instants out of ``within`` seconds, and wait for the result."""
    began = time.monotonic()
    instants = sorted((drawn.uniform(0.0, within), what) for what in ("worker", "farm", "convert"))
    for instant, what in instants:
        await asyncio.sleep(began + instant - time.monotonic())
        if home.convert.poll() is None:
            home.kill(what, drawn)
    while home.convert.poll() is None:
        if time.monotonic() - began > _PATIENCE:
            raise RuntimeError("it does not end")
        await asyncio.sleep(0.05)


async def kills(folder: Path, options: argparse.Namespace) -> bool:
    """Round after round, each with a film of another kind. Returns whether all bytes were the same."""
    drawn, wrong, there = random.Random(options.seed), 0, 0  # noqa: S311
    for number in range(options.rounds):
        kind = list(KINDS)[number % len(KINDS)]
        place = folder / str(number)
        place.mkdir()
        source = await asyncio.to_thread(film, place, kind, 10.0, "640x360")
        home = Home(place / "alone", source)
        for worker in home.workers:
            worker.kill()
        began = time.monotonic()
        code = await asyncio.to_thread(home.convert.wait)
        seconds, alone = time.monotonic() - began, _digest(home.output)
        home.end()
        home = Home(place / "killed", source)
        try:
            await _one(home, drawn, seconds + 3)
            same = home.convert.returncode == code == 0 and _digest(home.output) == alone
        finally:
            home.end()
        said = (home.folder / "log").read_text(errors="replace")
        there += said.count("Ready: ")
        wrong += not same
        print(f"  {number}: {kind}, {'the same bytes' if same else 'OTHER BYTES'}", flush=True)
        if not same:
            print(said)
        shutil.rmtree(place)
    return verdict(wrong, 0, f"of {options.rounds} results with other bytes")
