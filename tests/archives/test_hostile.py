"""Archives made to do harm, and those that harm was done to: each ends in an answer and leaves nothing.

:func:`tests.archives.unpacking.unpack` asserts that no file outside those that were handed over, no process
and no thread is left, whatever the archive was.
"""

from __future__ import annotations

import io
import os
import random
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.archives.making import Files, rar4, rar5, seven_zip, tar_bytes, zip_bytes
from tests.archives.unpacking import MB, Outcome, unpack
from utils.archives import Limits
from utils.errors import LimitExceeded, NotAnArchive

#: name in the archive -> how it is shown
NAMES = {
    "../../../tmp/up.jpg": "tmp/up.jpg",
    "/absolute.jpg": "absolute.jpg",
    "..\\..\\windows.jpg": "windows.jpg",
    "C:\\drive\\x.jpg": "drive/x.jpg",
    "bell\x07\x1b[2J.jpg": "bell��[2J.jpg",
    "turned\u202egpj.exe": "turned�gpj.exe",
    "l" * 300 + ".jpg": "l" * 250 + "….jpg",
    "-rf": "-rf",
    "@list": "@list",
    "*?[x].jpg": "*?[x].jpg",
    " ": " ",
    "same.jpg": "same.jpg",
    "SAME.jpg": "SAME.jpg",
}
FILES = [(f"{n}/{n}.bin", random.Random(n).randbytes(900) + bytes(400)) for n in range(6)]
CONTENT = dict(FILES)


async def check(data: bytes, folder: Path, name: str = "x", limits: Limits | None = None) -> Outcome:
    """Unpack it; whatever came out under a name that is known must be what went in."""
    outcome = await unpack(data, folder, name=name, limits=limits or Limits(disk_reserve=0, timeout=20))
    assert outcome.files or outcome.errors or outcome.error is not None or outcome.listing == ()
    assert outcome.error is None or outcome.told
    return outcome


def well_formed(sentence: str) -> bool:
    """It stands after "NAME: ", so it begins in lower case."""
    plain = "\n" not in sentence and "Errno" not in sentence and "/scratch" not in sentence
    return plain and sentence.endswith(".") and not sentence[0].isupper()


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "rar", "rar5"])
async def test_tricks_in_names_do_nothing(kind: str, tmp_path: Path) -> None:
    files = [(name, name.encode()) for name in NAMES] + [("same.jpg", b"again")]
    make: dict[str, Callable[[Files], bytes]] = {
        "zip": zip_bytes, "rar": rar4, "rar5": rar5,
        "tar": tar_bytes, "tar.gz": lambda f: tar_bytes(f, "w:gz"),
    }  # fmt: skip
    outcome = await check(make[kind](files), tmp_path)
    assert outcome.error is None and not outcome.errors
    assert sorted(outcome.files.values()) == sorted(content for _, content in files)
    shown = {path.partition("#")[0] for path in outcome.files}
    if kind != "rar5":  # 7-Zip shows some of these differently
        assert shown == set(NAMES.values())
    assert not [path for path in shown if path.startswith("/") or ".." in path.split("/")]


async def test_links_and_devices_in_a_zip_are_not_followed(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, kind in {"link": stat.S_IFLNK, "disk": stat.S_IFBLK, "tty": stat.S_IFCHR}.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (kind | 0o777) << 16
            archive.writestr(info, "/etc/passwd")
        archive.writestr("a.jpg", "x")
    outcome = await check(data.getvalue(), tmp_path)
    assert outcome.files == {"a.jpg": b"x"}
    assert set(outcome.errors) == {"link", "disk", "tty"}
    assert all(well_formed(sentence) for sentence in outcome.errors.values())


async def test_entries_that_overlap_are_refused(tmp_path: Path) -> None:
    """https://www.bamsoftware.com/hacks/zipbomb/: one kernel of zeros for all entries."""
    kernel = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = kernel.compress(bytes(2 * MB)) + kernel.flush()
    crc = zlib.crc32(bytes(2 * MB))
    fields = struct.pack("<HHHHHIIIHH", 20, 0, 8, 0, 33, crc, len(packed), 2 * MB, 1, 0)
    local = b"PK\x03\x04" + fields + b"k" + packed
    entry = struct.pack("<4sH", b"PK\x01\x02", 20) + fields + struct.pack("<HHHII", 0, 0, 0, 0, 0)
    directory = b"".join(entry + bytes([n]) for n in range(65, 90))
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 25, 25, len(directory), len(local), 0)
    outcome = await check(local + directory + end, tmp_path)
    assert isinstance(outcome.error, LimitExceeded)
    assert "overlap" in outcome.told
    assert not outcome.files


async def test_a_nest_of_bombs_ends_inside_its_limits(tmp_path: Path) -> None:
    """Like 42.zip: sixteen in sixteen in sixteen, and a flat file in each of the last."""
    data = zip_bytes([("0.dll", bytes(4 * MB))], zipfile.ZIP_DEFLATED)
    for _ in range(4):
        data = zip_bytes([(f"lib {n}.zip", data) for n in range(16)], zipfile.ZIP_DEFLATED)
    limits = Limits(disk_reserve=0, max_total=20 * MB, max_depth=10)
    outcome = await check(data, tmp_path, limits=limits)
    sentences = [outcome.told, *outcome.errors.values()]
    assert any("limit" in sentence for sentence in sentences)
    assert sum(map(len, outcome.files.values())) <= 20 * MB


async def test_the_nest_goes_no_deeper_than_allowed(tmp_path: Path) -> None:
    data = zip_bytes([("0.dll", bytes(MB))], zipfile.ZIP_DEFLATED)
    for _ in range(6):
        data = zip_bytes([(f"lib {n}.zip", data) for n in range(2)], zipfile.ZIP_DEFLATED)
    outcome = await check(data, tmp_path)
    assert not outcome.files and len(outcome.errors) == 16
    assert all(well_formed(sentence) for sentence in outcome.errors.values())


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "a.zip"),
        (b"not an archive at all", "a.zip"),
        (b"PK", "a.zip"),
        (bytes(5000), "a.tar"),
        (b"\xff\xd8\xff\xe0" + bytes(5000), "a.rar"),
    ],
)
async def test_what_is_no_archive_is_told_so(data: bytes, name: str, tmp_path: Path) -> None:
    outcome = await unpack(data, tmp_path, name=name)
    assert isinstance(outcome.error, NotAnArchive)
    assert ("empty" in outcome.told) == (not data)


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04" + bytes(2000),
        b"PK\x05\x06" + b"\xff" * 18,
        b"Rar!\x1a\x07\x01\x00" + bytes(2000),
        b"Rar!\x1a\x07\x00" + b"\xff" * 2000,
        b"7z\xbc\xaf\x27\x1c\x00\x04" + b"\xff" * 2000,
        b"\x1f\x8b\x08" + b"\xff" * 2000,
        b"BZh91AY&SY" + b"\xff" * 2000,
        b"\xfd7zXZ\x00" + b"\xff" * 2000,
        b"\x28\xb5\x2f\xfd" + b"\xff" * 2000,
        b"MSCF\x00\x00\x00\x00" + b"\xff" * 2000,
        b"MSWIM\x00\x00\x00" + b"\xff" * 2000,
        b"\x60\xea\x2b\x00\x22\x0b\x01\x0b\x10\x00\x02" + bytes(200),
        b"\x1f\x9d\x90" + b"\xff" * 2000,
        b"\xed\xab\xee\xdb" + b"\xff" * 2000,
        b"xar!\x00\x1c" + b"\xff" * 2000,
    ],
)
async def test_a_magic_number_with_nonsense_behind_it_ends_in_a_sentence(data: bytes, tmp_path: Path) -> None:
    outcome = await check(data, tmp_path)
    assert not outcome.files
    assert outcome.error is not None or outcome.errors
    assert well_formed(outcome.told or next(iter(outcome.errors.values())))


def samples(kind: str, folder: Path) -> bytes:
    """One small archive with FILES of each kind."""
    if kind == "7z":
        return seven_zip(folder / "made.7z", CONTENT, "-mx1", "-mmt1").read_bytes()
    if kind == "zip aes":
        return seven_zip(folder / "made.zip", CONTENT, "-psecret", "-mem=AES256").read_bytes()
    return {
        "zip": lambda: zip_bytes(FILES),
        "zip deflated": lambda: zip_bytes(FILES, zipfile.ZIP_DEFLATED),
        "tar": lambda: tar_bytes(FILES),
        "tar.gz": lambda: tar_bytes(FILES, "w:gz"),
        "tar.xz": lambda: tar_bytes(FILES, "w:xz"),
        "rar": lambda: rar4(FILES),
        "rar5": lambda: rar5(FILES),
    }[kind]()


KINDS = ["zip", "zip deflated", "tar", "tar.gz", "tar.xz", "rar", "rar5", "7z", "zip aes"]


@pytest.mark.parametrize("kind", KINDS)
async def test_truncated_at_every_kilobyte(kind: str, tmp_path: Path) -> None:
    data = samples(kind, tmp_path)
    for size in range(1024, len(data) - 1, 1024):
        outcome = await unpack(
            data[:size], tmp_path / str(size), limits=Limits(disk_reserve=0, timeout=20), passwords=["secret"]
        )
        for path, content in outcome.files.items():
            assert content == CONTENT[path], (size, path)
        # A tar is filled up behind its end mark, a block of zeros; nobody misses that.
        whole = kind == "tar" and size >= len(FILES) * (512 + 3 * 512) + 512
        told = outcome.error is not None or bool(outcome.errors)
        assert told != whole, f"cut off at {size}"
        assert all(map(well_formed, [*outcome.errors.values(), *([outcome.told] if outcome.error else [])]))


#: kind -> number of archives with one to three bits turned; those through 7-Zip take a process or two each
#: (ARCHIVE_FLIPS in the environment multiplies them).
FLIPS = {
    "zip": 100, "zip deflated": 100, "tar": 80, "tar.gz": 60, "tar.xz": 30, "rar": 10, "rar5": 12, "7z": 12
}  # fmt: skip


@pytest.mark.parametrize("kind", FLIPS)
async def test_bits_turned_at_random(kind: str, tmp_path: Path) -> None:
    original = samples(kind, tmp_path)
    for seed in range(FLIPS[kind] * int(os.environ.get("ARCHIVE_FLIPS", "1"))):
        chance = random.Random(seed)
        data = bytearray(original)
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        outcome = await unpack(bytes(data), tmp_path / str(seed), limits=Limits(disk_reserve=0, timeout=20))
        if kind != "tar":  # has no check sums
            wrong = [path for path, content in outcome.files.items() if content not in CONTENT.values()]
            # The check sum of a stream is at its end, when its files were handed over; it must be said then.
            assert not wrong or (kind.startswith("tar.") and outcome.error), (seed, wrong)
        sentences = [*outcome.errors.values(), *([outcome.told] if outcome.error else [])]
        assert all(map(well_formed, sentences)), (seed, sentences)
