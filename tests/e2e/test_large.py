"""Files above the limit for one message: in parts that play, or in volumes, each exactly once."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from sandbox import StoredMessage
from tests.e2e.test_crashes import Point, check_state_files, journaled, logged, request, tell
from tests.files import ffmpeg_after, photo, zip_of
from tests.media.test_split import film, pictures
from tests.shared import made_once
from tests.world import World, until
from utils.constants import load_settings
from utils.media import MediaTools, Verdict
from utils.storage.volumes import how_to_join, volume_names

LIMIT = 1 << 20


@cache
def contents() -> dict[str, bytes]:
    """A film that plays, the same in a container to be converted, and one that no encoder converts."""

    def make(folder: Path) -> None:
        folder.mkdir()
        plays = film(folder / "film")
        quiet = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(plays)]
        subprocess.run([*quiet, "-c", "copy", "-f", "matroska", str(folder / "mkv")], check=True)
        mpeg4 = ["-t", "5", "-c:v", "mpeg4", "-q:v", "3", "-c:a", "libmp3lame", "-f", "avi"]
        subprocess.run([*quiet, *mpeg4, str(folder / "avi")], check=True)

    folder = made_once("large", make)
    return {
        "a/film.mp4": (folder / "film").read_bytes(),
        "a/it's old.avi": (folder / "avi").read_bytes(),
        "a/one.jpg": photo(1),
        "a/wrap.mkv": (folder / "mkv").read_bytes(),
    }


async def check_chat(world: World, folder: Path, archives: int = 1) -> None:
    """So many archives arrived one after another, each once, and nothing is left."""
    media = world.media()
    size = len(media) // archives
    for number in range(archives):
        await check_archive(media[number * size : (number + 1) * size], folder)
    assert len(media) == size * archives
    summaries = [m.text for m in world.chat() if m.kind == "text" and " sent." in m.text]
    assert len(summaries) == archives
    for summary in summaries:
        assert "1 picture, 2 videos and 1 file sent." in summary
        assert "✂️ Sent in parts, larger than Telegram takes: film.mp4 (" in summary
    assert world.leftovers() == []


async def check_archive(media: Sequence[StoredMessage], folder: Path) -> None:
    """Every frame of every film, in order, in parts that play; the volumes are the file."""
    assert [m.kind for m in media].count("photo") == 1
    source = folder / "source.mp4"
    source.write_bytes(contents()["a/film.mp4"])
    expected = pictures(source)
    for stem in ("film", "wrap_converted"):
        parts = [m for m in media if (m.name or "").startswith(f"{stem} (")]
        assert [m.name for m in parts] == [
            f"{stem} ({n} of {len(parts)}).mp4" for n in range(1, len(parts) + 1)
        ]
        assert len(parts) >= 3
        await check_parts(parts, folder)
        assert pictures(*(m.path for m in parts if m.path)) == expected
    check_volumes([m for m in media if m.kind == "document"])
    sent = sum(" (" in (m.name or "") or m.kind != "video" for m in media)
    assert sent == len(media)


async def check_parts(parts: Sequence[StoredMessage], folder: Path) -> None:
    tools = MediaTools.from_settings(load_settings({}, folder / "none"))
    for place, part in enumerate(parts, 1):
        assert part.path is not None and part.path.stat().st_size <= LIMIT
        assert part.kind == "video" and part.supports_streaming and part.thumb is not None
        found = await tools.inspect(part.path, "part.mp4")
        assert found.verdict is Verdict.READY, found.reason
        assert part.duration == pytest.approx(found.duration, abs=1)
        assert f"Part {place} of {len(parts)}" in part.caption


def check_volumes(volumes: Sequence[StoredMessage]) -> None:
    name = "it's old.avi"
    assert [m.name for m in volumes] == volume_names(name, len(volumes))
    assert len(volumes) >= 2
    whole = b"".join(m.path.read_bytes() for m in volumes if m.path)
    assert hashlib.sha256(whole).digest() == hashlib.sha256(contents()[f"a/{name}"]).digest()
    assert how_to_join(name, volume_names(name, len(volumes))) in volumes[0].caption
    assert "could not be converted" in volumes[0].caption
    assert not any("To join" in m.caption for m in volumes[1:])


@pytest.fixture
def limited(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Only small files are taken, and there is no encoder that works."""
    contents()
    monkeypatch.setenv("PATH", ffmpeg_after(tmp_path / "tools", "*libx264*", "exit 1"))
    world.settings = replace(world.settings, UPLOAD_LIMIT_MB=1, CONVERSION_MAX_RETRIES=1)
    return world


async def test_what_is_too_large_arrives_in_parts(limited: World, tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "big.zip", contents())
    async with limited.running():
        await limited.send(archive)
        await limited.summary()
        await until(lambda: not limited.leftovers())
    await check_chat(limited, tmp_path)


STORIES: dict[str, Sequence[Point]] = {
    "ready": [
        logged("✂️ film.mp4"),
        journaled("split", 1),
        request("messages.sendMedia", after=True),
        logged(r"✅ Uploaded film \(2 of"),
    ],
    "in volumes": [
        logged("✂️ it's old.avi"),
        logged(r"✅ Uploaded it's old.avi.001"),
        request("messages.sendMedia"),
    ],
    "converted": [
        logged("✂️ wrap_converted.mp4"),
        logged(r"✅ Uploaded wrap_converted \(1 of"),
        request("messages.sendMedia", after=True),
    ],
}


@pytest.mark.parametrize("name", STORIES)
async def test_killed_between_its_parts_each_arrives_once(limited: World, tmp_path: Path, name: str) -> None:
    async with limited.running():
        pass  # a bot that never ran has no place among the updates from which to catch up
    archives = await tell(limited, STORIES[name], contents())
    await check_chat(limited, tmp_path, archives)
    check_state_files(limited)
