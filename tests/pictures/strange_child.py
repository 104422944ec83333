"""Stands for a child whose decoder goes wrong: it does what the picture says."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import time

WHOLE = b'{"answer": ["JPEG", 8, 8, [8, 8], false, false, 1, 1], "memory": %d}\n'

with socket.socket(fileno=0) as link:
    link.setblocking(True)
    link.sendall(b"ready\n")
    while True:
        line, files, _, _ = socket.recv_fds(link, 4096, 2)
        if not line:
            sys.exit()
        word = os.pread(files[0], 20, 0).decode()
        for file in files:
            os.close(file)
        if word == "hang":
            time.sleep(600)
        elif word == "crash":
            ctypes.string_at(0)
        elif word == "no memory":
            sys.stderr.write("terminate called after throwing an instance of 'std::bad_alloc'\n")
            sys.stderr.flush()
            os.abort()
        elif word == "endless":
            while True:
                link.sendall(b"x" * 65536)
        elif word == "garbage":
            link.sendall(b"\xff[[[\n")
        elif word == "lies":
            link.sendall(b'{"answer": ["../../etc", -8, 1e9, [8], 1, "no", -1, 1], "memory": 0}\n')
        elif word == "grown":
            link.sendall(WHOLE % 400_000_000)
        else:
            link.sendall(WHOLE % 20_000_000)
