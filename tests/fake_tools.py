"""Programs of the system that misbehave, to be found on PATH before the real ones."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from utils.processes.confinement import Confinement
from utils.processes.system import isolation

#: What dies of a signal on every transport stream, as one build of ffmpeg does, and otherwise works.
_ON_TRANSPORT_STREAMS = """
import os, sys
real, given = {real!r}, sys.argv[1:]
data = sys.stdin.buffer.read() if "pipe:0" in given or given[-1:] == ["-"] else b""
names = [word.removeprefix("file:") for word in given if word.startswith("file:")]
heads = [data[:1]] + [open(name, "rb").read(1) for name in names if os.path.exists(name)]
if b"G" in heads:
    os.kill(os.getpid(), {signal})
if data:
    import subprocess
    sys.exit(subprocess.run([real, *given], input=data).returncode)
os.execv(real, [real, *given])
"""


def script(path: Path, text: str) -> Path:
    """An executable Python script."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!{sys.executable} -IS\n{text}\n")
    path.chmod(0o755)
    return path


def let_it_die_by_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without process namespaces: the first process of one hears no signal from inside it, not its own.

    (What the kernel sends for a fault of its own it does die of; see tests/processes.)
    """
    others = replace(isolation(), unshare=0)
    monkeypatch.setattr("utils.processes.child.isolation", lambda: others)


def let_it_write(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A script that stands before ffmpeg or ffprobe may write down in ``folder`` what it sees."""

    def confinement(*numbers: Any, writes: tuple[Path, ...] = (), **more: Any) -> Confinement:
        return Confinement(*numbers, writes=(*writes, folder), **more)

    monkeypatch.setattr("utils.media.tools.Confinement", confinement)


def on_path(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, text: str) -> Path:
    """The script ``text`` is found as ``name``, before any other program of that name."""
    made = script(folder / "fake tools" / name, text)
    monkeypatch.setenv("PATH", f"{made.parent}{os.pathsep}{os.environ['PATH']}")
    if "os.kill(os.getpid()" in text:
        let_it_die_by_signals(monkeypatch)
    return made


def crashing_on_transport_streams(name: str, signal: int) -> str:
    """The text of a script that stands before the real ``name``."""
    return _ON_TRANSPORT_STREAMS.format(real=shutil.which(name), signal=int(signal))
