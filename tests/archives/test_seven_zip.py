"""What 7-Zip reads: spooled, one pass, split by the listing, proved by check sums."""

from __future__ import annotations

import io
import os
import random
import signal
import stat
import zipfile
from pathlib import Path

import pytest

from tests.archives.making import rar4, rar5, seven_zip, zip_bytes
from tests.archives.unpacking import MemorySource, everything, unpack
from tests.children import children
from utils.archives import Entry, Limits, open_archive
from utils.archives.source import FileSource

FILES = {
    "a/img10.jpg": random.Random(1).randbytes(300_000),
    "a/img2.jpg": b"hello" * 1000,
    "flat.bin": bytes(2_000_000),
    "empty.txt": b"",
    "Море [x]*?.txt": b"sea",
    "@list": b"at",
    "-o": b"dash",
}


@pytest.mark.parametrize(
    "arguments",
    [("-mx1",), ("-ms=off", "-mx1"), ("-m0=copy",), ("-m0=ppmd",), ("-m0=bzip2",), ("-mhc=off", "-mx1")],
)
async def test_7z_of_every_method(arguments: tuple[str, ...], tmp_path: Path) -> None:
    path = seven_zip(tmp_path / "a.7z", FILES, *arguments)
    outcome = await unpack(FileSource(path), tmp_path / "room")
    assert outcome.files == FILES
    assert outcome.format == "7z" and not outcome.errors and outcome.error is None
    assert outcome.listing is not None and [e.path for e in outcome.listing] == list(outcome.files)


@pytest.mark.parametrize(("make", "expected"), [(rar4, "rar"), (rar5, "rar5")])
async def test_rar_of_both_kinds(make, expected: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    files = [
        ("b/img10.jpg", b"ten" * 5000),
        ("b/img2.jpg", b"two"),
        ("__MACOSX/._x", b"junk"),
        ("empty", b""),
    ]
    outcome = await unpack(make(files), tmp_path, name="pictures.cbr")
    assert outcome.files == {name: content for name, content in files if "MACOSX" not in name}
    assert outcome.format == expected and outcome.ignored == 1 and outcome.error is None


async def test_links_in_a_rar_are_named_and_never_followed(tmp_path: Path) -> None:
    links = [("soft", "/etc/passwd", 1), ("hard", "a.txt", 4), ("copy", "a.txt", 5)]
    outcome = await unpack(rar5([("a.txt", b"content"), ("b.txt", b"other")], links=links), tmp_path)
    assert {"a.txt", "b.txt"} <= set(outcome.files)
    assert {"soft", "hard"} <= set(outcome.errors)
    assert outcome.files.get("copy", b"content") == b"content"
    assert all(b"root:" not in content for content in outcome.files.values())


async def test_a_name_that_comes_twice_gives_both(tmp_path: Path) -> None:
    files = [("dup.txt", b"first"), ("Dup.TXT", b"case"), ("dup.txt", b"second, longer")]
    outcome = await unpack(rar5(files), tmp_path)
    assert sorted(outcome.files.values()) == sorted(content for _, content in files)
    assert outcome.error is None


async def test_sizes_that_no_header_tells_are_found(tmp_path: Path) -> None:
    files = [("a.jpg", b"a" * 5000), ("b.jpg", b"b" * 6000)]
    outcome = await unpack(rar5(files, sized=False), tmp_path)
    assert outcome.files == dict(files) and outcome.errors == {} and outcome.error is None


async def test_names_that_come_twice_without_a_size_are_given_up_and_not_tried_for_ever(
    tmp_path: Path,
) -> None:
    files = [("a.jpg", b"a" * 5000), ("b.jpg", b"b" * 6000), ("a.jpg", b"c" * 7000)]
    outcome = await unpack(rar5(files, sized=False), tmp_path)
    assert outcome.files == {"b.jpg": b"b" * 6000}
    assert set(outcome.errors) == {"a.jpg", "a.jpg#2"}
    assert "size is unknown" in outcome.errors["a.jpg"]


@pytest.mark.parametrize("method", ["deflate64", "ppmd"])
async def test_zips_that_python_cannot_read(method: str, tmp_path: Path) -> None:
    path = seven_zip(tmp_path / "a.zip", FILES, f"-mm={method}")
    outcome = await unpack(FileSource(path), tmp_path / "room")
    assert outcome.files == FILES
    assert outcome.format == "zip" and not outcome.errors


@pytest.mark.parametrize("kind", ["wim", "tar"])
async def test_other_formats_of_the_engine(kind: str, tmp_path: Path) -> None:
    files = {"a.jpg": b"a" * 5000, "b/c.jpg": b"c" * 100}
    path = seven_zip(tmp_path / f"a.{kind}", files, f"-t{kind}")
    outcome = await unpack(FileSource(path), tmp_path / "room")
    assert outcome.files == files and outcome.format == kind


async def test_damage_in_one_rar_entry_spares_the_others(tmp_path: Path) -> None:
    files = [(f"{n}.bin", random.Random(n).randbytes(50_000)) for n in range(6)]
    data = bytearray(rar5(files))
    data[2 * 50_100 + 1000] ^= 1
    outcome = await unpack(bytes(data), tmp_path)
    assert list(outcome.files) == ["0.bin", "1.bin", "3.bin", "4.bin", "5.bin"]
    assert list(outcome.errors) == ["2.bin"]
    assert outcome.files["5.bin"] == files[5][1]


async def test_a_large_entry_whose_check_sum_is_wrong_is_not_handed_over(tmp_path: Path) -> None:
    """Large ones are written while they come; what was written goes again."""
    files = [("large.bin", random.Random(1).randbytes(2_500_000)), ("b.bin", b"small")]
    data = bytearray(rar5(files))
    data[2_000_000] ^= 1
    outcome = await unpack(bytes(data), tmp_path)
    assert outcome.files == {"b.bin": b"small"}
    assert list(outcome.errors) == ["large.bin"]


async def test_damage_in_a_solid_7z_gives_what_verifies(tmp_path: Path) -> None:
    files = {f"{n}.bin": random.Random(n).randbytes(100_000) for n in range(8)}
    path = seven_zip(tmp_path / "a.7z", files, "-ms=on", "-mx1")
    data = bytearray(path.read_bytes())
    data[450_000] ^= 0xFF
    outcome = await unpack(bytes(data), tmp_path / "room")
    assert {"0.bin", "1.bin", "2.bin", "3.bin"} <= set(outcome.files)
    assert all(outcome.files[name] == files[name] for name in outcome.files)
    assert set(outcome.files) | set(outcome.errors) == set(files) or outcome.error is not None


@pytest.mark.parametrize("small", [0, 1])
async def test_a_large_entry_that_is_cut_off_is_refused_once(small: int, tmp_path: Path) -> None:
    """Nobody asks twice, and nobody complains of what is not wanted."""
    asked: list[str] = []

    def accept(entry: Entry, _: bytes) -> bool:
        asked.append(entry.path)
        return entry.name != "large.bin"

    files = [("a.bin", b"a" * 500)][:small] + [("large.bin", random.Random(1).randbytes(2_500_000))]
    outcome = await unpack(rar5(files)[:2_000_000], tmp_path, accept=accept)
    assert outcome.files == dict(files[:small]) and outcome.errors == {}
    assert asked.count("large.bin") == 1
    assert "cut off" in outcome.told


@pytest.mark.parametrize("make", [rar4, rar5])
async def test_a_cut_rar_gives_what_is_whole_and_says_so(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    files = [(f"{n}.bin", random.Random(n).randbytes(50_000)) for n in range(4)]
    outcome = await unpack(make(files)[:120_000], tmp_path)
    assert list(outcome.files) == ["0.bin", "1.bin"]
    assert list(outcome.errors) == ["2.bin"]
    assert "cut off" in outcome.told


async def test_words_of_the_engine_in_a_name_mean_nothing(tmp_path: Path) -> None:
    """Its messages name the entries in which something is wrong."""
    files = [(f"{words}.bin", words.encode() * 1000) for words in ("Unexpected end of archive", "fine")]
    data = rar5(files).replace(files[0][1], b"?" * len(files[0][1]))
    outcome = await unpack(data, tmp_path)
    assert list(outcome.files) == ["fine.bin"] and len(outcome.errors) == 1
    assert outcome.error is None


async def test_a_cut_7z_says_so(tmp_path: Path) -> None:
    path = seven_zip(tmp_path / "a.7z", FILES, "-mx1")
    outcome = await unpack(path.read_bytes()[:5000], tmp_path / "room")
    assert not outcome.files
    assert "cut off" in outcome.told


async def test_only_what_is_accepted_is_written(tmp_path: Path) -> None:
    heads: dict[str, bytes] = {}

    def accept(entry: Entry, head: bytes) -> bool:
        heads[entry.path] = head
        return entry.name == "flat.bin"

    path = seven_zip(tmp_path / "a.7z", FILES, "-mx1")
    outcome = await unpack(FileSource(path), tmp_path / "room", accept=accept)
    assert outcome.files == {"flat.bin": FILES["flat.bin"]}
    assert heads == {name: content[:4096] for name, content in FILES.items()}


async def test_a_reader_that_is_closed_half_way_leaves_nothing(tmp_path: Path) -> None:
    files = {f"{n}.bin": random.Random(n).randbytes(3_000_000) for n in range(5)}
    path = seven_zip(tmp_path / "a.7z", files, "-m0=copy")
    scratch, output = tmp_path / "scratch", tmp_path / "output"
    output.mkdir()
    reader = await open_archive(FileSource(path), scratch=scratch, limits=Limits(disk_reserve=0))
    stream = reader.extract(everything, lambda entry: output / entry.key)
    first = await anext(aiter(stream))
    await reader.close()
    assert not list(scratch.iterdir()) and not children()
    assert list(output.iterdir()) == [first.path]


async def test_the_engine_waits_for_a_slow_consumer(tmp_path: Path) -> None:
    """Nothing piles up: after one entry was taken, not much more than a pipe's worth is unpacked."""
    files = {f"{n}.bin": random.Random(n).randbytes(2_000_000) for n in range(20)}
    path = seven_zip(tmp_path / "a.7z", files, "-m0=copy")
    output = tmp_path / "output"
    output.mkdir()
    reader = await open_archive(FileSource(path), scratch=tmp_path / "s", limits=Limits(disk_reserve=0))
    stream = aiter(reader.extract(everything, lambda entry: output / entry.key))
    await anext(stream)
    written = sum(file.stat().st_size for file in output.iterdir())
    assert written < 12_000_000
    (process,) = children()
    os.kill(process, signal.SIGSTOP)  # it is there, and does not mind being stopped
    await reader.close()
    assert not children()


async def test_a_file_on_this_machine_is_not_copied(tmp_path: Path) -> None:
    path = seven_zip(tmp_path / "a.7z", {"a.bin": random.Random(1).randbytes(5_000_000)}, "-m0=copy")
    scratch = tmp_path / "scratch"
    reader = await open_archive(FileSource(path), scratch=scratch, limits=Limits(disk_reserve=0))
    spooled = sum(f.lstat().st_size for f in scratch.rglob("*") if f.is_file() and not f.is_symlink())
    await reader.close()
    assert spooled < 100_000
    assert path.exists()


async def test_a_source_that_can_download_itself_is_asked_to(tmp_path: Path) -> None:
    class Remote(MemorySource):
        downloads = 0

        async def download_to(self, path: Path) -> None:
            self.downloads += 1
            path.write_bytes(self.data)

    source = Remote(rar5([("a.txt", b"hello")]))
    outcome = await unpack(source, tmp_path)
    assert outcome.files == {"a.txt": b"hello"}
    assert source.downloads == 1 and source.fetched < 70_000


async def test_a_zip_that_lost_its_end_is_still_read(tmp_path: Path) -> None:
    files = [(f"{n}.bin", random.Random(n).randbytes(50_000)) for n in range(4)]
    outcome = await unpack(zip_bytes(files)[:120_000], tmp_path)
    assert {"0.bin", "1.bin"} <= set(outcome.files)
    assert outcome.errors or outcome.error


@pytest.mark.parametrize("entries", [3, 4])
async def test_a_zip_that_lost_all_of_its_end_says_that_it_is_cut_off(entries: int, tmp_path: Path) -> None:
    files = [(f"{n}.bin", random.Random(n).randbytes(50_000)) for n in range(4)]
    data = zip_bytes(files)
    ends = [data.index(b"3.bin") - 30, data.index(b"PK\x01\x02")]
    outcome = await unpack(data[: ends[entries - 3]], tmp_path)
    assert outcome.files == dict(files[:entries]) and outcome.errors == {}
    assert "cut off" in outcome.told


async def test_a_zip_with_much_padding_behind_it_is_whole(tmp_path: Path) -> None:
    """More than anybody would read to find its end."""
    files = [(f"{n}.bin", random.Random(n).randbytes(5000)) for n in range(4)]
    outcome = await unpack(zip_bytes(files) + bytes(100_000), tmp_path)
    assert outcome.files == dict(files) and outcome.errors == {} and outcome.error is None


async def test_what_comes_behind_an_entry_that_gives_nothing_is_not_lost(tmp_path: Path) -> None:
    """A link that is compressed in an unknown way leaves out its bytes, and shifts the stream."""
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(link, "somewhere")
        archive.writestr("a.txt", "hello")
        archive.writestr("b.txt", "world")
    raw = data.getvalue()
    for magic, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        where = raw.index(magic) + at
        raw = raw[:where] + (200).to_bytes(2, "little") + raw[where + 2 :]
    outcome = await unpack(raw, tmp_path)
    assert outcome.files == {"a.txt": b"hello", "b.txt": b"world"}
    assert list(outcome.errors) == ["link"]
