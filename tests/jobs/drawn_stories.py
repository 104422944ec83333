"""Journals as a job may write them, and lines with anything in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from tests.drawn import any_text, kinds, media_file, text
from utils.jobs import lines
from utils.jobs.intake import Incoming, Peer
from utils.jobs.lines import KINDS, Line
from utils.jobs.medium import Medium
from utils.jobs.record import JobRecord

ITEM = Incoming(Peer("user", 7), 7, 1, "a.zip", 100, 5, "")


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of one of the types that lines have."""
    if get_origin(hint) is tuple:
        return st.lists(anything(get_args(hint)[0]), max_size=4).map(tuple)
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if is_dataclass(hint):
        return any_of(hint)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        # Few numbers, so that lines are often about the same file.
        int: st.one_of(st.integers(0, 4), st.integers()),
        float: st.floats(allow_nan=False),
        str: st.one_of(st.sampled_from(["a", "b"]), any_text),
        bool: st.booleans(),
        bytes: st.binary(max_size=8),
    }
    return plain[hint]


def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Any instance of the dataclass ``kind``."""
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: anything(hints[field.name]) for field in fields(kind)})


any_line: st.SearchStrategy[Line] = st.one_of([any_of(kind) for kind in KINDS.values()])


class Teller:
    """Draws one line after another, each as a job could write it after those before."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.draw = draw
        self.story: list[Line] = []
        self.record = JobRecord()
        self.next = 1
        self.tell(lines.Origin.of(ITEM, date=1.0), lines.Run("boot"))

    def tell(self, *told: Line) -> None:
        for line in told:
            self.story.append(line)
            self.record.apply(line)

    def number(self) -> int:
        self.next += 1
        return self.next - 1

    def waiting(self) -> list[int]:
        """Files that may be sent now."""
        record = self.record
        ready = (
            record.files.keys()
            | record.converted.keys()
            | record.unconvertible.keys() & record.deferred.keys()
        )
        return sorted(ready - record.delivered - record.wholes.keys())

    def take_out(self) -> None:
        number = self.number()
        note = self.draw(st.sampled_from(["", "", "Made smaller."]))
        file = media_file(number, self.draw(st.sampled_from(["", "trip"])), self.draw(kinds), note=note)
        self.tell(self.draw(st.sampled_from([lines.File(file), lines.Defer(file, 1.5)])))

    def leave_out(self) -> None:
        key, name = f"left {self.number()}", self.draw(text)
        self.tell(
            self.draw(st.sampled_from([lines.Skip(key, name, "it is damaged"), lines.Other(key, name)]))
        )

    def convert(self) -> None:
        for number in self.record.open_conversions()[:1]:
            converted = lines.Converted(number, media_file(number, kind="video", key=f"key {number}"))
            given_up = lines.Unconvertible(number, "ffmpeg ended with 1")
            self.tell(self.draw(st.sampled_from([converted, given_up])))

    def split(self) -> None:
        for number in self.waiting()[:1]:
            parts = tuple(
                media_file(self.number(), kind="video") for _ in range(self.draw(st.integers(1, 3)))
            )
            self.tell(lines.Split(self.record.to_send(number), parts), lines.Drop(number))

    def upload(self) -> None:
        for number in self.waiting()[:1]:
            medium = Medium("photo", number, 1, b"\1")
            after = [lines.Renew(number), lines.Refused(number, "PHOTO_INVALID"), lines.Media(number, medium)]
            self.tell(lines.Media(number, medium), self.draw(st.sampled_from(after)))

    def send(self) -> None:
        if not self.waiting():
            return
        numbers = tuple(self.draw(st.lists(st.sampled_from(self.waiting()), min_size=1, unique=True)))
        key = f"album-{numbers[0]}-{len(self.story)}"
        announce = lines.Announce(key, numbers, tuple(n + 1000 for n in numbers))
        sent = lines.Sent(key, numbers, numbers)
        rejected = lines.Rejected(key, "MEDIA_INVALID")
        endings = [(announce, sent), (announce, sent), (announce,), (announce, rejected)]
        self.tell(*self.draw(st.sampled_from(endings)))

    def lose(self) -> None:
        lost = sorted((self.record.files.keys() | self.record.deferred.keys()) - self.record.delivered)
        if lost:
            self.tell(lines.Drop(self.draw(st.sampled_from(lost))), lines.Run("another boot"))

    def refuse_for_good(self) -> None:
        for number in self.waiting()[:1]:
            file = self.record.to_send(number)
            self.tell(lines.Skip(file.key, file.name, "Telegram did not take it"), lines.Drop(number))

    def come_to_the_end(self) -> None:
        self.tell(
            self.draw(
                st.sampled_from([lines.Extracted(0), lines.Extracted(3), lines.Failed("it is damaged.")])
            )
        )

    def cancel(self) -> None:
        self.tell(lines.Failed("cancelled."), lines.Cancelled())


@st.composite
def tellers(draw: st.DrawFn) -> Teller:
    """A story of up to some thirty acts."""
    teller = Teller(draw)
    often = (Teller.take_out, Teller.take_out, Teller.send, Teller.send)
    rarely = (
        Teller.leave_out,
        Teller.convert,
        Teller.split,
        Teller.upload,
        Teller.lose,
        Teller.refuse_for_good,
        Teller.come_to_the_end,
        Teller.cancel,
    )
    for act in draw(st.lists(st.sampled_from(often + rarely), max_size=30)):
        act(teller)
    return teller


stories: st.SearchStrategy[list[Line]] = tellers().map(lambda teller: teller.story)
