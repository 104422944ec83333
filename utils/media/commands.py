"""Argument lists for ffmpeg and ffprobe, each with what keeps it inside its file."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import ffmpeg

#: One option's value: None for an option without one, a sequence for one that is repeated.
Value = str | int | float | None | Sequence[str]

#: Demuxers meant for media files. None of them opens other files or the network, as hls, concat, image2,
#: sdp and their like do, whatever the name of the file says.
DEMUXERS = (
    "mov,matroska,avi,asf,asf_o,flv,live_flv,kux,mpegts,mpeg,mpegvideo,m4v,h261,h263,h264,hevc,vc1,vc1test,"
    "ogg,rm,mxf,mxg,dv,gif,apng,wtv,nut,nsv,yuv4mpegpipe,ivf,mjpeg,smjpeg,obu,av1,dirac,gxf,pva,ty,flic"
)

#: Pixels of one picture at most (8192 x 8192): a header may promise a picture that no memory holds.
MAX_PIXELS = 8192 * 8192
#: Streams that a file may have; more are not looked at.
MAX_STREAMS = 1000

#: Put before every input. `file` is for the name itself and `pipe` for our own ends.
SAFE_INPUT: Mapping[str, Value] = {
    "protocol_whitelist": "file,pipe",
    "format_whitelist": DEMUXERS,
    "max_streams": MAX_STREAMS,
    # A transport stream may show its tracks late.
    "probesize": 20_000_000,
    "analyzeduration": 20_000_000,
}

_FILE = "file:"
#: How encoders are called that need a device, and what these devices are called.
_IN_HARDWARE = ("_vaapi", "_qsv", "_nvenc", "_amf", "_v4l2m2m", "_vulkan", "_omx", "_rkmpp")
_DEVICES = ("dri", "nvidia*", "video*", "kfd", "mpp_service", "dma_heap")

_GLOBAL = (
    *("-hide_banner", "-nostdin", "-loglevel", "error"),
    *("-progress", "pipe:1", "-stats_period", "0.5"),
)
#: A stream that no input has, and that need not be there: it makes an input one without taking from it.
NO_STREAM = "t:9999?"


def name_of(path: Path) -> str:
    """``path`` as ffmpeg must be given it: without ``file:`` a name such as ``concat:a|b`` is a command."""
    return f"{_FILE}{path}"


@dataclass(frozen=True)
class Files:
    """What a call of ffmpeg or ffprobe opens, all absolute; ``outputs`` are files that are to be there."""

    reads: tuple[Path, ...]
    writes: tuple[Path, ...] = ()
    outputs: tuple[Path, ...] = ()


def files_of(arguments: Sequence[str], cwd: Path | None = None) -> Files:
    """What a call with ``arguments``, in the folder ``cwd``, needs to open. Looks for devices: blocking.

    A list of files is in its folder with all that it names; who cuts a file into parts makes them as it goes
    along, and so writes to their folder.
    """
    reads, outputs, writes = list[Path](), list[Path](), list[Path]()
    for option, name in itertools.pairwise(("", *arguments)):
        if name.startswith(_FILE):
            (reads if option == "-i" else outputs).append(_path(name, cwd))
    if cwd is not None and "concat" in arguments:
        reads.append(cwd.absolute())
    if "segment" in arguments:
        writes = [Path(str(pattern.parent).replace("%%", "%")) for pattern in outputs]
        outputs = []
    if any(word.endswith(_IN_HARDWARE) for word in arguments):
        reads.append(Path("/sys"))
        writes += [path for pattern in _DEVICES for path in Path("/dev").glob(pattern)]
    return Files(tuple(reads), (*outputs, *writes), tuple(outputs))


def _path(name: str, cwd: Path | None) -> Path:
    return (cwd or Path()).absolute() / name.removeprefix(_FILE)


class Job:
    """One ffmpeg call in the making: inputs, then the outputs that take streams from them."""

    def __init__(self, *, threads: int | None = None) -> None:
        self._inputs: list[ffmpeg.Stream] = []
        self._outputs: list[ffmpeg.Stream] = []
        self._threads = threads

    def input(self, path: Path, options: Mapping[str, Value] | None = None) -> int:
        """Add an input; returns its number."""
        merged = {**SAFE_INPUT, **(options or {})}
        if self._threads is not None:
            merged.setdefault("threads", self._threads)
        merged.setdefault("max_pixels", MAX_PIXELS)
        self._inputs.append(ffmpeg.input(name_of(path), **merged))
        return len(self._inputs) - 1

    def output(
        self, path: Path | None, streams: Sequence[tuple[int, str]], options: Mapping[str, Value]
    ) -> None:
        """Write ``streams`` (number of an input, stream specifier) to ``path``, or (None) nowhere.

        Nowhere means decoding only. The format of the file must be among ``options`` as ``f``.
        """
        # ffmpeg-python numbers inputs by first use and leaves out those without any.
        unused = set(range(len(self._inputs))) - {number for number, _ in streams}
        used = [*streams, *((number, NO_STREAM) for number in sorted(unused))]
        order = list(dict.fromkeys(number for number, _ in used))
        if order != sorted(order):
            raise ValueError("streams must be taken from the inputs in their order")
        merged = dict(options)
        if path is None:
            merged["f"] = "null"
        if self._threads is not None:
            merged.setdefault("threads", self._threads)
        name = "-" if path is None else name_of(path)
        chosen = [self._inputs[number][specifier] for number, specifier in used]
        self._outputs.append(ffmpeg.output(*chosen, name, **merged))

    def arguments(self) -> list[str]:
        """Everything after the program's name."""
        return [*_GLOBAL, "-y", *(str(part) for part in ffmpeg.get_args(self._whole()))]

    def _whole(self) -> ffmpeg.Stream:
        return self._outputs[0] if len(self._outputs) == 1 else ffmpeg.merge_outputs(*self._outputs)


def probe_arguments(path: Path, options: Mapping[str, Value]) -> list[str]:
    """Arguments for an ffprobe call; ffmpeg-python can build these only by its own blocking ``probe``."""
    arguments = ["-hide_banner", "-loglevel", "error"]
    for name, value in {**SAFE_INPUT, **options}.items():
        arguments.append(f"-{name}")
        if value is not None:
            arguments.append(str(value))
    return [*arguments, "-i", name_of(path)]
