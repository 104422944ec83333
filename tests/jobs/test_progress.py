"""How far a job is, and what the chat reads of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from utils.archives import Entry
from utils.jobs import lines
from utils.jobs.albums import Kind, MediaFile, utf16_units
from utils.jobs.gate import Gate
from utils.jobs.intake import Incoming, Peer
from utils.jobs.live import Live, Speeds
from utils.jobs.marks import Marks
from utils.jobs.progress import Converting, Count, JobProgress, Place, Rate, Waiting, group_by_name
from utils.jobs.record import JobRecord
from utils.jobs.status_text import size_words, status_text
from utils.jobs.steps import Steps
from utils.jobs.summary import TEXT_UNITS

MB = 1_000_000


def file(number: int, size: int = MB, kind: Kind = "photo", name: str = "") -> MediaFile:
    return MediaFile(number, str(number), name or f"{number}.jpg", "", kind, f"{number:06d}", size)


def test_all_that_is_shown_is_counted_by_its_name_before_it_is_reached() -> None:
    shown = {"photo": "a.jxl b.HEIC c.dng d.qoi e.psd f.mpo", "video": "g.insv h.3gp i.MTS j.mkv k.m4v"}
    for group, names in shown.items():
        assert {group_by_name(name) for name in names.split()} == {group}
    assert {group_by_name(name) for name in ("notes.txt", "jpg", "a.mp3", "")} == {None}


def sent(*numbers: int) -> lines.Sent:
    return lines.Sent(f"album-{numbers[0]}", numbers, numbers)


def origin(size: int) -> lines.Origin:
    return lines.Origin.of(Incoming(Peer("user", 5), 5, 1, "a.zip", size, 9, ""), date=0.0)


@dataclass
class Named:
    name: str


@dataclass
class World:
    """A job, the clock that it goes by, and the lines in which it stands."""

    record: JobRecord
    now: float = 1000.0
    before: tuple[str, int, int] | None = None
    converting: dict[int, int | None] = field(default_factory=dict)

    def live(self, speeds: Speeds | None = None) -> Live:
        steps = Steps(Marks(Path(os.devnull)), Gate(), "a.zip")
        return Live(self.record, self, {"b": Named("b.zip")}, steps, speeds, clock=lambda: self.now)

    def ahead(self, job: str) -> tuple[str, int, int] | None:
        return self.before

    def first_conversions(self, job: str, most: int) -> list[tuple[int, int | None]]:
        return list(self.converting.items())[:most]


NOW = JobProgress("job", 5, "a.zip", "📤 Sending")


def test_everything_that_is_known_is_shown() -> None:
    full = replace(
        NOW,
        done=52 * MB,
        total=100 * MB,
        speed=8.44 * MB,
        left=95.0,
        pictures=Count(120, 240),
        videos=Count(1, 1),
        files=Count(0, 0),
        preparing="0012.jpg",
        conversions=(
            Converting("film.avi", None, 20.7, 170.0),
            *(Converting(f"{n}.avi", n) for n in range(1, 8)),
        ),
        waiting=Waiting("Telegram asks for a pause", 44.2),
    )
    assert status_text(full).splitlines() == [
        "📦 a.zip",
        "📤 Sending",
        "▰▰▰▰▰▱▱▱▱▱ 52 %",
        "8.4 MB/s · about 95 seconds left",
        "📤 120 of 240 pictures · 1 of 1 video sent",
        "⚙️ Preparing 0012.jpg",
        "🎬 Converting film.avi ▰▰▱▱▱▱▱▱▱▱ 20 % · about 3 minutes left",
        "🎬 1.avi is to be converted, behind 1 other",
        "🎬 2.avi is to be converted, behind 2 others",
        "🎬 3.avi is to be converted, behind 3 others",
        "🎬 4.avi is to be converted, behind 4 others",
        "🎬 3 more videos to convert",
        "⏳ Waiting 45 seconds: Telegram asks for a pause",
    ]


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"pictures": Count(7, None)}, "📤 Sending|📤 7 pictures so far sent"),
        ({"place": Place("b.zip", 1, 2)}, "⏳ In the queue, behind b.zip"),
        ({"place": Place("b.zip", 2)}, "⏳ In the queue, behind b.zip and 1 more"),
        ({"place": Place(others=3)}, "⏳ Waiting until there is time for it: I am at work for others"),
        (
            {"paused": True, "done": 1, "total": 2, "speed": 9.0, "left": 5.0, "preparing": "x"},
            "⏸️ Paused|▰▰▰▰▰▱▱▱▱▱ 50 %",
        ),
        ({"step": "🔒 Password?", "waiting": Waiting("🔒 Password?")}, "🔒 Password?"),
        (
            {"step": "🧩 Waiting: b", "waiting": Waiting("🧩 Waiting: b", 7200.0)},
            "🧩 Waiting: b|⏳ 2 hours more at most",
        ),
        ({"done": 10, "total": 10}, "📤 Sending"),
    ],
)
def test_what_is_shown_of_less(changes: dict[str, object], shown: str) -> None:
    assert "|".join(status_text(replace(NOW, **changes)).splitlines()[1:]) == shown  # type: ignore[arg-type]


def test_a_status_that_names_many_missing_volumes_still_fits() -> None:
    missing = ", ".join(f"{'x' * 60}.part{number:03d}.rar" for number in range(1, 200))
    text = status_text(replace(NOW, step=f"🧩 Waiting: {missing}"))
    assert utf16_units(text) == TEXT_UNITS and text.endswith("…")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (9, "9 B"),
        (1234, "1.2 kB"),
        (45_600, "46 kB"),
        (999_700, "1.0 MB"),
        (8.44e6, "8.4 MB"),
        (3.2e9, "3.2 GB"),
    ],
)
def test_sizes_in_words(size: float, words: str) -> None:
    assert size_words(size) == words


def test_pictures_and_videos_are_counted_of_those_that_the_listing_promises() -> None:
    listing = [
        *(Entry(str(n), f"x/{n}.jpg", MB) for n in range(1, 6)),
        Entry("6", "film.AVI", 9 * MB),
        Entry("7", "notes.txt", 5),
        Entry("8", "odd.mp4", MB),
    ]
    world = World(JobRecord.of([origin(20 * MB)]))
    live = world.live()
    assert live.look("job", "a.zip").pictures == Count(0, None)
    asyncio.run(live.opened(listing))
    for line in (
        lines.File(file(1)),
        lines.File(file(2)),
        sent(1, 2),
        lines.Defer(file(6, 9 * MB, "document", "film.AVI"), 1.0),
        # It is none, as its content shows.
        lines.File(file(8, MB, "document", "odd.mp4")),
        lines.Skip("5", "x/5.jpg", "damaged"),
    ):
        world.record.apply(line)
    world.converting = {6: 2}
    now = live.look("job", "a.zip")
    assert (now.pictures, now.videos, now.files) == (Count(2, 4), Count(0, 1), Count(0, 1))
    assert now.conversions == (Converting("film.AVI", 2, 0.0, None),)
    # What is to be converted is not a part of what is sent now.
    assert (now.done, now.total) == (2 * MB, 15 * MB + 5 * MB)
    world.record.apply(lines.Cancelled())
    assert live.look("job", "a.zip").conversions == ()


def test_the_place_in_the_queue_names_those_of_the_same_chat_alone() -> None:
    world = World(JobRecord.of([origin(MB)]), before=("b", 2, 2))
    assert world.live().look("job", "a.zip").place == Place("b.zip", 2, 2)


def test_a_wait_is_over_when_its_time_is_and_a_conversion_tells_how_long_it_takes() -> None:
    world = World(JobRecord.of([origin(MB), lines.Defer(file(1, MB, "document", "a.avi"), 1.0)]))
    world.converting = {1: None}
    live = world.live()
    live.waits("a pause", 30)
    live.converts(1, 10.0)
    world.now += 20
    live.converts(1, 30.0)
    now = live.look("job", "a.zip")
    assert now.waiting == Waiting("a pause", 10.0)
    assert now.conversions == (Converting("a.avi", None, 30.0, 70.0),)
    world.now += 11
    assert live.look("job", "a.zip").waiting is None
    live.waits("for you", None)
    assert live.look("job", "a.zip").waiting == Waiting("for you")
    live.goes_on("📤 Sending")
    assert live.look("job", "a.zip").waiting is None


def test_a_rate_is_that_of_the_last_seconds() -> None:
    now = [0.0]
    rate = Rate(lambda: now[0], window=30.0)
    assert rate.value == 0
    for amount in [1.0] * 100 + [10.0] * 40:
        now[0] += 1
        rate.add(amount)
    assert rate.value == pytest.approx(10.0, rel=0.05) and rate.total == 500


# -- time left --------------------------------------------------------------------------------------------


@dataclass
class Link:
    """A job of ``files``, on a link with that many bytes a second, and ``lag`` seconds before each."""

    files: Sequence[int]
    down: float
    up: float
    whole: bool = False
    lag: float = 0.0
    known_up: float = 0.0

    def open(self, live: Live) -> None:
        listing = [Entry(str(n), f"{n}.jpg", one) for n, one in enumerate(self.files, 1)]
        asyncio.run(live.opened(listing))

    def play(self) -> Iterator[tuple[float, float, JobProgress]]:
        """(share done, time, progress) every second. Down and up go side by side, or one after the other."""
        size = sum(self.files)
        world = World(JobRecord.of([origin(size)]), now=0.0)
        live = world.live(Speeds(self.known_up))
        if self.whole:
            live.whole()
        else:
            self.open(live)
        fetched = uploaded = 0.0
        ready = delivered = 0
        current, waits, step = 0.0, self.lag, 0.05
        while delivered < len(self.files):
            world.now += step
            more = min(self.down * step, size - fetched)
            fetched += more
            if more:
                live.fetched(int(more))
            if self.whole and fetched >= size and not live._listing:
                self.open(live)
            allowed = fetched if not self.whole else size if fetched >= size else 0
            while ready < len(self.files) and sum(self.files[: ready + 1]) <= allowed:
                ready += 1
                world.record.apply(lines.File(file(ready, self.files[ready - 1])))
            if delivered < ready:
                waits -= step
                if waits <= 0:
                    current = min(current + self.up * step, self.files[delivered])
                    live.uploaded(f"{delivered + 1:06d}", int(current))
                    if current >= self.files[delivered]:
                        delivered += 1
                        uploaded += current
                        current, waits = 0.0, self.lag
                        world.record.apply(sent(delivered))
            if round(world.now / step) % 20 == 0:
                yield (uploaded + current + fetched) / (2 * size), world.now, live.look("job", "a.zip")


@pytest.mark.parametrize(
    "link",
    [
        Link([2 * MB] * 200, 10 * MB, 10 * MB),
        Link([2 * MB] * 200, 20 * MB, 5 * MB),
        Link([2 * MB] * 200, 4 * MB, 12 * MB),
        Link([300_000] * 500, 10 * MB, 10 * MB, lag=0.1),
        Link([1 * MB, 9 * MB] * 40, 10 * MB, 6 * MB, lag=0.2),
        Link([2 * MB] * 200, 10 * MB, 10 * MB, whole=True),
        Link([2 * MB] * 200, 10 * MB, 4 * MB, whole=True, known_up=4 * MB),
        Link([400 * MB], 10 * MB, 10 * MB, whole=True),
    ],
    ids=lambda link: f"{len(link.files)} at {link.down / MB:.0f}/{link.up / MB:.0f}, whole {link.whole}",
)
def test_the_time_left_is_honest_once_a_fifth_is_done(link: Link) -> None:
    played = list(link.play())
    over = played[-1][1]
    told = [(over - at, now.left) for share, at, now in played if share > 0.2 and over - at > 5]
    assert len(told) > 10
    wrong = [(left, said) for left, said in told if said is None or abs(said - left) > 0.25 * left]
    assert len(wrong) <= 0.1 * len(told), wrong[:5]
    done = [now.done / now.total for _, _, now in played if now.total]
    assert done[-1] == pytest.approx(1.0, abs=0.02) and all(0 <= share <= 1 for share in done)
