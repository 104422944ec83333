"""Which files go together, and what is said about them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from utils.jobs.albums import (
    AlbumBuilder,
    Kind,
    MediaFile,
    counted,
    is_film_of,
    messages_of,
    plural,
    refused_as,
    shorten,
    utf16_units,
)


def file(number: int, folder: str = "", kind: str = "photo", name: str = "") -> MediaFile:
    return MediaFile(number, str(number), name or f"img{number}.jpg", folder, kind, f"{number}", 1)  # type: ignore[arg-type]


def albums(files: list[MediaFile], *, by_folder: bool = True, mixed: bool = False) -> list[list[int]]:
    builder = AlbumBuilder(mixed=mixed)
    builder.by_folder = by_folder
    made = [album for item in files for album in builder.add(item)]
    return [[item.number for item in album] for album in (*made, *builder.finish())]


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (9, [9]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])]
)
def test_albums_hold_at_most_ten(count: int, sizes: list[int]) -> None:
    assert [len(album) for album in albums([file(n) for n in range(count)])] == sizes


def test_photos_videos_music_and_documents_go_apart_and_documents_with_a_reason_alone() -> None:
    files = [file(n, kind="video" if n % 2 else "photo") for n in range(1, 9)]
    files += [replace(file(n, kind="document"), note="A reason." if n < 22 else "") for n in range(20, 24)]
    files += [replace(file(n, kind="document"), music="audio/mpeg") for n in (30, 31)]
    assert albums(files) == [[20], [21], [2, 4, 6, 8], [1, 3, 5, 7], [30, 31], [22, 23]]


def test_photos_and_videos_of_a_folder_share_albums_in_order_where_they_may() -> None:
    files = [file(n, "ab"[n > 11], "video" if n % 3 == 0 else "photo") for n in range(1, 15)]
    assert albums(files, mixed=True) == [list(range(1, 11)), [11], [12, 13, 14]]
    files.insert(3, file(20, "a", "document"))
    assert albums(files, mixed=True) == [list(range(1, 11)), [11], [20], [12, 13, 14]]


def test_what_is_in_an_album_is_counted_by_kind() -> None:
    photos, videos = [file(n) for n in range(10)], [file(n, kind="video") for n in range(3)]
    assert counted([(file,) for file in photos]) == "10 images"
    assert counted([(file,) for file in (*videos, *photos[:1])]) == "1 image and 3 videos"
    assert counted([(photos[0],), *zip(photos, videos, strict=False)]) == "1 image and 3 live photos"


def still(number: int, folder: str = "") -> MediaFile:
    return file(number, folder, name=f"IMG_{number}.HEIC")


def film(number: int, folder: str = "", seconds: float = 3.0) -> MediaFile:
    return replace(file(100 + number, folder, "video", f"img_{number}.mov"), duration=seconds)


@pytest.mark.parametrize("mixed", [True, False])
def test_a_short_film_is_behind_the_picture_of_its_name_whichever_comes_first(mixed: bool) -> None:
    assert albums([still(1), film(1), still(2)], mixed=mixed) == [[1, 101, 2]]
    assert albums([film(1), still(2), still(1), film(2)], mixed=mixed) == [[2, 102, 1, 101]]
    others = [film(1, seconds=9), film(1, "a"), film(2), replace(film(1), kind="document")]
    for other in others:
        together = albums([still(1), other], mixed=mixed)
        assert messages_of([still(1), other]) == [(still(1),), (other,)]
        assert together == (
            [[1, other.number]] if mixed and other not in others[1::2] else [[1], [other.number]]
        )
    pixel = [file(1, name="PXL_1.MP.jpg"), replace(film(1), name="PXL_1.MP")]
    assert albums(pixel[::-1], mixed=mixed) == [[1, 101]] and messages_of(pixel) == [tuple(pixel)]
    assert messages_of([still(1), film(1), film(1)]) == [(still(1), film(1)), (film(1),)]


def test_what_says_that_it_belongs_together_is_believed_before_names() -> None:
    stills = [replace(still(n), pair="AB"[n]) for n in range(2)]
    films = [replace(film(1 - n), pair="AB"[n]) for n in range(2)]
    builder = AlbumBuilder(mixed=True)
    builder.by_folder = True
    assert [album for file in (*stills, *films) for album in builder.add(file)] == []
    assert builder.finish() == [(stills[0], films[0], stills[1], films[1])]
    # Of which only one says anything, the names decide.
    assert is_film_of(replace(films[0], pair=""), stills[1]) and not is_film_of(films[0], stills[1])


def test_an_album_is_full_with_ten_messages_and_waits_for_the_film_of_its_last_picture() -> None:
    stills, films = [still(n) for n in range(1, 13)], [film(n) for n in range(1, 13)]
    pairs = [file for both in zip(stills, films, strict=True) for file in both]
    assert [len(album) for album in albums(pairs)] == [20, 4]
    expected = AlbumBuilder(mixed=True)
    expected.films = frozenset({("", "img_10")})
    given = [expected.add(file) for file in (*stills[:10], films[9])]
    assert [len(found) for found in given] == [0] * 10 + [1] and len(given[-1][0]) == 11
    # Nothing holds it up once the next picture is there, nor when none is expected.
    given = [expected.add(file) for file in stills[:11]]
    assert [len(found) for found in given] == [0] * 10 + [1] and len(given[-1][0]) == 10
    plain = AlbumBuilder(mixed=True)
    assert [len(plain.add(file)) for file in stills[:10]] == [0] * 9 + [1]


def test_to_make_room_everything_goes_but_a_picture_whose_film_comes_next() -> None:
    builder = AlbumBuilder(mixed=True)
    builder.films = frozenset({("", "img_2")})
    for item in (still(1), still(2)):
        builder.add(item)
    assert builder.make_room() == [(still(1),)]
    assert builder.still_of(film(2)) == still(2)
    builder.add(film(2))
    assert builder.make_room() == [(still(2), film(2))] and builder.finish() == []


def test_by_date_a_folder_is_put_in_order_before_it_is_given_out() -> None:
    def dated(files: list[MediaFile]) -> list[list[int]]:
        builder = AlbumBuilder(mixed=True, by_date=True)
        builder.by_folder = True
        made = [album for item in files for album in builder.add(item)]
        return [[item.number for item in album] for album in (*made, *builder.finish())]

    numbers = [7, 3, 12, 1, 9, 5, 11, 2, 10, 4, 8, 6]
    files = [replace(file(n, "a"), taken=float(n)) for n in numbers]
    assert dated(files) == [list(range(1, 11)), [11, 12]]
    # What has no date comes last; a film comes with its picture.
    pair = [replace(still(50, "a"), taken=6.5), replace(film(50, "a"), taken=1.0)]
    both = [pair[0], file(60, "a"), *files[:4], pair[1], file(70, "b")]
    assert dated(both) == [[1, 3, 50, 150, 7, 12, 60], [70]]
    # No more is collected than may be: then the oldest go.
    many = [replace(file(n, "a"), taken=float(-n)) for n in range(1, 151)]
    albums = dated(many)
    assert [len(album) for album in albums] == [10] * 15
    assert albums[0] == list(range(100, 90, -1)) and albums[-1] == list(range(10, 0, -1))


def test_a_folder_is_over_when_the_next_begins() -> None:
    files = [file(1, "a"), file(2, "a"), file(3, "b"), file(4, "c")]
    assert albums(files) == [[1, 2], [3], [4]]


def test_what_is_left_of_a_folder_comes_before_a_document_that_begins_the_next() -> None:
    noted = replace(file(2, "b", kind="document"), note="A reason.")
    assert albums([file(1, "a"), noted, file(3, "b")]) == [[1], [2], [3]]


def test_a_stream_that_jumps_between_folders_still_makes_whole_albums() -> None:
    files = [file(n, "ab"[n % 2]) for n in range(8)]
    assert albums(files, by_folder=False) == [[0, 2, 4, 6], [1, 3, 5, 7]]


def test_a_stream_with_very_many_folders_keeps_few_of_them_open() -> None:
    builder = AlbumBuilder(mixed=True)
    sent = sum(len(builder.add(file(n, f"folder {n}"))) for n in range(100))
    assert sent == 96


def test_folders_that_were_open_when_it_turned_out_that_they_come_in_order_are_finished() -> None:
    builder = AlbumBuilder(mixed=True)
    assert [builder.add(file(n, f"folder {n}")) for n in range(3)] == [[], [], []]
    builder.by_folder = True
    over = builder.add(file(3, "folder 3"))
    assert [[item.number for item in album] for album in over] == [[0], [1], [2]]


@pytest.mark.parametrize(
    ("kind", "noun"), [("photo", "an image"), ("video", "a video"), ("document", "a file")]
)
def test_what_telegram_refused_is_told_with_its_own_reason(kind: Kind, noun: str) -> None:
    told = refused_as(kind, "PHOTO_INVALID")
    assert told == f"Telegram did not take it as {noun} (PHOTO_INVALID)"
    assert replace(file(1, kind="document"), music="audio/mpeg").noun == "audio file"


def test_shortening_never_cuts_a_character_in_two() -> None:
    assert shorten("😀😀😀", 6) == "😀😀😀"
    assert shorten("😀😀😀", 5) == "😀😀…"
    assert shorten("😀😀😀", 4) == "😀…"


def test_a_length_is_a_whole_number_of_units() -> None:
    assert [repr(utf16_units(text)) for text in ("", "a", "é", "写", "😀", "a😀")] == list("011123")


def test_plurals() -> None:
    assert (plural(1, "image"), plural(10, "image")) == ("1 image", "10 images")
