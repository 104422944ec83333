"""Short videos with motion and sound: a camera that pans over a drawn landscape while chords are played."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from demo.landscape import Foreground, Size, landscape

#: What each clip is encoded with, after the inputs. Where it matters, the sound is what decides.
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "96k")
PLAYS = (*H264, *AAC, "-movflags", "+faststart")
REWRAP = (*H264, *AAC)
SOUND_ONLY = (*H264, "-c:a", "pcm_s16le")
FULL = ("-c:v", "mpeg4", "-q:v", "4", "-c:a", "mp2", "-b:a", "128k")

#: Four triads in Hz; each clip begins with another one.
CHORDS = ((220.0, 277.2, 329.6), (185.0, 220.0, 277.2), (146.8, 185.0, 220.0), (164.8, 207.7, 246.9))


@dataclass(frozen=True)
class Clip:
    """One video of the sample. ``seconds`` long, ``encoding`` are ffmpeg's options for both streams."""

    name: str
    number: int
    foreground: Foreground
    encoding: tuple[str, ...]
    seconds: int = 6
    size: Size = (1280, 720)
    rate: int = 25


def _sound(clip: Clip) -> str:
    """An ``aevalsrc`` expression: plucked chords, one a second and a half, left and right a bit apart."""
    order = [CHORDS[(clip.number + i) % len(CHORDS)] for i in range(len(CHORDS))]

    def channel(detune: float) -> str:
        plucked = [
            "+".join(f"sin({2 * 3.14159265 * hertz * detune:.3f}*t)" for hertz in chord) for chord in order
        ]
        chosen = plucked[-1]
        for place in reversed(range(len(plucked) - 1)):
            chosen = f"if(lt(mod(t,6),{1.5 * (place + 1)}),{plucked[place]},{chosen})"
        return f"0.16*exp(-2.2*mod(t,1.5))*({chosen})"

    return f"aevalsrc='{channel(1)}|{channel(1.003)}':s=44100:d={clip.seconds}"


def make_clip(clip: Clip, folder: Path) -> Path:
    """Draw and encode ``clip`` into ``folder``; gives the file. Raises CalledProcessError."""
    width, height = clip.size
    still = folder / f"{clip.number}.png"
    scene = landscape(clip.number, (width * 7 // 4, height * 5 // 4), foreground=clip.foreground)
    scene.save(still, compress_level=1)
    # The still is read and put into the encoder's colours once, not for each picture of the clip.
    pan = (
        "format=yuv444p,loop=loop=-1:size=1"
        f",crop={width}:{height}"
        f":x='(iw-ow)*(0.5-0.5*cos(PI*t/{clip.seconds}))'"
        f":y='(ih-oh)*(0.5+0.5*sin(PI*t/{clip.seconds}))'"
    )
    output = folder / clip.name
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
    command += ["-framerate", str(clip.rate), "-i", f"file:{still}", "-f", "lavfi", "-i", _sound(clip)]
    command += ["-vf", pan, "-t", str(clip.seconds), *clip.encoding, f"file:{output}"]
    subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8", errors="replace")
    still.unlink()
    return output
