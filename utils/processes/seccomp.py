"""A filter on system calls: no sockets, no look into other processes, whatever the system has besides.

https://docs.kernel.org/userspace-api/seccomp_filter.html. Needs no rights, and holds where namespaces are not
allowed, as in most containers. A network namespace and Landlock leave sockets with a name open (a user's own
service manager listens on one): nothing that the bot starts needs any.
"""

import ctypes
import os
import struct
import sys

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
#: Of a process: what its system calls are called by (AUDIT_ARCH in linux/audit.h), and the numbers of socket,
#: ptrace, process_vm_readv, process_vm_writev and, where it has one, socketcall.
_MACHINES = {
    "x86_64": (0xC000003E, (41, 101, 310, 311)),
    "aarch64": (0xC00000B7, (198, 117, 270, 271)),
    "riscv64": (0xC00000F3, (198, 117, 270, 271)),
    "armv7l": (0x40000028, (281, 26, 376, 377)),
    "i686": (0x40000003, (359, 26, 347, 348, 102)),
}
#: io_uring_setup (it makes sockets, too) and pidfd_getfd: the same everywhere.
_NEWER = (425, 438)
#: The other numbers of a 64-bit PC, for programs with 32-bit addresses, begin here.
_X32 = 0x40000000
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER_AT, _MACHINE_AT = 0, 4
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 13  # EACCES


def can_forbid() -> bool:
    """Whether the numbers of this machine are known. A process may be of fewer bits than its kernel."""
    wide = sys.maxsize > 1 << 32
    return os.uname().machine in _MACHINES and wide is os.uname().machine.endswith("64")


def forbid(libc: ctypes.CDLL) -> None:
    """From now on. Raises OSError; ``no_new_privs`` must be set."""
    machine, calls = _MACHINES[os.uname().machine]
    refused = [(_IF_EQUAL, number) for number in (*calls, *_NEWER)]
    if machine == _MACHINES["x86_64"][0]:
        refused.append((_IF_AT_LEAST, _X32))
    program = [(_LOAD, 0, 0, _MACHINE_AT), (_IF_EQUAL, 1, 0, machine), (_RETURN, 0, 0, _REFUSE)]
    program.append((_LOAD, 0, 0, _NUMBER_AT))
    program += [(test, len(refused) - place, 0, value) for place, (test, value) in enumerate(refused)]
    program += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    head = ctypes.create_string_buffer(struct.pack("HP", len(program), ctypes.addressof(code)))
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, head, 0, 0):
        raise OSError(ctypes.get_errno(), "no filter on system calls")
