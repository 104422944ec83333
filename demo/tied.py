"""Started as a program: has itself ended when the demo ends, however it ends, then becomes the given command.

    python tied.py PARENT COMMAND [ARGUMENT ...]

On Linux the kernel does it; elsewhere the demo ends what it started as long as it is not killed itself.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Become ``arguments[1:]``."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != int(arguments[0]):  # it ended before the kernel was told
            sys.exit(1)
    os.execv(arguments[1], arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
