"""Runs a program as a unit of systemd would: with its filter on system calls, and no memory to write and run.

python -m tests.setup.filtered UNIT PROGRAM [ARGUMENT...]
"""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_PR_SET_NO_NEW_PRIVS, _PR_SET_MDWE = 38, 65
_KILL_OTHERS, _ALLOW = 0x00050000 | errno.EPERM, 0x7FFF0000


def names(wanted: str) -> Iterator[str]:
    """The system calls of a name, which may be that of a group (``@system-service``)."""
    if not wanted.startswith("@"):
        yield wanted
        return
    told = subprocess.run(
        ["systemd-analyze", "syscall-filter", wanted], capture_output=True, text=True, check=True
    )
    for line in told.stdout.splitlines()[1:]:
        word = line.strip().split(" ")[0]
        if line.startswith("    ") and word != "#":
            yield from names(word)


def restrict(unit: str) -> None:
    """Allow this process, and all that it starts, what ``unit`` allows."""
    lines = [line.partition("=") for line in unit.splitlines()]
    allowed = {
        call
        for key, _, value in lines
        if key == "SystemCallFilter"
        for word in value.split()
        for call in names(word)
    }
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    rules = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_KILL_OTHERS)))
    for call in allowed:
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            assert not library.seccomp_rule_add_array(rules, ctypes.c_uint32(_ALLOW), number, 0, None)
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    assert not library.seccomp_load(rules)
    if "MemoryDenyWriteExecute=yes" in unit:
        libc.prctl(_PR_SET_MDWE, 1, 0, 0, 0)


if __name__ == "__main__":
    restrict(Path(sys.argv[1]).read_text(encoding="utf-8"))
    os.execv(sys.argv[2], sys.argv[2:])
