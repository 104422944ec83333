"""What is seen of a video before it is played."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from sandbox.rpc import RpcError
from tests.e2e.test_crashes import journaled, logged, request, tell
from tests.files import H264, photo, video, zip_of
from tests.shared import made_once
from tests.world import BOT_ID, World, until

#: When the films were taken.
TAKEN = "2024-06-12T10:15:00.000000Z"


def film(kind: str) -> bytes:
    """Seven seconds of 640x360: a second of black, then a pattern."""

    def make(path: Path) -> None:
        pattern = "testsrc2=size=640x360:rate=10:duration=7,drawbox=t=fill:c=black:enable=lt(t\\,1)"
        how = [*H264, "-movflags", "+faststart"] if kind == "mp4" else [*H264]
        command = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", pattern, *how, "-g", "10"]
        command += ["-metadata", f"creation_time={TAKEN}"]
        subprocess.run([*command, "-f", {"mkv": "matroska"}.get(kind, kind), "-y", str(path)], check=True)

    return made_once(f"film-{kind}", make).read_bytes()


def brightness(path: Path | None) -> float:
    assert path is not None
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        return float(image.convert("L").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))  # type: ignore[arg-type]


def taken(path: Path | None) -> str:
    """When a film was taken, as the file says."""
    command = ["ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries", "format_tags=creation_time"]
    ran = subprocess.run([*command, str(path)], check=True, capture_output=True, text=True)
    return ran.stdout.strip()


async def test_a_video_is_covered_by_a_scene_of_its_own_or_by_the_picture_of_its_name(
    world: World, tmp_path: Path
) -> None:
    poster, other = photo(3, (800, 1200)), photo(4)
    entries = {
        "a/long.mp4": film("mp4"),
        "b/other.jpg": other,
        "b/later.avi": film("avi"),
        "b/later.jpg": poster,
        "b/poster.jpg": poster,
        "b/poster.mkv": film("mkv"),
        "c/short.mp4": video("silent"),
    }
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", entries))
        assert (await world.summary()).startswith("✅ a.zip: 3 pictures and 4 videos sent.")
        await until(lambda: not world.leftovers())
    came = {message.name: message for message in world.media() if message.kind == "video"}
    own = came["long.mp4"].cover
    with Image.open(io.BytesIO(own.read_bytes() if own else b"")) as image:
        assert image.format == "JPEG" and image.size == (640, 360)
    assert brightness(own) > 60 and brightness(came["long.mp4"].thumb) > 60
    # The pictures came as photos too; a film of two seconds may be that of a live photo, and needs none.
    for name in ("later_converted.mp4", "poster_converted.mp4"):
        cover = came[name].cover
        assert cover is not None and cover.read_bytes() == poster
        assert taken(came[name].path) == (TAKEN if name.startswith("poster") else "")
    assert came["short.mp4"].cover is None and came["short.mp4"].thumb is not None
    assert sum(message.kind == "photo" for message in world.media()) == 3
    # What clients see.
    seen = [message for message in await world.person.history("archive_bot") if message.video]
    assert [message.media.video_cover is not None for message in seen].count(True) == 3


@pytest.mark.parametrize("method", ["messages.uploadMedia", "messages.sendMedia"])
async def test_where_no_covers_are_taken_videos_come_without(
    world: World, tmp_path: Path, method: str
) -> None:
    def covered(request: object) -> bool:
        return getattr(getattr(request, "media", None), "video_cover", None) is not None

    world.sandbox.faults.fail(
        method,
        RpcError(400, "MEDIA_INVALID"),
        times=None,
        when=lambda call: call.user == BOT_ID and covered(call.request),
    )
    async with world.running():
        await world.send(zip_of(tmp_path / "a.zip", {"a.mp4": film("mp4")}))
        assert (await world.summary()).startswith("✅ a.zip: 1 video sent.")
    (came,) = world.media()
    assert (came.kind, came.cover) == ("video", None) and came.thumb is not None


async def test_killed_again_and_again_each_video_comes_once_with_its_cover(
    world: World, tmp_path: Path
) -> None:
    entries = {"film.jpg": photo(3), "film.mkv": film("mkv"), "long.mp4": film("mp4")}
    async with world.running():
        pass
    story = [
        journaled("file", 1),
        request("messages.uploadMedia", 2, after=True),
        request("messages.sendMultiMedia", after=True),
        logged("✅ Conversion completed: film.mkv"),
        request("messages.uploadMedia", 1, after=True),
    ]
    archives = await tell(world, story, entries)
    came = [message for message in world.media() if message.kind != "photo"]
    names = ["film_converted.mp4"] * archives + ["long.mp4"] * archives
    assert sorted(message.name for message in came) == names
    assert all(message.cover is not None for message in came)
    posters = [message.cover for message in came if message.name == "film_converted.mp4"]
    assert all(cover is not None and cover.read_bytes() == photo(3) for cover in posters)
    assert sum(message.kind == "photo" for message in world.media()) == archives
