"""Albums and captions, whatever files come in whatever order."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from tests.drawn import kinds, media_file, text
from utils.jobs.albums import (
    ALBUM_SIZE,
    CAPTION_UNITS,
    OPEN_FOLDERS,
    AlbumBuilder,
    Kind,
    MediaFile,
    shorten,
    utf16_units,
)
from utils.jobs.captions import caption, is_name, notes
from utils.texts import END, ISOLATE

folders = st.sampled_from([f"folder {n}" for n in range(7)])
files = st.lists(st.tuples(folders, kinds), max_size=80).map(
    lambda drawn: [media_file(n, folder, kind) for n, (folder, kind) in enumerate(drawn)]
)


def albums_of(files: list[MediaFile], *, by_folder: bool, mixed: bool) -> list[tuple[MediaFile, ...]]:
    builder = AlbumBuilder(mixed=mixed)
    builder.by_folder = by_folder
    return [album for file in files for album in builder.add(file)] + builder.finish()


def group(file: MediaFile, *, mixed: bool) -> tuple[str, Kind]:
    """What it may share an album with."""
    return file.folder, "photo" if mixed and file.kind == "video" else file.kind


@given(files, st.booleans(), st.booleans())
def test_each_file_is_in_one_album_with_its_like_in_the_order_in_which_they_came(
    files: list[MediaFile], by_folder: bool, mixed: bool
) -> None:
    albums = albums_of(files, by_folder=by_folder, mixed=mixed)
    came: dict[tuple[str, Kind], list[MediaFile]] = defaultdict(list)
    sent: dict[tuple[str, Kind], list[MediaFile]] = defaultdict(list)
    for file in files:
        came[group(file, mixed=mixed)].append(file)
    for album in albums:
        assert 1 <= len(album) <= ALBUM_SIZE
        assert len({group(file, mixed=mixed) for file in album}) == 1
        sent[group(album[0], mixed=mixed)] += album
    assert sent == came


@given(files, st.booleans())
def test_files_that_come_folder_by_folder_make_as_few_albums_as_can_be(
    files: list[MediaFile], mixed: bool
) -> None:
    ordered = sorted(files, key=lambda file: file.folder)
    albums = albums_of(ordered, by_folder=True, mixed=mixed)
    counts = Counter(group(file, mixed=mixed) for file in files)
    fewest = sum(-(-n // ALBUM_SIZE) for n in counts.values())
    assert len(albums) == fewest
    assert [name for name, _ in groupby(album[0].folder for album in albums)] == sorted(
        {file.folder for file in files}
    )


@given(files, st.booleans())
def test_no_more_folders_are_half_collected_than_may_be(files: list[MediaFile], by_folder: bool) -> None:
    builder = AlbumBuilder(mixed=True)
    builder.by_folder = by_folder
    waiting: set[MediaFile] = set()
    for file in files:
        waiting.add(file)
        waiting.difference_update(*builder.add(file))
        assert len({each.folder for each in waiting}) <= (1 if by_folder else OPEN_FOLDERS)


@given(files, folders)
def test_a_folder_that_is_over_leaves_nothing_behind(files: list[MediaFile], folder: str) -> None:
    builder = AlbumBuilder(mixed=True)
    sent = [file for each in files for album in builder.add(each) for file in album]
    over = [file for album in builder.finish_folder(folder) for file in album]
    assert all(file.folder == folder for file in over)
    late = [file for album in builder.finish() for file in album]
    assert not [file for file in late if file.folder == folder]
    assert sorted(file.number for file in (*sent, *over, *late)) == list(range(len(files)))


@given(text, text)
def test_units_add_up(one: str, other: str) -> None:
    assert utf16_units(one + other) == utf16_units(one) + utf16_units(other)
    assert len(one) <= utf16_units(one) <= 2 * len(one)


@given(text, st.integers(1, 45))
def test_what_is_cut_says_so_and_keeps_as_much_as_fits(text: str, units: int) -> None:
    short = shorten(text, units)
    assert utf16_units(short) <= units
    if utf16_units(text) <= units:
        assert short == text
    else:
        assert short[-1] == "…" and text.startswith(short[:-1])
        # One unit may stay free where a character of two would not fit.
        assert utf16_units(short) >= units - 1


#: Names have no control characters any more when they come to be said.
name = text.map(lambda drawn: "".join(filter(str.isprintable, drawn)))


@given(
    name.filter(bool),
    st.lists(st.tuples(name, name), min_size=1, max_size=ALBUM_SIZE),
    name,
    st.integers(1, 30),
)
def test_a_caption_fits_and_names_the_archive_first(
    archive: str, named: list[tuple[str, str]], folder: str, times: int
) -> None:
    files = [
        replace(media_file(n, folder * times), name=name * times, note=note * times)
        for n, (name, note) in enumerate(named)
    ]
    said = caption(archive, files)
    assert 0 < utf16_units(said) <= CAPTION_UNITS
    said = said.replace(ISOLATE, "").replace(END, "")
    assert said.startswith(f"📦 {archive}")
    assert said.encode()
    if utf16_units("".join([folder, *(n + t for n, t in named)]) * times) < 100:
        assert all(file.name in said for file in files if is_name(file.name))
        assert all(line in said for line in notes([file for file in files if file.note])) or len(files) == 1
