"""Some entries of an archive, before it is used: of a ZIP, nothing else is fetched."""

from __future__ import annotations

import random
import zipfile
from pathlib import Path

from utils.archives import Entry, FileSource, Limits, Previews, open_archive
from utils.jobs.preview import BYTES, PICTURES, first_pictures


class Counting(FileSource):
    """Counts what is read of it."""

    read_bytes = 0

    async def read(self, offset: int, size: int) -> bytes:
        data = await super().read(offset, size)
        self.read_bytes += len(data)
        return data


async def test_of_a_zip_only_the_wanted_are_fetched(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(400):
            archive.writestr(f"{number:03d}.txt", random.Random(number).randbytes(9000))
        for number in range(3):
            archive.writestr(f"z{number}.jpg", bytes([number]) * 200_000)
    source = Counting(path)
    reader = await open_archive(source, scratch=tmp_path / "scratch", limits=Limits(disk_reserve=0))
    assert isinstance(reader, Previews) and reader.listing is not None
    wanted = [entry.key for entry in first_pictures(reader.listing)]
    before = source.read_bytes
    found = [
        (one.entry.name, one.path and one.path.read_bytes()[:1])
        async for one in reader.some(wanted, lambda entry: tmp_path / entry.key)
    ]
    assert found == [("z0.jpg", b"\0"), ("z1.jpg", b"\1"), ("z2.jpg", b"\2")]
    assert source.read_bytes - before < 700_000
    # The archive can be used afterwards.
    names = [
        one.entry.name
        async for one in reader.extract(
            lambda entry, _: entry.name < "002", lambda entry: tmp_path / entry.name
        )
    ]
    assert names == ["000.txt", "001.txt"]
    await reader.close()


def test_the_first_pictures_are_few_and_small_if_there_are_small_ones() -> None:
    def shown(*sizes: int) -> list[str]:
        entries = [Entry(str(n), f"{n}.jpg", size) for n, size in enumerate(sizes)]
        return [
            entry.key
            for entry in first_pictures([*entries, Entry("t", "t.txt", 5), Entry("n", "n.jpg", None)])
        ]

    assert shown(*[800_000] * 50) == [str(n) for n in range(PICTURES)]
    assert shown(9_000_000, 100, 4_000_000, 200) == ["1", "3"]
    assert shown(6_000_000, 6_000_000, 4_000_000) == ["0", "2"]
    assert shown(BYTES + 1) == []
