"""Foreign programs: ffmpeg, ffprobe, 7-Zip, and what decodes pictures. Nothing else starts a process.

``launch.py`` is what every child is first: it gives up what a child need not have, and becomes the program.
``child.py`` is one that runs; ``supervisor.py`` runs one to its end; ``confinement.py`` says what one may do.

What no child may do:

- use the network (Linux, where a namespace of its own may be made: it then sees one without any connection);
- gain rights by what it starts (Linux: ``no_new_privs``), or leave a core dump;
- see the bot's environment: no token and no setting, only PATH, the language, and where the system has its
  libraries and drivers; see open files of the bot; read its standard input;
- outlive the bot (Linux: the kernel kills it), its owner in the bot, or its time: it is killed with its whole
  process group, and collected, whether it ends, fails, stands still, or nobody wants it any more;
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

Every child still reads what the bot's user may read, writes where that user may write, and may start others.

Errors are neutral (:class:`utils.errors.ProgramError` and below): archives and media say what they mean for
their file. A program that dies of a mistake of its own (:class:`utils.errors.ProgramCrashed`) says nothing
about the file; one that was killed, or got no memory, did not crash.
"""
