"""The sandbox outside of the environment that has its packages."""

from __future__ import annotations

import subprocess
import sys

from utils.constants import ROOT


def test_without_its_packages_it_says_which_python_has_them() -> None:
    # -S: no site-packages, as with the system's Python.
    command = [sys.executable, "-E", "-S", "-m", "sandbox", "--help"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 1 and ".venv/bin/python -m sandbox" in ran.stderr
    assert "Traceback" not in ran.stderr
