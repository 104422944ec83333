"""Live Photos as phones export them: a picture and a film of the same name."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

from tests.files import photo, video, zip_of
from tests.media.live import apple_film, apple_picture
from tests.media.makers import TOOLS
from tests.world import World
from utils.media import MediaTools, Verdict

APPLE = apple_picture(photo(11), "ONE")


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def test_pictures_and_their_films_are_live_photos_and_nothing_else_is(
    world: World, tmp_path: Path
) -> None:
    """Also where an album ends, and in a stream, whose next file nobody knows."""
    entries = {f"Trip/IMG_{n}.{e}": c for n in range(1, 13) for e, c in (("JPG", photo(n)), ("mp4", video()))}
    # A film that has to be converted, a long one, one in another folder, a picture that is none.
    entries |= {"Trip/IMG_12.mov": entries.pop("Trip/IMG_12.mp4")}
    # Of other names, but with Apple's identifier in both.
    del entries["Trip/IMG_11.mp4"]
    entries |= {"Trip/IMG_11.JPG": APPLE, "Trip/IMG_11a.MOV": apple_film(video("pcm"), "ONE")}
    entries |= {"Trip/long.jpg": photo(20), "Trip/long.mp4": video("mp4", seconds=7)}
    entries |= {"Trip/far.jpg": photo(21), "Zoo/far.mp4": video("mp4", seed=1)}
    entries |= {"Zoo/torn.jpg": photo(22)[:300], "Zoo/torn.mp4": video("mp4", seed=2)}
    archive = zip_of(tmp_path / "trip.zip", entries)
    stream = tmp_path / "again.tar"
    with tarfile.open(stream, "w") as tar:
        for name, content in entries.items():
            path = tmp_path / "one"
            path.write_bytes(content)
            tar.add(path, name)
    async with world.running():
        for path in (archive, stream):
            before = len(world.media())
            await world.send(path)
            await world.wait(f"{path.name}: 14 pictures (12 of them live), 3 videos and 1 file sent")
            await check(world, before)


async def check(world: World, before: int) -> None:
    media = world.media()[before:]
    photos = [message for message in media if message.kind == "photo"]
    live = {message.sha256: message.live for message in photos if message.live}
    pictures = {n: photo(n) for n in range(1, 13)} | {11: APPLE}
    assert set(live) == {sha(picture) for picture in pictures.values()}
    films = {n: live[sha(picture)] for n, picture in pictures.items()}
    assert all(films[n].read_bytes() == video() for n in films if n != 11)
    assert (await MediaTools(TOOLS).inspect(films[11], "a.mp4")).verdict is Verdict.READY
