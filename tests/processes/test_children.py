"""The tests' own look for processes that were left behind."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys

from tests.children import children


def test_what_python_keeps_for_itself_counts_as_nobodys() -> None:
    """Such a process lives from the first test that needs it to the end of all tests."""
    other = multiprocessing.get_context("spawn").Process(target=print)
    other.start()
    assert children() == [other.pid]
    other.join()
    assert not children()


def test_what_was_not_waited_for_counts() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert children() == [process.pid]
    process.communicate(b"\n")
    assert not children()
