"""When something was taken, by what is in the file itself."""

from __future__ import annotations

import io
import random
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

from tests.files import photo, video
from utils.media.moments import clock, date_in, taken_at, xmp_date

NOON = datetime(2024, 6, 12, 12, 0, 5, tzinfo=UTC).timestamp()
_ORIGINAL, _CAMERA, _CHANGED = 0x9003, 0x8769, 0x0132


def exif(original: str = "2024:06:12 12:00:05", changed: str = "2025:01:01 00:00:00") -> Image.Exif:
    found = Image.Exif()
    found[_CHANGED] = changed
    found.get_ifd(_CAMERA)[_ORIGINAL] = original
    return found


def picture(kind: str, facts: Image.Exif) -> bytes:
    output = io.BytesIO()
    if kind == "raw":
        # What cameras write is a TIFF, as EXIF is one.
        return facts.tobytes().removeprefix(b"Exif\0\0")
    if kind == "HEIF":
        pillow_heif.register_heif_opener()
    Image.effect_noise((64, 48), 50).convert("RGB").save(output, kind, exif=facts)
    return output.getvalue()


def of(folder: Path, content: bytes) -> float:
    path = folder / "000001"
    path.write_bytes(content)
    return taken_at(path)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "raw", "HEIF", "AVIF"])
def test_of_a_picture_it_is_when_the_shutter_opened(tmp_path: Path, kind: str) -> None:
    assert of(tmp_path, picture(kind, exif())) == NOON
    # Where that makes no sense, the time of the last change is better than nothing.
    changed = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
    assert of(tmp_path, picture(kind, exif(original="0000:00:00 00:00:00"))) == changed


@pytest.mark.parametrize(
    "said",
    [
        *("1601:01:01 00:00:00", "1904:01:01 00:00:00", "1970:01:01 00:00:00", "1980:01:01 00:00:00"),
        *("2099:12:31 23:59:59", "2024:13:01 00:00:00", "2024:02:30 12:00:00", "    :  :     :  :  ", ""),
    ],
)
def test_what_can_be_no_date_is_none(tmp_path: Path, said: str) -> None:
    assert of(tmp_path, picture("JPEG", exif(original=said, changed=said))) == 0


def test_without_exif_xmp_is_asked(tmp_path: Path) -> None:
    packet = b'<x:xmpmeta><rdf:Description exif:DateTimeOriginal="2024-06-12T12:00:05+02:00"/></x:xmpmeta>'
    assert of(tmp_path, photo(1) + packet) == NOON == xmp_date(packet)
    assert of(tmp_path, photo(1)) == of(tmp_path, b"") == of(tmp_path, b"II*\0") == 0
    assert date_in("2024-06-12T12:00") == clock(2024, 6, 12, 12, 0)


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
def test_of_a_video_it_is_what_its_container_says(
    tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        (tmp_path / "in.mp4").write_bytes(video())
        made, said = tmp_path / f"out.{ending}", ["-metadata", "creation_time=2024-06-12T03:00:05Z"]
        command = ["ffmpeg", "-v", "error", "-i", str(tmp_path / "in.mp4"), "-c", "copy"]
        subprocess.run([*command, *said, str(made)], check=True)
        assert taken_at(made) == NOON
        if ending == "mp4":
            data = bytearray(made.read_bytes())
            place = data.index(b"mvhd") + 8
            assert data[place - 4] == 0
            # Some count from 1970, as nothing else does there.
            data[place : place + 4] = (int(NOON) - 9 * 3600).to_bytes(4)
            assert of(tmp_path, bytes(data)) == NOON
        # Where Apple's own date is, with its zone, that counts.
        own = ["-metadata", "com.apple.quicktime.creationdate=2023-01-02T03:04:05-0700"]
        if ending == "mov":
            subprocess.run([*command, *said, *own, "-movflags", "use_metadata_tags", "-y", made], check=True)
            assert taken_at(made) == clock(2023, 1, 2, 3, 4, 5)
        assert of(tmp_path, video()) == 0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_whatever_metadata_say_nothing_but_a_time_comes_of_it(tmp_path: Path) -> None:
    dice = random.Random(7)  # noqa: S311
    sources = [picture(kind, exif()) for kind in ("JPEG", "PNG", "raw", "HEIF")] + [video(), video("mkv")]
    for _ in range(600):
        content = bytearray(dice.choice(sources))
        for _ in range(dice.choice((1, 3, 30))):
            content[dice.randrange(min(len(content), 2000))] = dice.randrange(256)
        found = of(tmp_path, bytes(content[: dice.randrange(len(content))]))
        assert found == 0 or found < time.time() + 3 * 86_400
