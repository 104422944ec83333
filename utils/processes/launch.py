"""Started as a program: gives up what a child need not have, then becomes the program it was told.

    python -I -S launch.py [NAME=VALUE ...] -- PROGRAM [ARGUMENT ...]

The names are those of ``utils.processes.launching``, which does the work: a module, so that Python keeps it
compiled. Where there is no fork server (see ``forkserver.py``) this stands before every start of ffprobe. For
the same reason it loads nothing that it can do without (``signal`` alone costs 5 ms).

A program of its own rather than a ``preexec_fn``, since that runs Python between fork and exec of a process
that has threads: https://docs.python.org/3/library/subprocess.html#popen-constructor.
"""

import sys

if __name__ == "__main__":
    sys.path.append(__file__.removesuffix("/utils/processes/launch.py"))
    from utils.processes.launching import main

    main(sys.argv[1:])
