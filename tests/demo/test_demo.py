"""The demo as a process, with everything that it starts."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from demo.__main__ import KEYS
from tests.files import photo, video
from utils.archives.engine import find_engine
from utils.constants import ROOT
from utils.storage.lock import InstanceLock

pytestmark = pytest.mark.timeout(300)


def demo(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end; it has as long as a slow machine needs."""
    return subprocess.run(
        [sys.executable, "-m", "demo", "--folder", str(folder), *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def started_by(folder: Path) -> list[str]:
    """Command lines of the processes that work on ``folder``: by their arguments, or by their settings."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            text = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if process.name != str(os.getpid()) and os.fsencode(folder) in text:
            found.append((process / "cmdline").read_text())
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def played(sample: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """The demo with its sample, while the reader has settings of his own that must not count."""
    return demo(folder, "--json", "--archive", str(sample), TARGET_CHAT="@nobody", CONVERSION_THREADS="none")


def received(played: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in played.stdout.splitlines()]


def test_it_ends_well_and_says_so(played: subprocess.CompletedProcess[str]) -> None:
    assert played.returncode == 0, played.stderr
    assert "23 photos, 5 videos in" in played.stderr


def test_every_line_of_standard_output_is_a_message(played: subprocess.CompletedProcess[str]) -> None:
    messages = received(played)
    assert all(tuple(message) == KEYS for message in messages)
    kinds = [message["kind"] for message in messages]
    assert (kinds.count("photo"), kinds.count("video"), kinds.count("document")) == (23, 5, 0)
    assert all(message["text"] for message in messages if message["kind"] == "text")


def test_albums_are_of_one_folder_and_converted_videos_come_last(
    played: subprocess.CompletedProcess[str],
) -> None:
    messages = received(played)
    albums = {message["album"] for message in messages if message["album"]}
    for album in albums:
        captions = [message["caption"] for message in messages if message["album"] == album]
        assert 2 <= len(captions) <= 10
        assert len(list(filter(None, captions))) == 1
    media = [str(message["name"]) for message in messages if message["kind"] != "text"]
    assert [Path(name).stem for name in media[-3:]] == [
        "Водопад_converted",
        "お寺の鐘_converted",
        "Старая камера_converted",
    ]


def test_videos_have_size_and_length(played: subprocess.CompletedProcess[str]) -> None:
    videos = {str(message["name"]): message for message in received(played) if message["kind"] == "video"}
    seen = {name: (video["width"], video["height"], video["duration"]) for name, video in videos.items()}
    assert seen["祭り.mp4"] == (720, 1280, pytest.approx(5, abs=0.5))
    assert seen["Старая камера_converted.mp4"] == (640, 480, pytest.approx(8, abs=0.5))


def test_what_plays_arrives_byte_for_byte(played: subprocess.CompletedProcess[str], sample: Path) -> None:
    sums = {message["sha256"] for message in received(played)}
    with zipfile.ZipFile(sample) as archive:
        for name in ("Алтай, июль/Река.mp4", "京都の秋/祭り.mp4", "Алтай, июль/01 Рассвет над озером.jpg"):
            assert hashlib.sha256(archive.read(name)).hexdigest() in sums


def test_the_page_shows_every_message(played: subprocess.CompletedProcess[str], folder: Path) -> None:
    page = (folder / "chat.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 23
    assert page.count("<video ") == 5
    assert "/start" in page
    assert len(list((folder / "files").iterdir())) == 23 + 5 + 5 + 1


def test_the_conversation_is_told_as_it_happens(played: subprocess.CompletedProcess[str]) -> None:
    told = [line.partition("  ")[2] for line in played.stderr.splitlines()]
    order = ["you  /start", "you  📎", "bot  🖼", "bot  🎬", "bot  ✅"]
    places = [next(i for i, line in enumerate(told) if line.startswith(begin)) for begin in order]
    assert places == sorted(places)


def test_into_a_pipe_it_tells_plain_lines(played: subprocess.CompletedProcess[str]) -> None:
    told = played.stdout + played.stderr
    assert not {"\r", "\x1b", "█"} & set(told) and told.endswith("\n")


def test_nothing_is_left_running(played: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert started_by(folder) == []


def test_something_that_is_no_archive_ends_with_one_and_the_reason(tmp_path: Path) -> None:
    (tmp_path / "letter.zip").write_text("Dear reader, this is no archive.\n" * 40)
    ran = demo(tmp_path / "demo", "--archive", str(tmp_path / "letter.zip"))
    assert ran.returncode == 1
    assert ran.stdout.rstrip().splitlines()[-1].startswith("❌ letter.zip: ")


def test_a_name_that_the_bot_shows_otherwise_is_no_reason_to_wait(tmp_path: Path, sample: Path) -> None:
    with zipfile.ZipFile(sample) as archive:
        archive.extract("京都の秋/写真11 おまけ.webp", tmp_path)
    odd = tmp_path / " lead  double\u202e\n.zip"
    with zipfile.ZipFile(odd, "w") as archive:
        archive.write(tmp_path / "京都の秋/写真11 おまけ.webp", "a.webp")
    ran = demo(tmp_path / "demo", "--archive", str(odd))
    assert ran.returncode == 0 and "1 picture sent" in ran.stdout


def test_the_tour_shows_a_pause_settings_another_language_and_a_choice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.writestr("a.jpg", photo(1))
        # Long enough to be paused in the middle: it is still being encoded when the photo has come.
        archive.writestr("b.avi", video("avi", 10))
    ran = demo(tmp_path / "demo", "--archive", str(tmp_path / "one.zip"), "--tour")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = ran.stdout
    order = [
        "you  /pause",
        "⏸️ Paused: one.zip",
        "▶️ Going on: one.zip",
        "1 picture and 1 video sent",
        "⚙️ Settings of this chat",
        "👆 Español",
        "¿qué quieres de él?",
        "👆 ⬜ Sierra: 3",
    ]
    assert [words for words in order if words in told] == order
    assert told.index(order[-1]) < told.index("dos viajes.zip: he enviado 3 imágenes")
    assert "4 photos, 1 video in" in told and "⏸️ Paused" in (tmp_path / "demo/chat.html").read_text()


@pytest.mark.parametrize(("name", "content"), [(b"empty.zip", b""), (b"bad\xff.zip", b"content")])
def test_what_telegram_takes_from_nobody_is_said_at_once(tmp_path: Path, name: bytes, content: bytes) -> None:
    file = tmp_path / os.fsdecode(name)
    file.write_bytes(content)
    ran = demo(tmp_path / "demo", "--archive", str(file))
    assert (ran.returncode, ran.stderr) == (2, "")
    assert "Telegram takes no file" in ran.stdout


def test_a_file_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    ran = demo(tmp_path / "demo", "--archive", str(tmp_path / "none.zip"))
    assert (ran.returncode, ran.stderr) == (2, "")
    assert "none.zip is not a file." in ran.stdout


def test_an_encrypted_archive_needs_its_password(tmp_path: Path, sample: Path) -> None:
    with zipfile.ZipFile(sample) as archive:
        archive.extract("京都の秋/写真11 おまけ.webp", tmp_path)
    locked = tmp_path / "locked.7z"
    command = [str(find_engine()), "a", "-psesame", "-mhe=on", str(locked), str(tmp_path / "京都の秋")]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    ran = demo(tmp_path / "demo", "--archive", str(locked))
    assert ran.returncode == 1
    assert "Give its password with --password." in ran.stdout
    ran = demo(tmp_path / "demo", "--archive", str(locked), "--password", "sesame")
    assert ran.returncode == 0, ran.stdout
    assert "\n1 photo in" in ran.stdout


def test_a_second_demo_in_the_same_folder_is_refused(tmp_path: Path, sample: Path) -> None:
    with InstanceLock(tmp_path):
        ran = demo(tmp_path, "--archive", str(sample))
    assert ran.returncode == 1
    assert "Another demo is using" in ran.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_it_ends_everything(tmp_path: Path, sample: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "demo", "--folder", str(tmp_path), "--archive", str(sample)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        while len(started_by(tmp_path)) < 3:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.rstrip().endswith("🛑 Stopped.")
    assert started_by(tmp_path) == []


def test_killing_it_ends_everything(tmp_path: Path, sample: Path) -> None:
    command = [sys.executable, "-m", "demo", "--folder", str(tmp_path), "--archive", str(sample)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        while len(started_by(tmp_path)) < 3:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    deadline = time.monotonic() + 30
    while started_by(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert started_by(tmp_path) == []
