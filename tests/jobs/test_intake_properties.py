"""Names of files as their senders gave them, and volumes that come message by message."""

from __future__ import annotations

import json
import random
from types import SimpleNamespace

from hypothesis import example, given
from hypothesis import strategies as st

from tests.archives.test_volumes_properties import names_of
from tests.drawn import any_text, stems, text
from utils.archives.names import JOINERS
from utils.archives.volumes import Scheme, arrange, volume_of
from utils.jobs.intake import AlbumCaptions, Incoming, Peer, file_name
from utils.jobs.journal import decode, encode
from utils.jobs.lines import Origin, Volume
from utils.jobs.record import JobRecord
from utils.jobs.split_set import SplitSet, set_title

schemes = st.sampled_from(Scheme)


def named(name: str | None, *, photo: bool = False) -> str:
    file = SimpleNamespace(name=name, ext=".bin")
    return file_name(SimpleNamespace(file=file, photo=photo, id=7))


def item(
    message: int, name: str, *, chat: int = 1, sender: int = 5, caption: str = "", album: int = 0
) -> Incoming:
    return Incoming(Peer("user", chat), chat, message, name, 10, message, caption, sender, album=album)


@given(st.one_of(st.none(), any_text, any_text.map(lambda part: part * 12)))
@example("\u200d")
@example("x" * 254 + " y.zip")
def test_a_files_name_is_one_visible_line(name: str | None) -> None:
    shown = named(name)
    assert 0 < len(shown) <= 255 and shown.encode()
    assert shown == shown.strip() and shown.strip(JOINERS)
    assert all(char.isprintable() or char in JOINERS for char in shown)


@given(st.integers(1, 240), schemes, st.integers(2, 9))
def test_volumes_of_a_long_name_are_still_of_one_set(length: int, scheme: Scheme, count: int) -> None:
    names = names_of("x" * length, scheme, count)
    found = arrange([named(name) for name in names])
    assert found is not None and found.order == tuple(range(count)) and not found.missing


@given(
    st.builds(Peer, st.sampled_from(["user", "chat", "channel"]), st.integers(), st.integers()), text, text
)
def test_a_message_comes_back_from_its_line(peer: Peer, name: str, caption: str) -> None:
    message = Incoming(peer, -100, 3, name, 1, 2, caption, 4, 5, 6)
    origin, volume = Origin.of(message, date=1.0, title=name), Volume.of(message, date=2.0)
    for line in (origin, volume):
        assert decode(json.loads(json.dumps(encode(line)))) == line
        assert {field: getattr(line, field) for field in vars(message)} == vars(message)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 3), st.sampled_from(["", "a", "pass: b"]))))
def test_a_caption_is_given_to_its_own_album_only(came: list[tuple[int, int, str]]) -> None:
    captions = AlbumCaptions()
    newest: dict[int, tuple[int, str]] = {}
    for number, (chat, album, caption) in enumerate(came):
        told = captions.complete(item(number, "x", chat=chat, caption=caption, album=album)).caption
        if album and caption:
            newest[chat] = album, caption
        assert told == (caption or (newest[chat][1] if album and newest.get(chat, (0,))[0] == album else ""))


@given(stems, schemes, st.integers(2, 30), st.randoms(), st.data())
async def test_a_set_takes_each_of_its_volumes_once_and_nothing_else(
    stem: str, scheme: Scheme, count: int, draw: random.Random, data: st.DataObject
) -> None:
    names = names_of(stem, scheme, count)
    first = data.draw(st.sampled_from(names[1:] if scheme is Scheme.OLD_RAR else names[:-1]))
    record = JobRecord.of([Origin.of(item(0, first), date=0.0)])
    written: list[str] = []

    async def write(line: Volume) -> None:
        written.append(line.name)

    volumes = SplitSet(record, write, wait=60.0, clock=lambda: 0.0)
    rest = [name for name in draw.sample(names, count) if name != first]
    others = names_of(f"{stem}_other", scheme, 3)[:2]
    sent = draw.sample([*rest, *rest, *others], 2 * len(rest) + len(others))
    for number, name in enumerate(sent, 1):
        assert not volumes.wants(item(number, name, chat=2))
        assert not volumes.wants(item(number, name, sender=6))
        new = name in names and name not in (first, *written)
        assert volumes.wants(item(number, name)) is new
        if new:
            await volumes.add(item(number, name))
            assert volumes.has(item(number, name))
    assert sorted(written) == sorted(rest)
    assert [known.name for known in volumes.items] == [first, *written]


@given(stems, schemes, st.integers(2, 20))
def test_all_volumes_give_their_set_one_title(stem: str, scheme: Scheme, count: int) -> None:
    titles = {set_title(name) for name in names_of(stem, scheme, count) if volume_of(name)}
    ending = {Scheme.CUT: ".7z", Scheme.ZIP: ".zip"}.get(scheme, ".rar")
    assert titles == {stem + ending}
