"""The programs and codecs that the bot works with, each tried out on something small."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from utils.constants import Settings
from utils.diagnostics.check import Check, Level
from utils.errors import ProgramCrashed, ProgramError
from utils.media.commands import files_of
from utils.media.tools import MEMORY
from utils.pictures.pool import Pictures
from utils.pictures.protocol import FEATURES, Act, Trial, Undecoded
from utils.processes.confinement import Confinement
from utils.processes.supervisor import in_a_loop, run_blocking

GROUP = "Tools"
FFMPEG_NEEDED = (5, 1)
PATIENCE = 60.0

#: One second of picture and sound, made by ffmpeg itself.
TRIAL_INPUT = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=1", "-f", "lavfi", "-i", "sine=d=1")
#: An MP4 that can be written to a pipe, so that the trial leaves no file behind.
TRIAL_OUTPUT = ("-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "pipe:1")
#: What videos come in beside MP4, as ffmpeg calls it. There are builds that die on every one of a kind.
SAMPLES = {"a transport stream": "mpegts", "a Matroska file": "matroska"}
#: What helps against a program that crashes.
ANOTHER_BUILD = "Install another build of it, such as that of your system's package manager."


@dataclass(frozen=True)
class Ran:
    """How a program ended, with what it wrote. ``crashed``: it died of a mistake of its own."""

    ended_well: bool
    output: bytes
    last_words: str
    crashed: bool = False


def run(command: Sequence[str], given: bytes = b"") -> Ran:
    """Run a program as the bot does, or until it has taken too long; never raises for what it does."""
    files = files_of(command[1:])
    confinement = Confinement(MEMORY, reads=files.reads, writes=files.writes)
    try:
        done = run_blocking(command, confinement=confinement, within=PATIENCE, given=given)
    except ProgramError as error:
        return Ran(False, b"", error.told, isinstance(error, ProgramCrashed))
    return Ran(done.code == 0, done.output, done.errors[-1] if done.errors else "")


def check_tools(settings: Settings) -> Iterator[Check]:
    """ffmpeg, ffprobe and the encoder that the settings name."""
    programs = [check_program(name) for name in ("ffmpeg", "ffprobe")]
    yield from programs
    if all(check.level is not Level.FAIL for check in programs):
        conversion = check_conversion(settings)
        yield conversion
        if conversion.level is not Level.FAIL:
            yield from (check_sample(settings, what, muxer) for what, muxer in SAMPLES.items())


def check_program(name: str) -> Check:
    """ffmpeg or ffprobe: there, working, and new enough."""
    path = shutil.which(name)
    if path is None:
        return Check(GROUP, name, Level.FAIL, "not found", "Install ffmpeg; ./bot run does it.")
    ran = run((path, "-version"))
    if not ran.ended_well:
        return Check(
            GROUP, name, Level.FAIL, f"{path} does not work: {ran.last_words}", "Install ffmpeg again."
        )
    words = ran.output.decode("utf-8", "replace").split()
    text = words[2] if len(words) > 2 else "unknown"
    found = f"{text} ({path})"
    # A build from the sources of a day has no version number; it is taken as it is.
    if (version := version_of(text)) and version < FFMPEG_NEEDED:
        return Check(GROUP, name, Level.FAIL, found, "Install ffmpeg 5.1 or newer.")
    return Check(GROUP, name, Level.OK, found)


def version_of(text: str) -> tuple[int, ...]:
    """ "5.1.6-0+deb12u1" as (5, 1), "n7.0" as (7, 0), anything else as ()."""
    match = re.match(r"n?(\d+)\.(\d+)", text)
    return tuple(map(int, match.groups())) if match else ()


def check_conversion(settings: Settings) -> Check:
    """Convert one second with the encoder of the settings, and look at the result with ffprobe."""
    encoder = settings.VIDEO_ENCODER
    name = f"Trial conversion ({encoder}, aac)"
    made = make_trial(settings, TRIAL_OUTPUT)
    if not made.ended_well:
        advice = "Install an ffmpeg with this encoder, or correct VIDEO_ENCODER, VIDEO_PRESET and VIDEO_CRF."
        advice = ANOTHER_BUILD if made.crashed else advice
        return Check(GROUP, name, Level.FAIL, f"failed: {made.last_words}", advice)
    query = ("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", "-")
    seen = run(query, made.output)
    if seen.crashed:
        return Check(GROUP, name, Level.FAIL, seen.last_words, ANOTHER_BUILD)
    codecs_seen = seen.output.decode("utf-8", "replace").split()
    if codecs_seen != ["h264", "aac"]:
        found = f"gave {', '.join(codecs_seen) or seen.last_words or 'nothing'} instead of h264, aac"
        return Check(GROUP, name, Level.FAIL, found, "Name an H.264 encoder in VIDEO_ENCODER.")
    return Check(GROUP, name, Level.OK, f"one second became {len(made.output) / 1000:.0f} KB of h264, aac")


def make_trial(settings: Settings, output: Sequence[str]) -> Ran:
    """Encode one second as the settings say, and write it to ``output``."""
    codecs = ["-pix_fmt", "yuv420p", "-c:v", settings.VIDEO_ENCODER, "-c:a", "aac"]
    if settings.VIDEO_ENCODER == "libx264":
        codecs += ["-preset", settings.VIDEO_PRESET, "-crf", str(settings.VIDEO_CRF)]
    return run(("ffmpeg", "-nostdin", "-v", "error", *TRIAL_INPUT, *codecs, *output))


def check_sample(settings: Settings, what: str, muxer: str) -> Check:
    """Have both programs read one second in the container that ``muxer`` writes."""
    name = f"Trial reading ({what})"
    made = make_trial(settings, ("-f", muxer, "pipe:1"))
    readers = (
        ("ffprobe", "-v", "error", "-show_streams", "-"),
        ("ffmpeg", "-nostdin", "-v", "error", "-i", "pipe:0", "-f", "null", "-"),
    )
    for ran in (made, *(run(reader, made.output) for reader in readers if made.ended_well)):
        if ran.crashed:
            return Check(GROUP, name, Level.FAIL, ran.last_words, ANOTHER_BUILD)
        if not ran.ended_well:
            advice = f"A video in {what} may not be sent as one."
            return Check(GROUP, name, Level.WARN, f"failed: {ran.last_words}", advice)
    return Check(GROUP, name, Level.OK, "ffprobe and ffmpeg read it")


def check_pictures(settings: Settings) -> Iterator[Check]:
    """Pillow and the HEIC decoder, in a child as the bot has it."""
    try:
        trial = in_a_loop(Pictures(settings.PICTURE_MEMORY_MB * 1_000_000, keep=False).ask(Act.TRIAL))
    except Undecoded as error:
        found = f"the child that decodes them does not work ({error.why})"
        yield Check(GROUP, "Pictures", Level.FAIL, found, "Start this by ./bot doctor.")
        return
    assert isinstance(trial, Trial)
    yield from judge_pictures(trial)


def judge_pictures(trial: Trial) -> Iterator[Check]:
    """What it means that pictures can be decoded so far."""
    lacking = [name for name in FEATURES if name not in trial.features]
    if "jpg" in lacking or "zlib" in lacking:
        found = f"made without {', '.join(lacking)}"
        yield Check(GROUP, "Pillow", Level.FAIL, found, "Install Pillow again.")
        return
    level, found = (
        (Level.WARN, f"made without {', '.join(lacking)}") if lacking else (Level.OK, "JPEG, PNG, WebP, TIFF")
    )
    yield Check(GROUP, "Pictures", level, found, "Such pictures are sent as files." if lacking else "")
    width, height = trial.heic
    if not width:
        advice = "HEIC pictures are sent as files until pillow-heif works: start this by ./bot doctor."
        yield Check(GROUP, "HEIC", Level.WARN, "does not work", advice)
    else:
        found = f"decodes {width} × {height} (libheif {trial.version})"
        yield Check(GROUP, "HEIC", Level.OK, found)
