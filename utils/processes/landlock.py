"""Landlock: the kernel lets a process open nothing but what it was told, and neither can what it starts.

https://docs.kernel.org/userspace-api/landlock.html. Needs no rights and no package; Linux 5.13 and newer.
What a child is handed open stays open.
"""

import ctypes
import os
import struct

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_FILE, _MAKE_REG = 1 << 5, 1 << 8
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
#: How many rights a version knows, from the first one on; what is named above is among them.
_KNOWN = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
#: From these versions on it also shuts TCP (bind, connect), and signals and abstract sockets to the outside.
_WITH_NETWORK, _WITH_SCOPES = 4, 6
_ALL_NETWORK = _ALL_SCOPES = 0b11

#: What is granted to files, by what they are named as; to folders with all that is in them as well.
_OF_FILES = {
    "system": _EXECUTE | _READ_FILE,
    "reads": _READ_FILE,
    "writes": _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV,
}
_OF_FOLDERS = {
    "system": _READ_DIR,
    "reads": _READ_DIR,
    "writes": _READ_DIR | _MAKE_REG | _REMOVE_FILE,
}


def version(libc: ctypes.CDLL) -> int:
    """Which version of Landlock the kernel has; 0 or less: none. Some systems kill whoever asks (Android)."""
    return int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _CREATE_RULESET_VERSION))


def restrict(libc: ctypes.CDLL, abi: int, paths: dict[str, list[str]]) -> None:
    """Keep this process to ``paths``, which are named by what may be done with them: see ``_OF_FILES``.

    ``abi`` is the version to use, no newer than the kernel's. Paths that are not there are passed over.
    Raises OSError when the kernel refuses, so that no child runs without what the system is known to have.
    """
    handled = (1 << _KNOWN.get(abi, 16)) - 1
    attributes = struct.pack(
        "=QQQ",
        handled,
        _ALL_NETWORK if abi >= _WITH_NETWORK else 0,
        _ALL_SCOPES if abi >= _WITH_SCOPES else 0,
    )
    size = 24 if abi >= _WITH_SCOPES else 16 if abi >= _WITH_NETWORK else 8
    rules = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0)
    if rules < 0:
        raise OSError(ctypes.get_errno(), "Landlock makes no rules")
    for name, members in paths.items():
        for path in members:
            _allow(libc, rules, path, handled, name)
    if libc.syscall(_RESTRICT_SELF, rules, 0):
        raise OSError(ctypes.get_errno(), "Landlock does not take its rules")
    os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: str, handled: int, name: str) -> None:
    try:
        file = os.open(path, os.O_PATH)
    except OSError:
        return
    rights = _OF_FILES[name]
    if os.fstat(file).st_mode & 0o170000 == 0o040000:
        rights |= _OF_FOLDERS[name]
    rule = struct.pack("=Qi", rights & handled, file)
    if libc.syscall(_ADD_RULE, rules, _RULE_PATH_BENEATH, rule, 0):
        raise OSError(ctypes.get_errno(), f"Landlock does not take {path}")
    os.close(file)
