"""Tar archives, plain and compressed, and single compressed files: read from front to back."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.archives.making import seven_zip, tar_bytes
from tests.archives.unpacking import MemorySource, unpack
from utils.archives import Entry

FILES = [
    ("b/img10.jpg", random.Random(1).randbytes(400_000)),
    ("b/img2.jpg", b"hello"),
    ("flat.bin", bytes(3_000_000)),
    ("empty", b""),
    ("Море.jpg", b"sea"),
]
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def zstd(data: bytes, folder: Path) -> bytes:
    """``data`` as a Zstandard stream of stored blocks: no compressor for it comes with Python or 7-Zip."""
    blocks = [data[at : at + 100_000] for at in range(0, len(data), 100_000)] or [b""]
    out = [b"\x28\xb5\x2f\xfd\x00\x58"]  # no check sum, no size; window of 2 MB
    for block in blocks:
        last = block is blocks[-1]
        out += [(len(block) << 3 | last).to_bytes(3, "little"), block]
    return b"".join(out)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
async def test_streams_give_the_very_bytes_in_their_own_order(mode: str, tmp_path: Path) -> None:
    outcome = await unpack(tar_bytes(FILES, mode), tmp_path)
    assert list(outcome.files.items()) == FILES
    assert outcome.format == mode.replace("w", "tar").replace(":", ".")
    assert outcome.listing is None
    assert not outcome.errors and outcome.error is None


async def test_zstandard_is_a_stream_too(tmp_path: Path) -> None:
    outcome = await unpack(zstd(tar_bytes(FILES), tmp_path), tmp_path)
    assert list(outcome.files.items()) == FILES
    assert outcome.format == "tar.zst" and outcome.listing is None


async def test_a_cut_zstandard_gives_what_was_whole(tmp_path: Path) -> None:
    data = zstd(tar_bytes(FILES), tmp_path)
    outcome = await unpack(data[: len(data) // 2], tmp_path)
    assert list(outcome.files) == ["b/img10.jpg", "b/img2.jpg"]
    assert "cut off" in outcome.errors["flat.bin"] and "cut off" in outcome.told


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
async def test_every_dialect_is_read(kind: int, tmp_path: Path) -> None:
    data = io.BytesIO()
    name = "folder/" * 12 + "name" * 6 + ".jpg"
    with tarfile.open(fileobj=data, mode="w", format=kind) as archive:
        info = tarfile.TarInfo(name)
        info.size = 5
        archive.addfile(info, io.BytesIO(b"hello"))
    outcome = await unpack(data.getvalue(), tmp_path)
    assert outcome.files == {name: b"hello"}


async def test_what_is_not_wanted_in_a_plain_tar_is_not_fetched(tmp_path: Path) -> None:
    files = [(f"{n}", random.Random(n).randbytes(2_000_000)) for n in range(10)]
    source = MemorySource(tar_bytes(files))
    outcome = await unpack(source, tmp_path, accept=lambda entry, _: entry.name == "5")
    assert outcome.files == {"5": files[5][1]}
    assert source.fetched < 8_000_000


async def test_a_stream_is_read_no_further_than_needed(tmp_path: Path) -> None:
    files = [(f"{n:02}", random.Random(n).randbytes(1_000_000)) for n in range(20)]
    source = MemorySource(tar_bytes(files, "w:gz"))
    furthest = 0

    def look(entry: Entry) -> None:
        nonlocal furthest
        furthest = max(furthest, source.fetched - int(entry.name) * 1_000_000)

    await unpack(source, tmp_path, on_file=look)
    assert furthest < 12_000_000


async def test_members_that_are_no_files_are_named_and_never_followed(tmp_path: Path) -> None:
    special = []
    for name, kind in {
        "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "pipe": tarfile.FIFOTYPE,
        "disk": tarfile.BLKTYPE, "tty": tarfile.CHRTYPE, "folder": tarfile.DIRTYPE,
    }.items():  # fmt: skip
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        special.append(info)
    for mode in ("w", "w:gz"):
        outcome = await unpack(
            tar_bytes([("a", b"x")], mode, special=special), tmp_path / mode[1:].strip(":")
        )
        assert list(outcome.files) == ["a"]
        assert sorted(outcome.errors) == ["disk", "hard", "link", "pipe", "tty"]
        assert "symbolic link" in outcome.errors["link"] and "hard link" in outcome.errors["hard"]


async def test_a_sparse_file_comes_out_whole(tmp_path: Path) -> None:
    folder = tmp_path / "content"
    folder.mkdir()
    with (folder / "sparse").open("wb") as file:
        file.seek(1_000_000)
        file.write(b"end")
    archive = tmp_path / "sparse.tar"
    tar = shutil.which("tar")
    if tar is None:
        pytest.skip("GNU tar makes the archive")
    subprocess.run([tar, "--sparse", "-cf", str(archive), "-C", str(folder), "sparse"], check=True)
    outcome = await unpack(archive.read_bytes(), tmp_path / "room")
    assert outcome.files == {"sparse": bytes(1_000_000) + b"end"}


async def test_damage_in_the_middle_spoils_no_more_than_it_must(tmp_path: Path) -> None:
    files = [(f"{n}", bytes([n]) * 5000) for n in range(6)]
    data = bytearray(tar_bytes(files))
    data[2 * 5632 : 2 * 5632 + 512] = b"\xff" * 512  # the third header
    outcome = await unpack(bytes(data), tmp_path)
    assert {"0", "1", "3", "4", "5"} <= set(outcome.files)
    assert outcome.error is not None and "damaged" in outcome.told


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
async def test_a_cut_tar_gives_what_is_whole_and_says_so(mode: str, tmp_path: Path) -> None:
    files = [(f"{n}", random.Random(n).randbytes(600_000)) for n in range(4)]
    data = tar_bytes(files, mode)
    outcome = await unpack(data[: len(data) * 5 // 8], tmp_path)
    # bzip2 gives nothing of a block of 900 KB before it is whole.
    assert list(outcome.files.items()) == files[: 1 if mode == "w:bz2" else 2]
    assert outcome.error is not None
    assert "cut off" in outcome.told or "damaged" in outcome.told


async def test_several_gzip_members_are_one_stream(tmp_path: Path) -> None:
    data = tar_bytes(FILES)
    parts = [gzip.compress(data[at : at + 300_000]) for at in range(0, len(data), 300_000)]
    outcome = await unpack(b"".join(parts) + bytes(100), tmp_path)
    assert list(outcome.files.items()) == FILES


@pytest.mark.parametrize("behind", [bytes(3000), b"something else" * 100])
@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zst"])
async def test_what_stands_behind_a_stream_is_no_damage(kind: str, behind: bytes, tmp_path: Path) -> None:
    def packed(data: bytes) -> bytes:
        return (zstd(data, tmp_path) if kind == "zst" else COMPRESSORS[kind](data)) + behind

    outcome = await unpack(packed(tar_bytes(FILES)), tmp_path / "tar")
    assert list(outcome.files.items()) == FILES and outcome.error is None
    outcome = await unpack(packed(b"film" * 5000), tmp_path / "single", name=f"film.mp4.{kind}")
    assert outcome.files == {"film.mp4": b"film" * 5000} and outcome.errors == {}


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
async def test_a_single_compressed_file_is_an_archive_with_one_entry(kind: str, tmp_path: Path) -> None:
    content = random.Random(1).randbytes(2_000_000)
    outcome = await unpack(COMPRESSORS[kind](content), tmp_path, name=f"clip.mp4.{kind}")
    assert outcome.files == {"clip.mp4": content}
    assert outcome.format == kind


async def test_a_single_file_whose_check_sum_is_wrong_is_not_handed_over(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(random.Random(1).randbytes(500_000)))
    data[-6] ^= 1
    outcome = await unpack(bytes(data), tmp_path, name="clip.mp4.gz")
    assert not outcome.files
    assert outcome.errors or outcome.error


async def test_a_tar_in_the_engines_formats_is_opened_too(tmp_path: Path) -> None:
    """A 7z that holds a tar: an archive in an archive."""
    inner = tar_bytes([("a.jpg", b"x" * 1000)])
    path = seven_zip(tmp_path / "a.7z", {"inner.tar": inner})
    outcome = await unpack(path.read_bytes(), tmp_path / "room")
    assert outcome.files == {"inner.tar/a.jpg": b"x" * 1000}
