"""ZIP archives, read in place."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path

import pytest

from tests.archives.making import zip_bytes
from tests.archives.unpacking import MemorySource, unpack
from utils.archives import Entry


def noise(seed: int, size: int) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
async def test_every_method_gives_the_very_bytes(method: int, tmp_path: Path) -> None:
    files = [
        ("empty", b""),
        ("small.txt", b"x" * 10),
        ("noise.bin", noise(1, 1_500_000)),
        ("flat", bytes(2_000_000)),
    ]
    outcome = await unpack(zip_bytes(files, method), tmp_path)
    assert outcome.files == dict(files)
    assert outcome.format == "zip"
    assert not outcome.errors and outcome.error is None


async def test_flat_content_of_any_length_comes_out_whole(tmp_path: Path) -> None:
    """Deflate may still hold output when it has taken all input."""
    files = [(f"{size}", bytes(size)) for size in range(2 * 512 * 1024, 2 * 512 * 1024 + 600, 29)]
    outcome = await unpack(zip_bytes(files, zipfile.ZIP_DEFLATED), tmp_path)
    assert outcome.files == dict(files) and not outcome.errors


async def test_only_what_is_wanted_is_fetched(tmp_path: Path) -> None:
    files = [(f"{n}.bin", noise(n, 1_000_000)) for n in range(20)]
    source = MemorySource(zip_bytes(files))
    outcome = await unpack(source, tmp_path, accept=lambda entry, _: entry.name in ("3.bin", "7.bin"))
    assert list(outcome.files) == ["3.bin", "7.bin"]
    assert source.fetched < 2_000_000 + 20 * 70_000 + 100_000


async def test_the_decision_sees_the_first_bytes_and_no_more(tmp_path: Path) -> None:
    heads: dict[str, bytes] = {}

    def accept(entry: Entry, head: bytes) -> bool:
        heads[entry.name] = head
        return False

    files = [("a", noise(1, 100_000)), ("b", b"short"), ("c", b"")]
    outcome = await unpack(zip_bytes(files, zipfile.ZIP_DEFLATED), tmp_path, accept=accept)
    assert heads == {name: content[:4096] for name, content in files}
    assert not outcome.files


async def test_entries_come_in_natural_order_with_stable_keys(tmp_path: Path) -> None:
    names = ["b/img10.jpg", "b/img2.jpg", "a.jpg", "__MACOSX/b/._img2.jpg", "b/.DS_Store", "b/"]
    data = zip_bytes([(name, name.encode()) for name in names])
    outcome = await unpack(data, tmp_path)
    assert list(outcome.files) == ["a.jpg", "b/img2.jpg", "b/img10.jpg"]
    assert outcome.listing is not None
    assert [entry.path for entry in outcome.listing] == list(outcome.files)
    assert [entry.size for entry in outcome.listing] == [5, 10, 11]
    assert outcome.keys == {"a.jpg": "2", "b/img2.jpg": "1", "b/img10.jpg": "0"}
    assert outcome.ignored == 2


async def test_several_reads_are_under_way_at_a_time_and_memory_stays_bounded(tmp_path: Path) -> None:
    files = [(f"{n}.bin", noise(n, 20_000)) for n in range(200)]
    source = MemorySource(zip_bytes(files), delay=0.002)
    outcome = await unpack(source, tmp_path)
    assert len(outcome.files) == 200
    assert source.most_active >= 4
    assert source.most_bytes < 12_000_000
    assert source.reads < 2 * 200


async def test_nothing_but_a_little_is_read_ahead_of_a_slow_consumer(tmp_path: Path) -> None:
    files = [(f"{n:02}.bin", noise(n, 1_000_000)) for n in range(60)]
    source = MemorySource(zip_bytes(files))
    furthest = 0

    def look(entry: Entry) -> None:
        nonlocal furthest
        furthest = max(furthest, source.fetched - int(entry.name[:2]) * 1_000_000)

    await unpack(source, tmp_path, on_file=look)
    assert furthest < 20_000_000


async def test_an_archive_behind_other_bytes_is_read(tmp_path: Path) -> None:
    outcome = await unpack(b"PK\x03\x04" + noise(1, 5000) + zip_bytes([("a.txt", b"hello")]), tmp_path)
    assert outcome.files == {"a.txt": b"hello"}


async def test_zip64_counts(tmp_path: Path) -> None:
    path = tmp_path / "big.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("a.bin", "w", force_zip64=True) as file:
        file.write(b"hello")
    outcome = await unpack(path.read_bytes(), tmp_path / "room")
    assert outcome.files == {"a.bin": b"hello"}


async def test_a_wrong_check_sum_spoils_one_entry_only(tmp_path: Path) -> None:
    files = [("a.bin", noise(1, 200_000)), ("b.bin", noise(2, 200_000)), ("c.bin", noise(3, 100))]
    data = bytearray(zip_bytes(files))
    data[150_000] ^= 1
    outcome = await unpack(bytes(data), tmp_path)
    assert list(outcome.files) == ["b.bin", "c.bin"]
    assert list(outcome.errors) == ["a.bin"]
    assert "check sum" in outcome.errors["a.bin"]


async def test_legacy_names_are_decoded_together(tmp_path: Path) -> None:
    names = ["Отпуск/Море 2.jpg", "Отпуск/Море 10.jpg"]
    outcome = await unpack(_unmarked(names), tmp_path)
    assert list(outcome.files) == names


@pytest.mark.parametrize("mode", [0o020666, 0o040777, 0o120777, 0o060000])
async def test_an_entry_from_windows_has_no_unix_mode(mode: int, tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for system in (0, 10):
            info = zipfile.ZipInfo(f"{system}.jpg")
            info.create_system, info.external_attr = system, mode << 16 | 0x20
            archive.writestr(info, b"photo")
    outcome = await unpack(data.getvalue(), tmp_path)
    assert outcome.files == {"0.jpg": b"photo", "10.jpg": b"photo"} and not outcome.errors


EMPTY = zip_bytes([])


@pytest.mark.parametrize("mark", [EMPTY, EMPTY[:20], EMPTY + b" and more"], ids=["end", "half", "middle"])
async def test_the_mark_of_an_end_inside_a_comment_ends_nothing(mark: bytes, tmp_path: Path) -> None:
    data = io.BytesIO(zip_bytes([("a.jpg", b"a"), ("b.jpg", b"b")]))
    with zipfile.ZipFile(data, "a") as archive:
        archive.comment = b"hello " + mark
    outcome = await unpack(data.getvalue(), tmp_path)
    assert outcome.files == {"a.jpg": b"a", "b.jpg": b"b"} and outcome.error is None


async def test_bytes_behind_a_zip_do_no_harm(tmp_path: Path) -> None:
    outcome = await unpack(zip_bytes([("a.jpg", b"a")]) + bytes(1000), tmp_path)
    assert outcome.files == {"a.jpg": b"a"} and outcome.error is None


async def test_an_empty_zip_is_an_empty_archive(tmp_path: Path) -> None:
    outcome = await unpack(EMPTY, tmp_path)
    assert outcome.listing == [] and outcome.error is None


def _unmarked(names: list[str]) -> bytes:
    """An archive with ``names`` in cp866 and no word of it: made with ASCII names, which are replaced."""
    raw = [name.encode("cp866") for name in names]
    stand_ins = [f"{number:0{len(name)}d}" for number, name in enumerate(raw)]
    data = zip_bytes([(stand_in, b"x") for stand_in in stand_ins])
    # The longest first: a short one may stand in a longer one.
    for stand_in, name in sorted(zip(stand_ins, raw, strict=True), key=lambda pair: -len(pair[1])):
        data = data.replace(stand_in.encode(), name)
    return data
