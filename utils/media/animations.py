"""Moving pictures in picture formats: GIF, PNG, WebP, AVIF. They become silent videos."""

from __future__ import annotations

import asyncio
import itertools
import json
from fractions import Fraction
from pathlib import Path

from utils.errors import ConversionFailed, ConversionTimeout, DiskFull, NotMedia
from utils.media.boxes import read_layout
from utils.media.commands import MAX_PIXELS, Job, Value
from utils.media.disk import settle
from utils.media.encode import last_duration
from utils.media.photos import reason_of
from utils.media.probe import Probe, parse_probe
from utils.media.tools import Tools
from utils.pictures.protocol import Act, Frames, Look, Times, Undecoded, Why
from utils.texts import Text

#: Formats of which ffmpeg has no decoder for more than the first picture; Pillow's is used.
UNPACKED = ("webp", "avif")
#: First bytes of the formats that can move. Others are not asked.
_CAN_MOVE = (b"GIF8", b"\x89PNG", b"RIFF")
#: What HEIC says to be that is a film first of all; what says to be a picture first, is one.
_SEQUENCES = (b"hevc", b"hevx", b"hevm", b"hevs", b"msf1")


def can_move(head: bytes) -> bool:
    """Whether a picture that begins with ``head`` is of a format in which pictures may move."""
    return head.startswith(_CAN_MOVE) or head[4:8] == b"ftyp"


def is_sequence(path: Path, head: bytes) -> bool:
    """Whether the picture ``path``, which begins with ``head``, is a film of HEIC pictures, as it says first.

    Blocking.
    """
    if head[4:8] != b"ftyp" or head[8:12] not in _SEQUENCES:
        return False
    layout = read_layout(path)
    return layout is not None and any(track.samples > 1 for track in layout.tracks)


async def moving_format(path: Path, tools: Tools) -> str:
    """Name of the format in lower case if the picture moves, else "".

    Raises :class:`NotMedia`, with the figures, when one that moves is too large to be decoded.
    """
    try:
        found = await tools.pictures.ask(Act.LOOK, path)
    except Undecoded as error:
        raise NotMedia(reason_of(error)) from error
    assert isinstance(found, Look)
    if found.width * found.height > MAX_PIXELS:
        raise NotMedia(
            Text(
                "The animation is {width}x{height}: {megapixels:,.0f} megapixels, and no more than "
                "{limit:,.0f} are decoded.",
                width=found.width,
                height=found.height,
                megapixels=found.width * found.height / 1e6,
                limit=MAX_PIXELS / 1e6,
            )
        )
    return found.format


async def probe_animation(path: Path, name: str, tools: Tools) -> Probe:
    """What ffprobe would say of a moving WebP or AVIF (``name``, in lower case) if it could read one.

    Raises :class:`NotMedia`.
    """
    try:
        found = await tools.pictures.ask(Act.TIMES, path)
    except Undecoded as error:
        if error.why in (Why.DAMAGED, Why.CUT_OFF):
            raise NotMedia(Text("The animation cannot be decoded; it is damaged or empty.")) from error
        raise NotMedia(reason_of(error)) from error
    assert isinstance(found, Times)
    shown = sum(found.milliseconds)
    if not shown or not found.frames:
        raise NotMedia(Text("The animation cannot be decoded; it is damaged or empty."))
    seconds = shown / 1000 * found.frames / len(found.milliseconds)
    stream = {
        "index": 0,
        "codec_type": "video",
        "codec_name": name,
        "pix_fmt": "rgb24",
        "width": found.width,
        "height": found.height,
        "avg_frame_rate": str(Fraction(1000 * len(found.milliseconds), shown)),
        "time_base": "1/1000",
        "start_time": "0",
        "nb_frames": str(found.frames),
    }
    frame = {"type": "frame", "stream_index": 0}
    answer = {
        "streams": [stream],
        "format": {"format_name": name, "duration": str(seconds), "start_time": "0"},
        "packets_and_frames": [frame, {**frame, "type": "packet"}],
    }
    return parse_probe(json.dumps(answer).encode())


async def unpack(path: Path, folder: Path, tools: Tools, *, within: float, file_bytes: int) -> Path:
    """The pictures of a moving WebP or AVIF, lossless and each at its time, in a MOV file in ``folder``.

    ffmpeg has no decoder for them. The MOV file, and what it is made of, may have ``file_bytes`` each.
    """
    output, pictures = folder / "unpacked.mov", folder / "pictures"
    listing = folder / "pictures.txt"
    if await asyncio.to_thread(output.exists):
        return output
    try:
        frames = await _write_pictures(path, pictures, tools, within=within, file_bytes=file_bytes)
        await asyncio.to_thread(listing.write_text, _listing(pictures.name, frames), encoding="ascii")
        job = Job()
        # By its bare name, as in the join of segments: see join_arguments.
        number = job.input(
            Path(listing.name),
            {
                **{"f": "concat", "safe": 0, "format_whitelist": "concat,png_pipe"},
                "protocol_whitelist": "file,subfile",
            },
        )
        part = output.with_name(f"{output.name}.part")
        # Unlike Matroska it says how long the last picture is shown.
        last = last_duration(len(frames.milliseconds) - 1, frames.milliseconds[-1])
        options: dict[str, Value] = {"c:v": "copy", "bsf:v": last, "video_track_timescale": 1000, "f": "mov"}
        job.output(part, [(number, "v:0")], options)
        await tools.convert(job.arguments(), within=within, stall=within, cwd=folder, file_bytes=file_bytes)
        await asyncio.to_thread(settle, part, output)
    finally:
        for file in (pictures, listing):
            await asyncio.to_thread(file.unlink, missing_ok=True)
    return output


async def _write_pictures(
    path: Path, output: Path, tools: Tools, *, within: float, file_bytes: int
) -> Frames:
    """All pictures of it in one file, PNG behind PNG."""
    try:
        unpacking = tools.pictures.unpack(path, output, within=within, file_bytes=file_bytes)
        frames = await tools.room.keep(unpacking, output.parent)
    except Undecoded as error:
        if error.why is Why.TIME:
            raise ConversionTimeout(
                Text("Unpacking its pictures took longer than {seconds:.0f} seconds.", seconds=within)
            ) from error
        if error.why is Why.NO_ROOM:
            raise DiskFull(
                Text("The disk was full before all pictures of the animation were unpacked.")
            ) from error
        if error.why in (Why.DAMAGED, Why.CUT_OFF):
            raise ConversionFailed(Text("None of its pictures can be decoded.")) from error
        raise ConversionFailed(reason_of(error)) from error
    assert isinstance(frames, Frames)
    written = (await asyncio.to_thread(output.stat)).st_size
    if not frames.sizes or len(frames.sizes) != len(frames.milliseconds) or sum(frames.sizes) > written:
        raise ConversionFailed(Text("None of its pictures can be decoded."))
    return frames


def _listing(name: str, frames: Frames) -> str:
    """The list of the pictures in the file ``name`` for ffmpeg, each shown for its time."""
    lines = ["ffconcat version 1.0"]
    ends = itertools.accumulate(frames.sizes)
    for end, size, milliseconds in zip(ends, frames.sizes, frames.milliseconds, strict=True):
        lines.append(f"file subfile,,start,{end - size},end,{end},,:{name}")
        lines += ["option framerate 1000", f"duration {milliseconds / 1000:.3f}"]
    return "\n".join(lines) + "\n"
