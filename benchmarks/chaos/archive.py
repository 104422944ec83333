"""The archive of one round: what is in it, and what has to become of each file."""

from __future__ import annotations

import io
import random
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from benchmarks.chaos.plan import Plan
from benchmarks.crash import unlike, unlike_video
from tests.archives.making import seven_zip
from tests.files import photo, video

#: The password of those archives that have one; the bot's settings hold it.
PASSWORD = "chaos-Passw0rd"
#: Videos that are converted: the file's ending, its kind, its seconds. The last has several segments.
CLIPS = {"mkv": ("mkv", 1.0), "mov": ("pcm", 1.0), "avi": ("avi", 5.0)}
#: Kinds of files whose bytes arrive as they are.
KEPT = ("photo", "ready", "no photo")
#: Those of which nobody knows what can be saved: they come as whatever they can.
DAMAGED = ("cut photo", "cut video", "no photo")


@dataclass(frozen=True)
class Item:
    """One file: its name in the archive, what it is (see ``plan``), and its bytes."""

    path: str
    kind: str
    content: bytes

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def sha256(self) -> str:
        return sha256(self.content).hexdigest()

    @property
    def wanted(self) -> bool:
        """Whether it is a picture or a video, however damaged."""
        return self.kind not in ("other", "system")


@dataclass(frozen=True)
class Archive:
    """One archive: its ``name`` in the chat, its files in order, and the messages that it comes in."""

    name: str
    items: Sequence[Item]
    messages: Sequence[Path]


def make(plan: Plan, folder: Path) -> Archive:
    """The archive of ``plan``, in files below ``folder``. Blocking."""
    dice = random.Random(f"archive {plan.seed} {plan.number}")  # noqa: S311
    items = [item for place, _ in enumerate(plan.folders) for item in _items(plan, place, dice)]
    # With a number in it, no archive is one that was sent before.
    items.append(Item("about.txt", "other", f"{plan.seed} {plan.number}".encode()))
    path = _pack(folder / f"chaos{plan.number}.{plan.form}", plan, {i.path: i.content for i in items})
    if plan.pieces == 1:
        return Archive(path.name, items, [path])
    content = path.read_bytes()
    size = -(-len(content) // plan.pieces)
    volumes = []
    for number in range(plan.pieces):
        volume = path.with_name(f"{path.name}.{number + 1:03d}")
        volume.write_bytes(content[number * size : (number + 1) * size])
        volumes.append(volume)
    dice.shuffle(volumes)
    return Archive(path.name, items, volumes)


def _items(plan: Plan, place: int, dice: random.Random) -> list[Item]:
    base = 10_000 * (plan.number + 1) + 1000 * place
    folder, found = "abc"[place], []
    for kind, count in plan.folders[place].items():
        for n in range(count):
            name, content = _file(kind, base + n, n, dice)
            prefix = "" if kind == "system" else folder
            found.append(Item(f"{folder}/{prefix}{name}", kind, content))
    return found


def _file(kind: str, unique: int, n: int, dice: random.Random) -> tuple[str, bytes]:
    """Name and content of one file; no two of all archives have the same bytes, but for converted ones."""
    if kind == "photo":
        return f"p{n:02d}.jpg", unlike(_photo(n, "JPEG"), unique)
    if kind == "webp":
        return f"w{n:02d}.webp", _photo(50 + 5 * (unique // 1000 % 10) + n, "WEBP")
    if kind == "ready":
        return f"r{n:02d}.mp4", unlike_video(video("mp4", seconds=1, seed=n % 2), unique)
    if kind == "convert":
        ending = dice.choice(list(CLIPS))
        return f"v{n:02d}.{ending}", clip(ending)
    if kind == "cut photo":
        whole = unlike(_photo(70 + 5 * (unique // 1000 % 10) + n, "JPEG"), unique)
        return f"x{n:02d}.jpg", whole[: len(whole) * 2 // 3]
    if kind == "cut video":
        whole = video("mp4", seconds=1)
        return f"y{n:02d}.mp4", unlike_video(whole[: len(whole) // 2], unique)
    if kind == "no photo":
        return f"z{n:02d}.jpg", b"\xff\xd8\xff\xe0" + dice.randbytes(500)
    if kind == "system":
        return ".DS_Store", b"nothing"
    return f"o{n:02d}.txt", b"text %d" % unique


def clip(ending: str) -> bytes:
    """The video of that ending which is to be converted; each archive has the same, so that the result is."""
    kind, seconds = CLIPS[ending]
    return video(kind, seconds=seconds)


@cache
def _photo(seed: int, kind: str) -> bytes:
    return photo(seed, (160, 120), kind)


def _pack(path: Path, plan: Plan, entries: Mapping[str, bytes]) -> Path:
    if plan.form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in entries.items():
                archive.writestr(name, content)
    elif plan.form == "7z":
        seven_zip(path, entries, *([f"-p{PASSWORD}"] if plan.password else []))
    else:
        with tarfile.open(path, "w:gz" if plan.form == "tar.gz" else "w") as tar:
            for name, content in entries.items():
                header = tarfile.TarInfo(name)
                header.size = len(content)
                tar.addfile(header, io.BytesIO(content))
    return path
