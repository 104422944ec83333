"""Started as a program, confined: decodes the pictures that come in as open files, one after another.

    python -I child.py MEMORY [FOLDER ...]

MEMORY is what decoding may take, in bytes; more is refused by the system. The libraries are in the FOLDERs.
Standard input is a socket, on which requests come and answers go: see ``protocol.py``. Of our own it can read
what is in this folder, and nothing else.
"""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import sys
import warnings
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from utils.pictures.protocol import Request

#: What it ends with when it has no memory left even to say so.
NO_MEMORY = 86
#: mallopt(3)
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
#: Bytes from which on it is looked whether some can be freed.
_MUCH = 40 << 20


def main(memory: int) -> None:
    """Serve until the other side hangs up."""
    _give_back()
    from utils.pictures.protocol import read_request

    with socket.socket(fileno=0) as link:
        link.setblocking(True)
        # Slow when it is done for the first time, and part of no picture's time.
        _warm_up()
        link.sendall(b"ready\n")
        while True:
            line, descriptors, _, _ = socket.recv_fds(link, 4096, 2)
            if not line:
                return
            files = [
                os.fdopen(number, mode) for number, mode in zip(descriptors, ("rb", "r+b"), strict=False)
            ]
            answer = _answer(read_request(line), files, memory - _in_use())  # type: ignore[arg-type]
            for file in files:
                file.close()
            link.sendall(answer)


def _know_this_folder() -> None:
    """Have it found as ``utils.pictures``, without a look at the folders above it, which are shut."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib takes time to load
    for name, folder in (("utils", os.path.dirname(here)), ("utils.pictures", here)):  # noqa: PTH120
        package = type(sys)(name)
        package.__path__ = [folder]
        sys.modules[name] = package


def _give_back() -> None:
    """Have the C library (glibc) give the memory of large pictures back, instead of keeping it for more."""
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 20)
        libc.mallopt(_M_ARENA_MAX, 1)


def _warm_up() -> None:
    from utils.pictures import animations, photos, sheet
    from utils.pictures.opening import formats_of

    assert animations and photos and sheet
    formats_of(b"\xff\xd8\xff")
    warnings.simplefilter("ignore")  # what Pillow warns of is the picture's fault


def _answer(request: Request, files: list[BinaryIO], memory: int) -> bytes:
    from utils.pictures import animations, photos, sheet
    from utils.pictures.opening import trial
    from utils.pictures.protocol import Act, Answer, Undecoded, answer_line

    act = request.act
    answer: Answer | Undecoded
    try:
        if act == Act.TRIAL:
            answer = trial()
        elif act == Act.LOOK:
            answer = animations.look(files[0], memory)
        elif act == Act.TIMES:
            answer = animations.times(files[0], memory)
        elif act == Act.FRAMES:
            answer = animations.write_frames(files[0], files[1], memory)
        elif act == Act.STAY:
            answer = photos.look_whether_it_stays(files[0], memory, request)
        elif act == Act.SQUARE:
            answer = sheet.make_square(files[0], files[1], memory)
        elif act == Act.SHEET:
            answer = sheet.make_sheet(files[0], files[1])
        else:
            answer = photos.make_photo(files[0], files[1], memory, request)
    except Undecoded as error:
        # Without where it came from, which would keep the picture in memory.
        answer = Undecoded(error.why, *error.figures)
    if _in_use() > _MUCH:
        gc.collect()
    return answer_line(answer, _in_use())


def _in_use() -> int:
    """Bytes of memory that are taken now; a guess where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 - pathlib takes memory and time to load
            # The sixth number is data and stack, in pages: what the limit counts.
            return int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 16 << 20


if __name__ == "__main__":
    _know_this_folder()
    sys.path += sys.argv[2:]
    try:
        main(int(sys.argv[1]))
    except MemoryError:
        os._exit(NO_MEMORY)
