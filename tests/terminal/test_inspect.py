"""``inspect ARCHIVE`` as somebody types it."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.process import Ended, run, start
from tests.files import photo, song, video, zip_of
from tests.media.live import JPEG_LAYOUTS, apple_film, apple_picture
from tests.pictures.makers import bmp_header, half_heic, pages_of_which_one_is_unreadable, psd, raw_file
from tests.pictures.scene import scene
from utils.archives import FileSource, Limits
from utils.archives.engine import find_engine
from utils.constants import ROOT, SETTINGS, Settings
from utils.jobs.ordering import order_of
from utils.media import Choice, MediaTools
from utils.terminal.bars import Bar
from utils.terminal.inspect import inspect_archive, print_text, volumes_of

NOTES = b"only text"


async def inspect(folder: Path, *arguments: str | Path, **settings: str) -> Ended:
    """Run it with nothing but ``settings``; temporary files go to ``folder``/tmp."""
    known = {info.name for info in SETTINGS}
    environ = {name: text for name, text in os.environ.items() if name not in known}
    (folder / "tmp").mkdir(exist_ok=True)
    environ |= {"SECRETS_FILE": str(folder / "none"), "TMPDIR": str(folder / "tmp"), **settings}
    ended = await run(environ, "inspect", *map(str, arguments))
    assert list((folder / "tmp").iterdir()) == []
    return ended


def rows(ended: Ended) -> dict[str, dict[str, object]]:
    """The objects of ``--json`` by name; each name is there once."""
    listed = [json.loads(line) for line in ended.out.splitlines()]
    found = {row.pop("name"): row for row in listed}
    assert len(found) == len(listed)
    return found


def seven(path: Path, content: bytes, *options: str) -> Path:
    """A 7z archive with one picture in it."""
    source = path.with_suffix(".jpg")
    source.write_bytes(content)
    command = [str(find_engine()), "a", "-bso0", "-mx0", *options, str(path), str(source)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def damaged_zip(path: Path) -> Path:
    """Two pictures, the second with one byte changed."""
    content = bytearray(zip_of(path, {"a.jpg": photo(1), "b.jpg": photo(2)}).read_bytes())
    content[content.index(photo(2)) + 5000] ^= 1
    path.write_bytes(content)
    return path


async def test_each_entry_has_a_kind_a_plan_and_a_reason(tmp_path: Path) -> None:
    entries = {
        "a/Море.jpg": photo(1),
        "a/scan.bmp": photo(2, kind="BMP"),
        "a/pages.tif": pages_of_which_one_is_unreadable(),
        "b/plays.mp4": video("mp4"),
        "b/wrap.mkv": video("mkv"),
        "b/sound.mov": video("pcm"),
        "b/old.avi": video("avi"),
        "notes.txt": NOTES,
        "empty.jpg": b"\xff\xd8\xff\xe0 this is no picture",
        "bad/cut.heic": half_heic(),
        "bad/kind.psb": psd(scene(), version=2),
        "bad/large.bmp": b"BM" + struct.pack("<IHHI", 0, 0, 0, 54) + bmp_header(30_000, 30_000),
        "bad/raw.dng": raw_file(),
        "bad/unknown.mp4": video("mp4").replace(b"avc1", b"bvc2"),
        "card/zeros.JPG": bytes(9000),
        "card/nothing.mov": b"",
        "card/page.jpeg": b"<!DOCTYPE html><html>",
        "card/page.svg": b"<svg>",
        "card/sings.mp4": song("m4a", "A"),
        "card/sings.mov": song("mp3", "A"),
    }
    # What is wrong with it, as the bot says it.
    bad = {
        "bad/cut.heic": "cut off before there is anything to see",
        "bad/kind.psb": "of a kind that I cannot show",
        "bad/large.bmp": "no more than 128 are decoded here",
        "bad/raw.dng": "a camera's raw file without a preview",
        "bad/unknown.mp4": "Its codec (bvc2) is not known here",
    }
    archive = zip_of(tmp_path / "a.zip", entries)
    ended = await inspect(tmp_path, archive, "--json")
    assert (ended.code, ended.err) == (0, "")
    found = rows(ended)
    assert {name: (row["kind"], row["plan"]) for name, row in found.items()} == {
        "a/Море.jpg": ("photo", "send"),
        "a/scan.bmp": ("photo", "send"),
        "a/pages.tif": ("photo", "send"),
        "b/plays.mp4": ("video", "send"),
        "b/wrap.mkv": ("video", "remux"),
        "b/sound.mov": ("video", "audio"),
        "b/old.avi": ("video", "full"),
        "notes.txt": ("other", "skip"),
        "empty.jpg": ("document", "send"),
        **dict.fromkeys(bad, ("document", "send")),
        "card/zeros.JPG": ("document", "send"),
        "card/nothing.mov": ("other", "skip"),
        "card/page.jpeg": ("document", "send"),
        "card/page.svg": ("other", "skip"),
        "card/sings.mp4": ("music", "send"),
        "card/sings.mov": ("music", "send"),
    }
    assert {name: row["size"] for name, row in found.items()} == {n: len(c) for n, c in entries.items()}
    words = {
        "a/scan.bmp": "Converted from BMP",
        "a/pages.tif": "It comes as 2 pages. Page 2 cannot be shown: The picture is of a kind",
        "b/wrap.mkv": "Matroska",
        "b/sound.mov": "PCM",
        "b/old.avi": "MPEG-4",
        "notes.txt": "neither a picture nor a video",
        "empty.jpg": "cut off before there is anything to see",
        **bad,
        "card/zeros.JPG": "only zeros",
        "card/nothing.mov": "empty",
        "card/page.jpeg": "called like a picture or a video, and is neither",
        "card/sings.mp4": "sound but no picture",
        "card/sings.mov": "sound but no picture",
    }
    for name, word in words.items():
        assert word in str(found[name]["reason"]), name
    assert all(row["reason"] for row in found.values())


async def test_live_photos_and_motion_photos_are_told_in_the_order_that_is_set(tmp_path: Path) -> None:
    film = video("mp4", seconds=1)
    before, behind = JPEG_LAYOUTS["Samsung"](photo(5), film)
    entries = {
        "b_20200101.jpg": photo(1),
        "a_20240612.jpg": apple_picture(photo(2), "ONE"),
        "c_20240613.mov": apple_film(video("pcm"), "ONE"),
        "d_20240614.jpg": before + film + behind,
        "b_20200101.mp4": film,
    }
    archive = zip_of(tmp_path / "a.zip", entries)
    found = rows(await inspect(tmp_path, archive, "--json", ORDER="date"))
    told = {name: str(row["reason"]).partition("It comes as ")[2] for name, row in found.items()}
    assert list(told.items()) == [
        ("b_20200101.jpg", ""),
        ("b_20200101.mp4", "a live photo, with b_20200101.jpg."),
        ("a_20240612.jpg", ""),
        ("c_20240613.mov", "a live photo, with a_20240612.jpg."),
        ("d_20240614.jpg", ""),
        ("d_20240614.jpg (film)", "a live photo, with d_20240614.jpg."),
    ]
    assert next(iter(rows(await inspect(tmp_path, archive, "--json")))) == "a_20240612.jpg"


async def test_other_files_and_originals_are_told_as_they_are_set(tmp_path: Path) -> None:
    entries = {"a.jpg": photo(1), "a.mp3": song("mp3", "A", cover=True), "empty.txt": b"", "notes.txt": NOTES}
    archive = zip_of(tmp_path / "a.zip", entries)
    sent = rows(await inspect(tmp_path, archive, "--json", OTHER_FILES="send"))
    kinds = {"a.jpg": "photo", "a.mp3": "music", "empty.txt": "other", "notes.txt": "document"}
    assert {name: row["kind"] for name, row in sent.items()} == kinds
    assert [name for name, row in sent.items() if row["plan"] != "send"] == ["empty.txt"]
    as_files = rows(await inspect(tmp_path, archive, "--json", AS_FILES="True"))
    assert [name for name, row in as_files.items() if row["kind"] == "document"] == [
        *("a.jpg", "a.mp3", "notes.txt")
    ]


async def test_the_same_as_lines_for_a_person(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"a.jpg": photo(1), "notes.txt": NOTES})
    ended = await inspect(tmp_path, archive)
    assert ended.code == 0
    lines = {line.split()[3]: line.split()[:3] for line in ended.out.splitlines()}
    assert lines == {
        "a.jpg": ["send", "photo", f"{len(photo(1)):,}"],
        "notes.txt": ["skip", "other", str(len(NOTES))],
    }


async def test_many_entries_at_once_are_not_mixed_up(tmp_path: Path) -> None:
    entries = {f"{n}.jpg": photo(n) + bytes(n) for n in range(30)}
    found = rows(await inspect(tmp_path, zip_of(tmp_path / "a.zip", entries), "--json"))
    assert {name: row["size"] for name, row in found.items()} == {n: len(c) for n, c in entries.items()}
    assert {str(row["kind"]) for row in found.values()} == {"photo"}


@pytest.mark.parametrize("arguments", [(), ("nowhere.zip",), ("--what",)])
async def test_wrong_usage_is_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = await inspect(tmp_path, *arguments)
    assert ended.code == 2
    assert ended.err and not ended.out


@pytest.mark.parametrize("content", [NOTES, b"", photo(1)])
async def test_no_archive_is_3(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    ended = await inspect(tmp_path, tmp_path / "a.zip")
    assert (ended.code, ended.out) == (3, "")
    assert "❌ a.zip: " in ended.err and "Traceback" not in ended.err


@pytest.mark.parametrize("options", [(), ("-mhe=on",)])
async def test_a_password_that_is_missing_or_wrong_is_4(tmp_path: Path, options: tuple[str, ...]) -> None:
    archive = seven(tmp_path / "a.7z", photo(1), "-popensesame", *options)
    for given in ((), ("--password", "wrong")):
        ended = await inspect(tmp_path, archive, *given)
        assert (ended.code, ended.out) == (4, "")
        assert "password" in ended.err and "Traceback" not in ended.err
    right = ("--password", "wrong", "--password", "opensesame", "--json")
    ended = await inspect(tmp_path, archive, *right)
    assert ended.code == 0 and rows(ended)["a.jpg"]["kind"] == "photo"
    ended = await inspect(tmp_path, archive, ARCHIVE_PASSWORDS="opensesame")
    assert ended.code == 0


async def test_damage_is_5_and_what_can_be_read_is_printed(tmp_path: Path) -> None:
    ended = await inspect(tmp_path, damaged_zip(tmp_path / "a.zip"), "--json")
    assert ended.code == 5
    found = rows(ended)
    assert (found["a.jpg"]["kind"], found["a.jpg"]["plan"]) == ("photo", "send")
    assert found["b.jpg"]["plan"] == "skip" and found["b.jpg"]["reason"]


async def test_a_limit_is_6_and_says_its_figures(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {f"{n}.jpg": photo(n) for n in range(5)})
    ended = await inspect(tmp_path, archive, ARCHIVE_MAX_ENTRIES="3")
    assert ended.code == 6
    assert "3" in ended.err and "❌ a.zip: " in ended.err


async def test_a_split_archive_is_read_from_any_of_its_volumes(tmp_path: Path) -> None:
    seven(tmp_path / "a.7z", photo(1) + bytes(50_000), "-v20k")
    volumes = sorted(tmp_path.glob("a.7z.*"))
    assert len(volumes) > 2
    zip_of(tmp_path / "a.7z.zip", {"other.jpg": photo(2)})
    for volume in (volumes[0], volumes[-1]):
        ended = await inspect(tmp_path, volume, "--json")
        assert (ended.code, list(rows(ended))) == (0, ["a.jpg"])
    volumes[1].unlink()
    ended = await inspect(tmp_path, volumes[0])
    assert ended.code == 5 and "a.7z.002" in ended.err


async def test_pieces_of_an_archive_beside_it_are_left_alone(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {"a.jpg": photo(1)})
    (tmp_path / "a.zip.002").write_bytes(b"a piece")
    ended = await inspect(tmp_path, archive, "--json")
    assert (ended.code, list(rows(ended))) == (0, ["a.jpg"])


async def test_it_ends_quietly_when_nobody_reads_on(tmp_path: Path) -> None:
    archive = zip_of(tmp_path / "a.zip", {f"{n}.txt": NOTES for n in range(5)})
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, str(ROOT / "extract-compressed-files.py"), "inspect", str(archive)]
    try:
        ended = await asyncio.to_thread(
            subprocess.run, command, stdout=writing, stderr=subprocess.PIPE, timeout=60, check=False
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "tmp").mkdir()
    archive = zip_of(tmp_path / "a.zip", {f"{n}.jpg": photo(n) for n in range(300)})
    # What the tests were started without, as by nohup, the program would ignore, too.
    before = signal.signal(number, signal.SIG_DFL)
    process = await start({**os.environ, "TMPDIR": str(tmp_path / "tmp")}, "inspect", str(archive))
    signal.signal(number, before)
    assert process.stdout is not None
    await process.stdout.readline()
    assert list((tmp_path / "tmp").iterdir())
    process.send_signal(number)
    _, errors = await process.communicate()
    assert (process.returncode, errors) == (128 + number, b"")
    assert not list((tmp_path / "tmp").iterdir())


async def inspect_here(archive: Path) -> int:
    """The same without a process of its own."""
    return await inspect_archive(
        archive,
        passwords=(),
        limits=Limits(disk_reserve=0),
        media=MediaTools.from_settings(Settings()),
        choice=Choice(),
        show=print_text,
        bar=Bar(archive.name, sys.stderr),
        order=order_of("name"),
    )


async def test_what_may_not_be_read_is_said_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def refused(*_: object) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(FileSource, "read", refused)
    assert await inspect_here(zip_of(tmp_path / "a.zip", {"a.txt": NOTES})) == 5
    assert capsys.readouterr().err == "❌ a.zip: it cannot be read (Permission denied).\n"


async def test_a_folder_that_may_not_be_listed_is_not_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "iterdir", refused)
    assert volumes_of(tmp_path / "a.zip.001") == [tmp_path / "a.zip.001"]
