"""What the benchmark of other machines needs: films, a part of a processor, a way that counts bytes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tests.cluster.yard import Yard
from tests.media.makers import turn

MB = 1_000_000
_HEVC = "-c:v libx265 -preset ultrafast -x265-params open-gop=1:keyint=50:log-level=none"
_MP3 = "-c:a libmp3lame"
#: Kinds of films, and ffmpeg's options for each. The AVI has to be wrapped anew before it can be cut.
KINDS = {
    "open.mkv": f"{_HEVC} {_MP3}",
    "film.mp4": f"{_HEVC} -c:a aac",
    "b-frames.avi": f"-c:v mpeg4 -bf 2 -q:v 4 {_MP3}",
    "interlaced.ts": "-c:v mpeg2video -flags +ilme+ildct -top 1 -bf 2 -q:v 4 -c:a mp2",
    "turned.mov": "-c:v prores_ks -profile:v 0 -c:a pcm_s16le",
    "varying.webm": "-vf select='not(mod(n\\,3)*mod(n\\,7))' -fps_mode vfr "
    "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus",
}
#: Frames of 2 MB each.
_LARGE = "-c:v mjpeg -q:v 1 -huffman 0 -pix_fmt yuvj444p -an"


def film(folder: Path, kind: str, seconds: float, size: str) -> Path:
    """A film of ``kind`` in ``folder``, with motion and noise in it. Blocking."""
    path = folder / kind
    noise, options, end = 12, KINDS.get(kind, _LARGE).split(), [f"{seconds:g}"]
    if kind not in KINDS:
        noise, size, end = 100, "1920x1080", ["600", "-fs", str(2_000_000_000)]
    picture = f"testsrc2=size={size}:rate=25,noise=alls={noise}:allf=t"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", picture]
    command += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", *options, "-t", *end]
    subprocess.run([*command, str(path)], check=True)
    return turn(path, 90) if kind == "turned.mov" else path


def verdict(value: float, bound: float, what: str) -> bool:
    """Print whether ``value`` keeps to ``bound``."""
    print(
        f"{'reached' if value <= bound else 'MISSED '}  {value:6.2f} {what} (at most {bound:g})", flush=True
    )
    return value <= bound


def peaks_anew() -> None:
    """Forget this process's peak."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak(process: int = 0) -> int:
    """The most memory that a process (0: this one) had, in bytes."""
    for line in Path(f"/proc/{process or 'self'}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


class Way:
    """A relay to the two ports of the farm at ``port``; counts the bytes that pass, of the second one."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._servers: list[asyncio.Server] = []
        self.port = 0
        #: Bytes of sources that went to machines, and what came back.
        self.there = self.back = 0

    async def __aenter__(self) -> Way:
        first = await asyncio.start_server(self._to_scheduler, "127.0.0.1", 0)
        self.port = first.sockets[0].getsockname()[1]
        second = await asyncio.start_server(self._to_door, "127.0.0.1", self.port + 1)
        self._servers = [first, second]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers:
            server.close()

    def lead(self, yard: Yard) -> None:
        """Have the next machines of ``yard`` come this way."""
        *begin, _, token = yard.lines[-1].split()
        yard.lines.append(" ".join([*begin, f"127.0.0.1:{self.port}", token]))

    async def _to_scheduler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._pass_on(reader, writer, self._to)

    async def _to_door(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def there(count: int) -> None:
            self.there += count

        def back(count: int) -> None:
            self.back += count

        await self._pass_on(reader, writer, self._to + 1, there, back)

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        port: int,
        there: Callable[[int], None] = lambda _: None,
        back: Callable[[int], None] = lambda _: None,
    ) -> None:
        try:
            coming, going = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pass(coming, writer, there), _pass(reader, going, back))


async def _pass(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: Callable[[int], None]
) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            count(len(data))
            await writer.drain()
    writer.close()


class Quarter:
    """``number`` cgroups that have a quarter of a processor each, for whoever is root."""

    _V1, _V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")

    def __init__(self, number: int) -> None:
        base = self._V1 if self._V1.is_dir() else self._V2
        self._folders = [base / f"quarter-{os.getpid()}-{n}" for n in range(number)]

    def __enter__(self) -> Quarter:
        for folder in self._folders:
            folder.mkdir()
            if folder.parent == self._V1:
                (folder / "cpu.cfs_period_us").write_text("100000")
                (folder / "cpu.cfs_quota_us").write_text("25000")
            else:
                (folder / "cpu.max").write_text("25000 100000")
        return self

    def each(self) -> Iterator[_One]:
        """One after the other."""
        return map(_One, self._folders)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for folder in self._folders:
            for process in (folder / "cgroup.procs").read_text().split():
                with suppress(OSError):
                    (folder.parent / "cgroup.procs").write_text(process)
            for _ in range(50):
                with suppress(OSError):
                    folder.rmdir()
                    break
                time.sleep(0.1)


class _One:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take_in(self, process: int) -> None:
        """It, and what it starts from now on, has to do with a quarter."""
        (self._folder / "cgroup.procs").write_text(str(process))
