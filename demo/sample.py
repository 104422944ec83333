"""The archive that the demo sends when it is given none, made on the spot.

23 photos in two folders, among them one above 10 MB, one HEIC, one panorama whose sides are more than 20
to 1 and one that a camera stored on its side; two videos that play as they are and three that each need
another kind of conversion; files that are neither; names in Cyrillic and Japanese.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image

from demo import clips
from demo.clips import Clip, make_clip
from demo.landscape import Foreground, Size, grain, landscape, pagoda, pines, torii

NAME = "Алтай и 京都 2024.zip"
ALTAI, KYOTO = "Алтай, июль", "京都の秋"
#: Stamp of every entry, so that the archive depends on nothing but this program.
DATE = (2024, 10, 27, 16, 45, 0)
ORIENTATION = 0x0112


@dataclass(frozen=True)
class Photo:
    """One picture of the sample, ``size`` in pixels as a person sees it."""

    name: str
    number: int
    foreground: Foreground
    size: Size = (1600, 1200)
    title: str = ""
    #: Deviation of the sensor's noise in levels of 255; noise is what makes a JPEG large.
    noise: float = 0
    quality: int = 88
    #: Stored a quarter turn to the left, with the EXIF tag that tells a viewer to turn it back.
    on_its_side: bool = False


def photos() -> tuple[Photo, ...]:
    """All 23, in the order of the archive."""
    tall, wide, square = (1200, 1600), (1920, 1080), (1300, 1300)
    altai = (
        Photo("01 Рассвет над озером.jpg", 0, pines, title="Altai, day one"),
        Photo("02 Перевал.jpg", 13, pines, wide),
        Photo("03 Вертикальный снимок с телефона.jpg", 7, pines, tall, on_its_side=True),
        Photo("04 Большой снимок (11 МБ).jpg", 3, pines, (4000, 3000), noise=18, quality=99),
        Photo("05 Панорама долины.jpg", 40, pines, (8400, 400)),
        Photo("06 Вечер.jpg", 1, pines, wide),
        Photo("07 Ночь.jpg", 2, pines),
        Photo("08 Туман.jpg", 15, pines, square),
        Photo("09 Дорога домой — последний день, очень длинное имя файла на память.jpg", 22, pines),
        Photo("10 Лагерь.png", 29, pines, (1000, 750)),
        Photo("11 Скалы.jpg", 19, pines, tall),
        Photo("12 Озеро.jpg", 6, pines),
    )
    kyoto = (
        Photo("写真1 朝の鳥居.jpg", 33, torii, title="Kyoto, autumn"),
        Photo("写真2 夕焼け.jpg", 4, torii, tall),
        Photo("写真3 iPhone.heic", 5, torii),
        Photo("写真4 五重塔.jpg", 10, pagoda, tall),
        Photo("写真5 月夜.jpg", 14, torii, wide),
        Photo("写真6 湖.jpg", 9, torii),
        Photo("写真7 桜.jpg", 16, pagoda),
        Photo("写真8 夜の塔.jpg", 26, pagoda, square),
        Photo("写真9 緑の谷.jpg", 11, pagoda, wide),
        Photo("写真10 旅の終わり.jpg", 25, torii),
        Photo("写真11 おまけ.webp", 21, pagoda, (1200, 900)),
    )
    return tuple(_in_folder(ALTAI, altai)) + tuple(_in_folder(KYOTO, kyoto))


def _in_folder(folder: str, pictures: tuple[Photo, ...]) -> Iterator[Photo]:
    for picture in pictures:
        yield Photo(**{**picture.__dict__, "name": f"{folder}/{picture.name}"})


#: In the order of the archive: two that play, then re-wrap, sound only, full conversion.
VIDEOS: tuple[tuple[str, Clip], ...] = (
    (ALTAI, Clip("Река.mp4", 12, pines, clips.PLAYS)),
    (KYOTO, Clip("祭り.mp4", 8, torii, clips.PLAYS, seconds=5, size=(720, 1280))),
    (ALTAI, Clip("Водопад.mkv", 18, pines, clips.REWRAP, seconds=8)),
    (KYOTO, Clip("お寺の鐘.mov", 17, pagoda, clips.SOUND_ONLY, seconds=7)),
    (ALTAI, Clip("Старая камера.avi", 31, pines, clips.FULL, seconds=8, size=(640, 480))),
)

OTHERS: tuple[tuple[str, str], ...] = (
    ("Прочти меня.txt", "Фотографии из двух поездок.\n二つの旅の写真です。\n"),
    (f"{ALTAI}/Маршрут.gpx", '<?xml version="1.0"?>\n<gpx version="1.1" creator="demo"><trk/></gpx>\n'),
    (f"{KYOTO}/予算.csv", "項目,円\n電車,13320\n抹茶,800\n"),
)


def make_photo(photo: Photo, path: Path) -> None:
    """Draw ``photo`` into the file ``path``, in the format that its suffix names."""
    drawn = photo.size if max(photo.size) <= 2000 or photo.size[1] < 1000 else (1600, 1200)
    picture = landscape(photo.number, drawn, foreground=photo.foreground, title=photo.title).resize(
        photo.size
    )
    if photo.noise:
        picture = grain(picture, photo.noise)
    exif = Image.Exif()
    if photo.on_its_side:
        picture = picture.transpose(Image.Transpose.ROTATE_90)
        exif[ORIENTATION] = 6
    if path.suffix == ".heic":
        pillow_heif.from_pillow(picture).save(path, quality=80)
    else:
        picture.save(path, quality=photo.quality, exif=exif.tobytes())


def _fingerprint() -> str:
    """Changes whenever the code that draws the sample changes."""
    here = Path(__file__).parent
    code = b"".join((here / name).read_bytes() for name in ("sample.py", "clips.py", "landscape.py"))
    return f"{zlib.crc32(code):08x}"


def sample_path(cache: Path) -> Path:
    """Where in the folder ``cache`` the sample archive is, or will be."""
    return cache / _fingerprint() / NAME


def make_sample(cache: Path, drawn: Callable[[int, int], object] = lambda done, total: None) -> Path:
    """The sample archive in the folder ``cache``; made when it is not there yet.

    ``drawn`` is told how many of the pictures and videos are ready, and how many there will be.
    """
    archive = sample_path(cache)
    if archive.exists():
        return archive
    cache.mkdir(parents=True, exist_ok=True)
    for stale in cache.iterdir():
        shutil.rmtree(stale, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        work = Path(scratch)
        members = _draw_all(work, drawn)
        unfinished = work / "sample.zip"
        _write_zip(unfinished, members)
        archive.parent.mkdir()
        unfinished.replace(archive)
    return archive


def _draw_all(work: Path, drawn: Callable[[int, int], object]) -> dict[str, Path]:
    """Every picture and video, by its name in the archive; drawn on all cores (Pillow lets go of the GIL)."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting: dict[str, Future[Path]] = {}
        for folder, clip in VIDEOS:
            waiting[f"{folder}/{clip.name}"] = pool.submit(make_clip, clip, work)
        members: dict[str, Path] = {}
        drawing: list[Future[None]] = []
        for position, photo in enumerate(photos()):
            members[photo.name] = work / f"photo{position}{Path(photo.name).suffix}"
            drawing.append(pool.submit(make_photo, photo, members[photo.name]))
        everything: list[Future[Any]] = [*drawing, *waiting.values()]
        for done, ready in enumerate(as_completed(everything), 1):
            ready.result()
            drawn(done, len(everything))
        return members | {name: clip.result() for name, clip in waiting.items()}


def _write_zip(path: Path, members: dict[str, Path]) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, source in members.items():
            with archive.open(zipfile.ZipInfo(name, DATE), "w") as entry, source.open("rb") as content:
                shutil.copyfileobj(content, entry)
        for name, text in OTHERS:
            archive.writestr(zipfile.ZipInfo(name, DATE), text.encode())
