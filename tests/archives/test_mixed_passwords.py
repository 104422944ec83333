"""Archives whose entries do not all have the same password, and passwords that are hard to tell."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.archives.making import seven_zip
from tests.archives.unpacking import unpack
from utils.archives import Entry, catalogue
from utils.errors import PasswordNeeded, WrongPassword

FILES = {f"{number}.jpg": random.Random(number).randbytes(9000 + number) for number in range(6)}


def mixed(folder: Path) -> bytes:
    """A ZIP in which the first three entries have one password and the others another."""
    path = folder / "made" / "mixed.zip"
    first = list(FILES)[:3]
    seven_zip(path, {name: FILES[name] for name in first}, "-pone", "-mem=AES256")
    seven_zip(path, FILES, "-ptwo", *(f"-x!{name}" for name in first))
    return path.read_bytes()


def partly(folder: Path, kind: str, locked: str) -> bytes:
    """An archive of the first three files as they are, and ``locked`` encrypted."""
    path = folder / "made" / f"partly.{kind}"
    seven_zip(path, {name: FILES[name] for name in list(FILES)[:3]})
    shutil.rmtree(path.with_name(path.name + ".content"))
    return seven_zip(path, {locked: b"locked" * 100}, "-psecret").read_bytes()


@pytest.mark.parametrize("kind", ["zip", "7z"])
async def test_what_needs_no_password_comes_before_one_is_asked_for(kind: str, tmp_path: Path) -> None:
    plain = {name: FILES[name] for name in list(FILES)[:3]}
    data = partly(tmp_path, kind, "z.jpg")
    outcome = await unpack(data, tmp_path / "none")
    assert outcome.files == plain and outcome.errors == {} and type(outcome.error) is PasswordNeeded
    outcome = await unpack(data, tmp_path / "wrong", passwords=["wrong"])
    assert outcome.files == plain and outcome.errors == {} and type(outcome.error) is WrongPassword
    outcome = await unpack(data, tmp_path / "right", passwords=["secret"])
    assert outcome.files == {**plain, "z.jpg": b"locked" * 100} and outcome.error is None


@pytest.mark.parametrize("kind", ["zip", "7z"])
async def test_an_encrypted_note_asks_for_no_password(kind: str, tmp_path: Path) -> None:
    refused: list[str] = []

    def accept(entry: Entry, head: bytes) -> bool:
        if not head:
            refused.append(entry.name)
        return bool(head)

    outcome = await unpack(partly(tmp_path, kind, "read me.TXT"), tmp_path / "room", accept=accept)
    assert len(outcome.files) == 3 and outcome.errors == {} and outcome.error is None
    assert refused == ["read me.TXT"]


async def test_each_entry_is_opened_with_its_own(tmp_path: Path) -> None:
    outcome = await unpack(mixed(tmp_path), tmp_path / "room", passwords=["other", "two", "one"])
    assert outcome.files == FILES and outcome.errors == {} and outcome.error is None


async def test_entries_of_a_password_that_is_not_known_are_named(tmp_path: Path) -> None:
    outcome = await unpack(mixed(tmp_path), tmp_path / "room", passwords=["one"])
    assert set(outcome.errors) == {"3.jpg", "4.jpg", "5.jpg"}
    assert all("password" in told for told in outcome.errors.values())


@pytest.mark.parametrize("trial", [0, 1 << 20])
async def test_a_wrong_password_is_told_where_nothing_but_the_check_sum_tells(
    trial: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stored 7z has no check of the password: any gives some bytes."""
    monkeypatch.setattr(catalogue, "TRIAL", trial)
    path = seven_zip(tmp_path / "made" / "stored.7z", FILES, "-psecret", "-mx0")
    wrong = await unpack(path.read_bytes(), tmp_path / "wrong", passwords=["one", "two"])
    assert isinstance(wrong.error, WrongPassword) and wrong.files == {}
    right = await unpack(path.read_bytes(), tmp_path / "right", passwords=["one", "secret", "two"])
    assert right.files == FILES and right.error is None


async def test_words_of_the_engine_in_a_name_do_not_make_a_password_right(tmp_path: Path) -> None:
    path = seven_zip(tmp_path / "made" / "a.zip", {"Unsupported Method.jpg": b"x" * 500}, "-psecret")
    outcome = await unpack(path.read_bytes(), tmp_path / "room", passwords=["wrong"])
    assert isinstance(outcome.error, WrongPassword) and outcome.errors == {}


async def test_damage_behind_the_right_password_is_no_wrong_password(tmp_path: Path) -> None:
    path = seven_zip(tmp_path / "made" / "stored.7z", FILES, "-psecret", "-mx0", "-ms=off")
    data = bytearray(path.read_bytes())
    data[32 + 30_000] ^= 1
    outcome = await unpack(bytes(data), tmp_path / "room", passwords=["secret", "one"])
    assert len(outcome.errors) == 1 and len(outcome.files) == 5
    assert outcome.error is None


async def test_a_name_that_comes_twice_does_not_hide_the_password(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    path = seven_zip(folder / "twice.zip", {"aa.jpg": b"1" * 500, "ab.jpg": b"2" * 600}, "-psecret")
    data = path.read_bytes().replace(b"ab.jpg", b"aa.jpg")
    outcome = await unpack(data, tmp_path / "room", passwords=["secret"])
    assert sorted(outcome.files.values()) == [b"1" * 500, b"2" * 600]
