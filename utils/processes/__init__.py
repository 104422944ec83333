"""Foreign programs: ffmpeg, ffprobe, 7-Zip, and what decodes pictures. Nothing else starts a process.

``launch.py`` is what every child is first: it gives up what a child need not have, and becomes the program
(``launching.py``, with ``landlock.py`` and ``seccomp.py``). On Linux it begins as a copy of a small process
that has all of this loaded (``forkserver.py``, ``forkserver_process.py``). ``system.py`` and ``probe.py``
find out what this system has for it. ``child.py`` is one that runs (``own.py``: its process, ``pipes.py``),
``supervisor.py`` runs one to its end, ``confinement.py`` says what one may do, ``room.py`` divides the disk,
and ``guard.py`` is what the bot does for itself.

What no child may do (docs/security.md says on which system, and what is left where one has less):

- open a file but those of the system that are for everybody, and those that it is given to read or to write
  (Landlock);
- use the network, or any socket (a network namespace, a filter on system calls);
- see, trace or signal a process that it did not start (a process and a user namespace, Landlock, the filter;
  the bot is not dumpable);
- gain rights by what it starts (``no_new_privs``; a user namespace takes even root's), or leave a core dump;
- see the bot's environment: no token and no setting, only PATH, the language, and where the system has its
  libraries and drivers; see open files of the bot; read its standard input;
- outlive the bot, its owner in the bot, or its time, nor may anything that it has started: it is killed and
  collected, whether it ends, fails, stands still, or nobody wants it any more. It is the first process of its
  namespace, which the kernel ends with it, and it with the bot. Without namespaces its process group is
  killed, and the bot adopts and ends who has left that;
- take memory away from the bot: the kernel, when it has none left, takes a child (``oom_score_adj``);
- write past what is to stay free of the disk, side by side with others (``room.py``);
- say without end: standard output is read as fast as its owner takes it and bounded where it is kept, of
  standard error the last lines are kept, or a file of ``NO_FILES`` bytes;
- push itself forward: it stands back for others on the CPU, and (Linux) is the last in line for the disk.

What one may do, and how much:

| | memory | largest file | open files | niceness | time |
|---|---|---|---|---|---|
| ffprobe | 8 GB of address space | none to speak of | 512 | 5 | a limit for each call |
| ffmpeg, asked or decoding | 8 GB | none to speak of | 512 | 5, 10 | a limit, and one for standing still |
| ffmpeg, writing | 8 GB | free disk less the reserve; a part: twice the whole | 512 | 10 | the same |
| pictures | `PICTURE_MEMORY_MB` together | 32 MB; an animation: as ffmpeg | 64 | 5 | 3 s each; alone 45 s |
| 7-Zip, into a pipe | 3 GB | none to speak of | 512 | 5 | for standing still; the rest is our own reading |

ffmpeg and ffprobe may compute for as long as their time is, on all cores. Where they can be counted by
themselves, a child has 1,024 processes and threads at most. As the first process of a namespace it hears no
signal that it sends itself: who ends by ``abort`` is seen to die of the fault that libc makes then (SIGSEGV,
SIGTRAP), which is a crash just the same.

Errors are neutral (:class:`utils.errors.ProgramError` and below): archives and media say what they mean for
their file. A program that dies of a mistake of its own (:class:`utils.errors.ProgramCrashed`) says nothing
about the file; one that was killed, or got no memory, did not crash.
"""
