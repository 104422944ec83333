"""Promises about archives that are kept where nobody looks: at the edge of a limit, in what is left out."""

from __future__ import annotations

import errno
import gzip
import io
import random
import struct
import zipfile
from pathlib import Path

import pytest

from tests.archives.making import rar5, rar5_volumes, seven_zip, tar_bytes, zip_bytes
from tests.archives.test_salvage import change
from tests.archives.unpacking import MB, MemorySource, everything, unpack
from utils.archives import Entry, Limits, open_archive
from utils.archives import seven_zip as seven_zip_reader
from utils.archives.extraction import EntryFile, disk_errors
from utils.archives.limits import Budget
from utils.archives.listing import Item, ListingParser
from utils.archives.source import ByteSource
from utils.constants import load_settings
from utils.errors import ArchiveDamaged, DiskFull, LimitExceeded, PasswordNeeded


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


# -- limits --------------------------------------------------------------------------------------------------


def test_every_setting_of_archives_is_a_limit(tmp_path: Path) -> None:
    own = {
        "ARCHIVE_MAX_ENTRIES": "11",
        "ARCHIVE_MAX_TOTAL_MB": "12",
        "ARCHIVE_MAX_RATIO": "13",
        "ARCHIVE_MAX_FILE_MB": "14",
        "ARCHIVE_MAX_DEPTH": "5",
        "DISK_RESERVE_MB": "16",
        "COMPRESSION_TIMEOUT_SECONDS": "17",
    }
    assert Limits.from_settings(load_settings(own, tmp_path / "none")) == Limits(
        max_entries=11,
        max_total=12 * MB,
        max_ratio=13,
        max_file=14 * MB,
        max_depth=5,
        disk_reserve=16 * MB,
        timeout=17,
    )


async def test_what_reaches_a_limit_does_not_exceed_it(tmp_path: Path) -> None:
    data = zip_bytes([("a", b"x" * 1000), ("b", b"y" * 500)])
    exact = Limits(disk_reserve=0, max_file=1000, max_total=1500, max_entries=2, free=lambda _: 1000)
    outcome = await unpack(data, tmp_path, limits=exact)
    assert set(outcome.files) == {"a", "b"} and outcome.error is None


async def test_nothing_counts_as_a_bomb_below_a_hundred_megabytes(tmp_path: Path) -> None:
    """A white picture is packed a thousandfold, too."""
    assert Limits().ratio_from == 100 * MB
    limits = Limits(disk_reserve=0, max_ratio=10, ratio_from=2 * MB)
    small = await unpack(gzip.compress(bytes(2 * MB)), tmp_path / "small", limits=limits)
    assert small.error is None and not small.errors
    large = await unpack(gzip.compress(bytes(3 * MB)), tmp_path / "large", limits=limits)
    assert isinstance(large.error, LimitExceeded) and "10 times" in large.told


@pytest.mark.parametrize("kind", ["zip", "7z"])
async def test_a_bomb_that_tells_its_size_is_refused_before_anything_is_unpacked(
    kind: str, tmp_path: Path
) -> None:
    files = {f"{number}": bytes(2 * MB) for number in range(4)}
    if kind == "zip":
        data = zip_bytes(list(files.items()), zipfile.ZIP_DEFLATED)
    else:
        data = seven_zip(tmp_path / "made.7z", files, "-mx1").read_bytes()
    limits = Limits(disk_reserve=0, max_ratio=50, ratio_from=5 * MB)
    outcome = await unpack(data, tmp_path / "room", limits=limits)
    assert isinstance(outcome.error, LimitExceeded) and "8.0 MB" in outcome.told
    assert outcome.files == {} and outcome.listing is None


async def test_a_stream_of_unknown_size_counts_towards_the_total(tmp_path: Path) -> None:
    limits = Limits(disk_reserve=0, max_total=2 * MB)
    outcome = await unpack(gzip.compress(noise(1, 3 * MB), 1), tmp_path, limits=limits)
    assert isinstance(outcome.error, LimitExceeded) and "2.0 MB" in outcome.told


async def test_the_disk_is_looked_at_again_while_a_file_grows(tmp_path: Path) -> None:
    """Somebody else fills it meanwhile."""
    free = iter([500 * MB] * 2)
    limits = Limits(disk_reserve=10 * MB, free=lambda _: next(free, 5 * MB))
    outcome = await unpack(gzip.compress(bytes(60 * MB), 1), tmp_path, limits=limits)
    assert "10.0 MB are kept free" in outcome.errors["archive"]
    assert outcome.files == {}


async def test_a_compressed_file_inside_counts_as_an_entry(tmp_path: Path) -> None:
    data = zip_bytes([(f"{number}.gz", gzip.compress(b"x")) for number in range(4)])
    enough = await unpack(data, tmp_path / "enough", limits=Limits(disk_reserve=0, max_entries=8))
    assert len(enough.files) == 4
    outcome = await unpack(data, tmp_path / "few", limits=Limits(disk_reserve=0, max_entries=6))
    assert isinstance(outcome.error, LimitExceeded) and len(outcome.files) == 2


async def test_a_directory_that_is_larger_than_any_is_not_fetched(tmp_path: Path) -> None:
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, 30 * MB, 0, 0)
    source = MemorySource(bytes(30 * MB) + end, "a.zip")
    outcome = await unpack(source, tmp_path, limits=Limits(disk_reserve=0, max_entries=1000))
    assert isinstance(outcome.error, LimitExceeded) and "1,000 entries" in outcome.told
    assert source.fetched < MB


async def test_too_many_entries_are_counted_before_anything_is_made_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = zip_bytes([(f"{number}", b"") for number in range(300)])
    made: list[str] = []

    class Counted(zipfile.ZipInfo):
        def __init__(self, filename: str = "") -> None:
            made.append(filename)
            super().__init__(filename)

    monkeypatch.setattr(zipfile, "ZipInfo", Counted)
    outcome = await unpack(data, tmp_path, limits=Limits(disk_reserve=0, max_entries=100))
    assert isinstance(outcome.error, LimitExceeded) and "100" in outcome.told
    assert made == []


# -- what an entry says of itself ----------------------------------------------------------------------------

DEFLATED = zip_bytes(
    [(f"{n}.txt", f"{n} is a number. ".encode() * 400) for n in range(4)], zipfile.ZIP_DEFLATED
)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        (24, 6401, "ends after 6,000 of 6,401 bytes"),
        (24, 5999, "more than its header says"),
        (24, 4_000_000_000, "sizes cannot be true"),
        (16, 1, "check sum"),
    ],
    ids=["longer", "shorter", "absurd", "other content"],
)
async def test_an_entry_that_is_not_what_the_directory_says_is_left_out_alone(
    tmp_path: Path, field: int, value: int, told: str
) -> None:
    outcome = await unpack(change(DEFLATED, 1, field, value), tmp_path)
    assert told in outcome.errors["1.txt"]
    assert set(outcome.files) == {"0.txt", "2.txt", "3.txt"} and outcome.error is None


async def test_an_entry_that_is_elsewhere_is_not_guessed_at(tmp_path: Path) -> None:
    at = DEFLATED.index(b"3.txt") - 30
    outcome = await unpack(change(DEFLATED, 3, 42, at + 1), tmp_path)
    assert outcome.errors == {"3.txt": "it is not where the table of contents says."}
    assert len(outcome.files) == 3


def entry_file(folder: Path) -> EntryFile:
    return EntryFile(Entry("1", "a", 5), folder / "file", Budget(Limits(disk_reserve=0), 100))


def test_what_was_given_up_is_not_begun_by_a_thread_that_comes_late(tmp_path: Path) -> None:
    file = entry_file(tmp_path)
    file.discard()
    file.open()
    file.write(b"late")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_share_of_the_disk_that_is_used_up_is_a_full_disk(number: int) -> None:
    with pytest.raises(DiskFull), disk_errors():
        raise OSError(number, "no room")
    with pytest.raises(PermissionError), disk_errors():
        raise PermissionError(errno.EACCES, "no right")


async def test_of_one_large_entry_several_pieces_are_under_way(tmp_path: Path) -> None:
    source = MemorySource(zip_bytes([("film", noise(1, 6 * MB))]), delay=0.01)
    outcome = await unpack(source, tmp_path)
    assert len(outcome.files) == 1 and source.most_active >= 3


async def test_a_zip_in_the_comment_of_a_zip_is_not_taken_for_it(tmp_path: Path) -> None:
    data = io.BytesIO(zip_bytes([("outer.jpg", b"a")]))
    with zipfile.ZipFile(data, "a") as archive:
        archive.comment = zip_bytes([("inner.jpg", b"b")]) + b" and more"
    outcome = await unpack(data.getvalue(), tmp_path)
    assert outcome.files == {"outer.jpg": b"a"}


# -- what nobody wants ---------------------------------------------------------------------------------------


async def test_junk_inside_an_inner_archive_is_counted_with_that_outside(tmp_path: Path) -> None:
    inner = zip_bytes([("__MACOSX/._a.jpg", b"junk"), ("a.jpg", b"a"), (".DS_Store", b"junk")])
    outcome = await unpack(zip_bytes([("in.zip", inner), ("Thumbs.db", b"junk")]), tmp_path)
    assert set(outcome.files) == {"in.zip/a.jpg"}
    assert outcome.ignored == 3


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "rar5"])
async def test_junk_is_counted_in_every_format(kind: str, tmp_path: Path) -> None:
    files = [("__MACOSX/._a.jpg", b"junk"), ("a.jpg", b"a"), ("f/desktop.ini", b"junk")]
    makers = {"zip": zip_bytes, "tar": tar_bytes, "tar.gz": lambda f: tar_bytes(f, "w:gz"), "rar5": rar5}
    outcome = await unpack(makers[kind](files), tmp_path)  # type: ignore[operator]
    assert outcome.files == {"a.jpg": b"a"} and outcome.ignored == 2


def items(*lines: str) -> list[Item]:
    parser = ListingParser()
    found = [item for line in lines for item in parser.feed(line.encode())]
    return [*found, *parser.finish()]


@pytest.mark.parametrize(
    ("line", "special"),
    [
        ("Symbolic Link = /etc/passwd", "a symbolic link"),
        ("Hard Link = a.txt", "a hard link"),
        ("Alternate Stream = +", "a hidden stream"),
        ("Attributes = A lrwxrwxrwx", "a symbolic link"),
        ("Attributes = brw-r--r--", "a device"),
        ("Mode = crw-r--r--", "a device"),
        ("Attributes =  prw-r--r--", "a pipe"),
        ("Mode = srw-r--r--", "a socket"),
        ("Attributes = A -rw-r--r--", ""),
    ],
)
def test_what_is_no_plain_file_is_named(line: str, special: str) -> None:
    (item,) = items("Path = a", "Size = 3", line)
    assert item.special == special


# -- what is kept where --------------------------------------------------------------------------------------


async def test_names_of_volumes_are_no_paths(tmp_path: Path) -> None:
    content = noise(3, 40_000)
    sources: list[ByteSource] = [
        MemorySource(data, f"../../up/film.part{number}.rar")
        for number, data in enumerate(rar5_volumes("film.bin", content, 3), 1)
    ]
    (tmp_path / "room" / "up").mkdir(parents=True)
    outcome = await unpack(sources, tmp_path / "room" / "deep")
    assert outcome.files == {"film.bin": content}
    assert list((tmp_path / "room" / "up").iterdir()) == []


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "rar5", "7z"])
async def test_names_of_entries_are_no_paths(kind: str, tmp_path: Path) -> None:
    """Two of one name: each in the file that was asked for, and no other."""
    files = {"a/x.jpg": b"first", "b/x.jpg": b"second"}
    pairs = list(files.items())
    data = {
        "zip": lambda: zip_bytes(pairs),
        "tar": lambda: tar_bytes(pairs),
        "tar.gz": lambda: tar_bytes(pairs, "w:gz"),
        "rar5": lambda: rar5(pairs),
        "7z": lambda: seven_zip(tmp_path / "made.7z", files).read_bytes(),
    }[kind]()
    reader = await open_archive(
        MemorySource(data), scratch=tmp_path / "scratch", limits=Limits(disk_reserve=0)
    )
    output = tmp_path / "output"
    output.mkdir()
    asked: list[Path] = []

    def new_file(_: Entry) -> Path:
        asked.append(output / f"{len(asked)}")
        return asked[-1]

    found = [each async for each in reader.extract(everything, new_file)]
    await reader.close()
    assert sorted(output.iterdir()) == asked == sorted(each.path for each in found if each.path)
    assert {each.entry.path: each.path.read_bytes() for each in found if each.path} == files


async def test_inner_archives_of_one_name_do_not_meet(tmp_path: Path) -> None:
    inner = {f"{n}/in.zip": zip_bytes([("x.jpg", noise(n, 3000))]) for n in range(6)}
    outcome = await unpack(zip_bytes(list(inner.items())), tmp_path)
    assert outcome.files == {f"{n}/in.zip/x.jpg": noise(n, 3000) for n in range(6)}


class Known(MemorySource):
    """As a file at Telegram, which says which one it is."""

    identity = "document 7"


async def test_of_what_was_fetched_only_a_whole_file_is_used_again(tmp_path: Path) -> None:
    """Cut off while it was fetched, and asked for again with the password."""
    data = seven_zip(tmp_path / "a.7z", {"a.jpg": b"photo"}, "-psecret").read_bytes()
    scratch, output = tmp_path / "scratch", tmp_path / "output"
    output.mkdir()
    with pytest.raises(PasswordNeeded):
        await open_archive(Known(data), scratch=scratch, limits=Limits(disk_reserve=0))
    (fetched,) = scratch.iterdir()
    fetched.write_bytes(data[:40])
    reader = await open_archive(
        Known(data), scratch=scratch, limits=Limits(disk_reserve=0), passwords=["secret"]
    )
    found = [each async for each in reader.extract(everything, lambda entry: output / entry.key)]
    await reader.close()
    assert [each.path.read_bytes() for each in found if each.path] == [b"photo"]


class Short(MemorySource):
    """Says that it is longer than it is."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.size = len(data) + 10_000


async def test_a_source_that_ends_early_is_damaged(tmp_path: Path) -> None:
    outcome = await unpack(Short(rar5([("a.jpg", noise(1, 5000))])), tmp_path)
    assert isinstance(outcome.error, ArchiveDamaged) and "ended early" in outcome.told


async def test_an_encrypted_zip_is_not_fetched_before_there_is_a_password(tmp_path: Path) -> None:
    path = seven_zip(tmp_path / "a.zip", {"a.jpg": noise(1, MB)}, "-psecret", "-mx0")
    source = MemorySource(path.read_bytes())
    outcome = await unpack(source, tmp_path / "room")
    assert type(outcome.error) is PasswordNeeded
    assert source.fetched < 200_000


async def test_after_many_failures_in_a_row_the_rest_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seven_zip_reader, "FAILURES_IN_A_ROW", 3)
    data = bytearray(rar5([(f"{number}.jpg", noise(number, 2000)) for number in range(8)]))
    for number in range(1, 8):
        data[data.index(noise(number, 2000)) + 5] ^= 1
    outcome = await unpack(bytes(data), tmp_path)
    assert set(outcome.files) == {"0.jpg"} and len(outcome.errors) == 3
    assert isinstance(outcome.error, ArchiveDamaged) and "given up" in outcome.told


@pytest.mark.parametrize("name", ["photo.jpg.gz", "photo.jpg.GZ"])
async def test_a_single_compressed_file_is_called_without_how_it_is_compressed(
    name: str, tmp_path: Path
) -> None:
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(b"photo")
    outcome = await unpack(packed.getvalue(), tmp_path, name=name)
    assert outcome.files == {"photo.jpg": b"photo"}
