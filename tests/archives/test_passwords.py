"""Encrypted archives of every kind."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

import pytest

from tests.archives.making import seven_zip, tar_bytes, zip_bytes
from tests.archives.unpacking import MemorySource, everything, unpack
from tests.children import children
from utils.archives import Limits, open_archive
from utils.archives.engine import Run
from utils.archives.source import FileSource
from utils.errors import PasswordNeeded, WrongPassword

FILES = {"a/one.jpg": b"one" * 50_000, "two.jpg": b"two" * 10, "empty.txt": b""}
PASSWORD = 'Пароль with space, "quotes" and ünïcode'
KINDS = {
    "zip crypto": ("zip", "-mem=ZipCrypto"),
    "zip aes": ("zip", "-mem=AES256"),
    "7z data": ("7z", "-mx1"),
    "7z data, not solid": ("7z", "-mx1", "-ms=off"),
    "7z header": ("7z", "-mx1", "-mhe=on"),
}


def password_for(kind: str) -> str:
    """7-Zip makes ZIPs with ASCII passwords only."""
    return "secret word" if kind.startswith("zip") else PASSWORD


def encrypted(kind: str, folder: Path, password: str = "") -> Path:
    suffix, *arguments = KINDS[kind]
    password = password or password_for(kind)
    return seven_zip(folder / f"a.{suffix}", FILES, f"-p{password}", *arguments)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_right_password_opens_it_wherever_it_stands_among_others(kind: str, tmp_path: Path) -> None:
    password = password_for(kind)
    path = encrypted(kind, tmp_path)
    outcome = await unpack(FileSource(path), tmp_path / "room", passwords=["wrong", password, "other"])
    assert outcome.files == FILES
    assert outcome.error is None and not outcome.errors


@pytest.mark.parametrize("kind", KINDS)
async def test_without_a_password_it_is_asked_for(kind: str, tmp_path: Path) -> None:
    outcome = await unpack(FileSource(encrypted(kind, tmp_path)), tmp_path / "room")
    assert type(outcome.error) is PasswordNeeded
    assert "encrypted" in outcome.told and "password" in outcome.told


@pytest.mark.parametrize("kind", KINDS)
async def test_a_wrong_password_is_told_from_none(kind: str, tmp_path: Path) -> None:
    outcome = await unpack(FileSource(encrypted(kind, tmp_path)), tmp_path / "room", passwords=["wrong"])
    assert type(outcome.error) is WrongPassword
    assert not outcome.files


@pytest.mark.parametrize("kind", ["7z data", "7z header"])
async def test_a_password_may_be_bytes_that_are_no_text(kind: str, tmp_path: Path) -> None:
    password = "\udcff"  # as Python has it from a command line
    path = encrypted(kind, tmp_path, password)
    outcome = await unpack(FileSource(path), tmp_path / "right", passwords=["\udcfe", password])
    assert outcome.files == FILES and outcome.error is None
    outcome = await unpack(FileSource(path), tmp_path / "wrong", passwords=["\udcfe"])
    assert type(outcome.error) is WrongPassword


async def test_a_password_that_opens_nothing_here_does_no_harm(tmp_path: Path) -> None:
    outcome = await unpack(zip_bytes([("a.txt", b"x")]), tmp_path, passwords=["unneeded"])
    assert outcome.files == {"a.txt": b"x"}
    path = seven_zip(tmp_path / "a.7z", FILES)
    assert (await unpack(FileSource(path), tmp_path / "room", passwords=["unneeded"])).files == FILES


async def test_an_encrypted_archive_in_an_open_one_is_opened_with_the_same_passwords(tmp_path: Path) -> None:
    inner = encrypted("7z header", tmp_path).read_bytes()
    outer = zip_bytes([("inner.7z", inner), ("z.jpg", b"plain")])
    known = await unpack(outer, tmp_path / "known", passwords=[PASSWORD])
    assert known.files == {
        **{f"inner.7z/{name}": content for name, content in FILES.items()},
        "z.jpg": b"plain",
    }
    unknown = await unpack(outer, tmp_path / "unknown")
    assert type(unknown.error) is PasswordNeeded or "encrypted" in unknown.errors["inner.7z"]


async def test_the_password_is_neither_in_the_process_list_nor_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    path = encrypted("7z header", tmp_path, "sesame-open")
    seen: list[str] = []
    read = Run.read

    async def look(self: Run, *arguments: int) -> bytes:
        for child in children():
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                seen.append(Path(f"/proc/{child}/cmdline").read_bytes().decode())
                seen.append(Path(f"/proc/{child}/environ").read_bytes().decode())
        return await read(self, *arguments)

    monkeypatch.setattr(Run, "read", look)
    reader = await open_archive(
        FileSource(path), scratch=tmp_path / "s", limits=Limits(disk_reserve=0), passwords=["sesame-open"]
    )
    await reader.close()
    assert any("7zz" in line or "launch.py" in line for line in seen)
    assert not any("sesame" in line for line in seen)
    assert "sesame" not in caplog.text


class Remote(MemorySource):
    """As a file at Telegram: it says which one it is, and can fetch itself as a whole."""

    identity = "document 1"
    downloads = 0

    async def download_to(self, path: Path) -> None:
        self.downloads += 1
        path.write_bytes(self.data)


@pytest.mark.parametrize("kind", ["7z header", "7z data", "zip aes"])
async def test_the_next_try_does_not_fetch_the_archive_again(kind: str, tmp_path: Path) -> None:
    source = Remote(encrypted(kind, tmp_path).read_bytes())
    scratch, output = tmp_path / "scratch", tmp_path / "output"
    output.mkdir()
    for passwords in ([], ["wrong"], ["wrong", "worse"]):
        with pytest.raises(PasswordNeeded):
            await open_archive(source, scratch=scratch, limits=Limits(disk_reserve=0), passwords=passwords)
    reader = await open_archive(
        source, scratch=scratch, limits=Limits(disk_reserve=0), passwords=[password_for(kind)]
    )
    found = [item async for item in reader.extract(everything, lambda entry: output / entry.key)]
    await reader.close()
    assert {item.entry.path for item in found} == set(FILES)
    assert source.downloads == 1
    assert not list(scratch.iterdir())


async def test_nothing_that_was_fetched_stays_when_no_password_can_help(tmp_path: Path) -> None:
    data = encrypted("7z data", tmp_path).read_bytes()
    source = Remote(data[: len(data) // 2])
    outcome = await unpack(source, tmp_path / "room", passwords=["secret"])
    assert "cut off" in outcome.told


async def test_the_archive_inside_whose_password_is_not_known_is_named(tmp_path: Path) -> None:
    inner = seven_zip(tmp_path / "in" / "deep.7z", {"a.jpg": b"a"}, "-pother", "-mhe=on")
    middle = tar_bytes([("f/deep.7z", inner.read_bytes())], "w:gz")
    outer = seven_zip(tmp_path / "out" / "outer.7z", {"t.tar.gz": middle, "b.jpg": b"b"}, "-pouter")
    outcome = await unpack(outer.read_bytes(), tmp_path / "room", passwords=["outer"])
    assert outcome.files == {"b.jpg": b"b"}
    assert isinstance(outcome.error, WrongPassword)
    assert outcome.told.startswith("t.tar.gz: f/deep.7z: ")
