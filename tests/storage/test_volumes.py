"""Volumes of a file: joined as the note says they are the file again."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from utils.storage import volumes
from utils.storage.volumes import how_to_join, split_file, volume_names


@pytest.mark.parametrize(("size", "sizes"), [(10, [4, 4, 2]), (8, [4, 4]), (3, [3])])
def test_the_volumes_are_the_file(tmp_path: Path, size: int, sizes: list[int]) -> None:
    source = tmp_path / "000007"
    source.write_bytes(os.urandom(size))
    made = split_file(source, tmp_path, 4)
    assert [path.stat().st_size for path in made] == sizes
    assert b"".join(path.read_bytes() for path in made) == source.read_bytes()


@pytest.mark.parametrize("name", ["film.avi", "it's a 'film' & more.avi", "ünï $(x) %PATH%.avi"])
def test_what_the_note_says_joins_them_in_a_shell(tmp_path: Path, name: str) -> None:
    content = os.urandom(100)
    (tmp_path / "000007").write_bytes(content)
    made = split_file(tmp_path / "000007", tmp_path, 9)
    names = volume_names(name, len(made))
    assert names[0] == f"{name}.001" and names[-1] == f"{name}.012"
    for path, shown in zip(made, names, strict=True):
        path.rename(tmp_path / shown)
    command = how_to_join(name, names).partition(" — on Windows: ")[0]
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / name).read_bytes() == content


def test_a_full_disk_leaves_no_volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "000007").write_bytes(bytes(100))

    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(volumes, "sync_folder", full)
    with pytest.raises(OSError, match="No space"):
        split_file(tmp_path / "000007", tmp_path, 9)
    assert [path.name for path in tmp_path.iterdir()] == ["000007"]
