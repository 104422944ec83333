"""In which order entries are taken out: by what is known of them before."""

from __future__ import annotations

import pytest

from utils.jobs.ordering import date_in_name, known_time, order_by_date, order_by_name, order_of
from utils.media import clock


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("IMG_20240612_101500.jpg", (2024, 6, 12, 10, 15, 0)),
        ("PXL_20240612_101500123.MP.jpg", (2024, 6, 12, 10, 15, 0)),
        ("20240612_101500(1).heic", (2024, 6, 12, 10, 15, 0)),
        ("Screenshot_2024-06-12-10-15-00-12_app.png", (2024, 6, 12, 10, 15, 0)),
        ("2024-06-12 10.15.00.jpg", (2024, 6, 12, 10, 15, 0)),
        ("Screenshot 2024-06-12 at 10.15.00.png", (2024, 6, 12, 10, 15, 0)),
        ("signal-2024-06-12-101500.jpg", (2024, 6, 12, 10, 15, 0)),
        ("VID-20240612-WA0007.mp4", (2024, 6, 12)),
        ("scan 1951-03-04.tif", (1951, 3, 4)),
    ],
)
def test_names_that_say_when(name: str, fields: tuple[int, ...]) -> None:
    assert date_in_name(name) == clock(*fields) > -1e10


@pytest.mark.parametrize(
    "name",
    ["IMG_1234.jpg", "20991231_235959.jpg", "19700101_000000.jpg", "20241332.jpg", "120240612.jpg", "a", ""],
)
def test_names_that_do_not(name: str) -> None:
    assert date_in_name(name) == 0


def test_milliseconds_in_a_name() -> None:
    assert abs(date_in_name("FB_IMG_1718187300000.jpg") - clock(2024, 6, 12, 10, 15)) < 86_400


def test_times_of_files_that_can_be_none() -> None:
    day = clock(2024, 6, 12)
    times = [0.0, clock(1980, 1, 1) or 315_532_800.0, 4e12, 1e300, -1e12, float("nan"), day]
    assert [known_time(at) for at in times] == [0, 0, 0, 0, 0, 0, day]


PATHS = ["b/2.jpg", "a/IMG_20240612_101500.jpg", "a/z.jpg", "a/y.mov", "a/y.heic", "a/10.jpg", "a/z.jpg.json"]


def test_by_name_notes_come_first_in_each_folder() -> None:
    ordered = [PATHS[at] for at in order_by_name(PATHS, [0.0] * len(PATHS))]
    assert ordered == [
        *("a/z.jpg.json", "a/10.jpg", "a/IMG_20240612_101500.jpg", "a/y.heic", "a/y.mov", "a/z.jpg"),
        "b/2.jpg",
    ]


def test_the_picture_of_a_videos_name_comes_before_it_and_all_else_stays_in_its_place() -> None:
    paths = [
        "a/film.mp4",
        "a/film.png",
        "a/film.webp",
        "a/b.png",
        "b/film.mov",
        "a/film 2.mov",
        "c.d/x",
        "c.d/y.mp4",
    ]
    expected = [
        "a/b.png",
        "a/film 2.mov",
        "a/film.png",
        "a/film.mp4",
        "a/film.webp",
        "b/film.mov",
        "c.d/x",
        "c.d/y.mp4",
    ]
    for order in (order_by_name, order_by_date):
        assert [paths[at] for at in order(paths, [0.0] * len(paths))] == expected


def test_by_date_names_are_believed_before_files_times_and_a_film_stays_with_its_picture() -> None:
    early, late = clock(2024, 1, 1), clock(2024, 12, 1)
    times = {"a/IMG_20240612_101500.jpg": late, "a/z.jpg": early, "a/y.mov": early + 9, "a/y.heic": late}
    ordered = [PATHS[at] for at in order_by_date(PATHS, [times.get(path, 0.0) for path in PATHS])]
    assert ordered == [
        *("a/z.jpg.json", "a/z.jpg", "a/y.heic", "a/y.mov", "a/IMG_20240612_101500.jpg", "a/10.jpg"),
        "b/2.jpg",
    ]
    assert (order_of("date"), order_of("name")) == (order_by_date, order_by_name)
