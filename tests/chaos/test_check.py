"""What is wrong in a chat is seen, each thing for itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.chaos.archive import Archive, make
from benchmarks.chaos.check import violations
from benchmarks.chaos.plan import Fault, Plan
from sandbox import StoredMessage
from tests.world import TOKEN, World

PLAN = Plan(1, 1, "zip", 1, False, [{"photo": 3, "ready": 2, "other": 1}], {}, ())


def message(number: int, kind: str, **facts: object) -> StoredMessage:
    """One message of the bot."""
    empty = dict.fromkeys(StoredMessage.__dataclass_fields__)
    texts = dict.fromkeys(("text", "caption", "name", "mime", "sha256"), "")
    return StoredMessage(**{**empty, **texts, "id": number, "kind": kind, **facts})  # type: ignore[arg-type]


class Chat(World):
    """A world of which only what is checked is there."""

    def __init__(self, data: Path, archive: Archive) -> None:
        self.data = data
        self.log = data / "bot.log"
        self.said = ["INFO: ✅ Ready"]
        text = f"✅ {archive.name}: 3 pictures and 2 videos sent.\n📄 Left out: 2 files (…)"
        self.messages = [message(1, "text", text=text)]
        kinds = {"photo": "photo", "ready": "video"}
        items = [item for item in archive.items if item.kind in kinds]
        names = ", ".join(item.name for item in items)
        for place, item in enumerate(items):
            caption = "" if place else f"📦 {archive.name} › a\n{names}"
            facts = {"caption": caption, "sha256": item.sha256, "album": "a"}
            self.messages.append(message(place + 2, kinds[item.kind], **facts))

    def chat(self) -> list[StoredMessage]:
        return self.messages

    def lines(self) -> list[str]:
        return self.said

    def change(self, place: int, **facts: object) -> None:
        self.messages[place] = replace(self.messages[place], **facts)  # type: ignore[arg-type]


def swapped(chat: Chat) -> None:
    """The second and the third photo, with the names that they have."""
    first, second = chat.messages[2], chat.messages[3]
    chat.messages[2:4] = [replace(second, id=3), replace(first, id=4)]
    chat.change(1, caption="📦 chaos1.zip › a\nap00.jpg, ap02.jpg, ap01.jpg, ar00.mp4, ar01.mp4")


def doubled(chat: Chat) -> None:
    chat.messages.insert(5, replace(chat.messages[1], id=8, album="again"))


def left_behind(chat: Chat) -> None:
    (chat.data / "jobs" / "7_1").mkdir(parents=True)


def unfinished(chat: Chat) -> None:
    (chat.data / "conversion_state.json").write_text(json.dumps({"a": {"status": "pending"}}))


def torn(chat: Chat) -> None:
    (chat.data / "conversion_state.json").write_text("{")


def as_a_file(caption: str) -> Callable[[Chat], None]:
    return lambda chat: chat.change(5, kind="document", album=None, caption=caption)


WRONG: dict[str, tuple[Callable[[Chat], object], str]] = {
    "lost": (lambda chat: chat.messages.pop(3), "a/ap02.jpg is lost"),
    "doubled": (doubled, "a/ap00.jpg came 2 times"),
    "out of order": (swapped, "photos of a are out of order"),
    "other bytes": (lambda chat: chat.change(2, sha256="0"), "a/ap01.jpg came with other bytes"),
    "other name": (
        lambda chat: chat.change(1, caption="\nap00.jpg, ap02.jpg, ap02.jpg, ar00.mp4, ar01.mp4"),
        "a/ap01.jpg is called ap02.jpg in the chat",
    ),
    "album": (lambda chat: chat.change(5, album="b", caption="\nar01.mp4"), "came in albums of [4, 1]"),
    "no reason": (as_a_file("\nar01.mp4"), "without a reason"),
    "no need": (as_a_file("\nar01.mp4\nℹ️ so"), "a/ar01.mp4 came as a file: "),
    "foreign": (lambda chat: chat.change(5, sha256="0", album="b", caption="\nb.mp4"), "which nobody sent"),
    "count": (lambda chat: chat.change(0, text=chat.messages[0].text.replace("3 p", "4 p")), "counts"),
    "silent": (lambda chat: chat.messages.pop(0), "0 summaries"),
    "twice": (lambda chat: chat.messages.append(chat.messages[0]), "2 summaries"),
    "failed": (lambda chat: chat.change(0, text="❌ chaos1.zip: x\n3 pictures and 2 videos sent."), "failed"),
    "skipped": (lambda chat: chat.change(0, text=chat.messages[0].text + "\n⏭️ Skipped: x"), "skipped"),
    "status": (
        lambda chat: chat.messages.append(message(10, "text", text="📦 chaos1.zip\n📤 Sending")),
        "the status stays at",
    ),
    "words": (lambda chat: chat.messages.append(message(10, "text", text="Oh")), "was told 'Oh'"),
    "left": (left_behind, "left behind: jobs/7_1"),
    "temporary": (lambda chat: (chat.data / "x.tmp").touch(), "left behind: x.tmp"),
    "pending": (unfinished, "a conversion is still pending"),
    "unreadable": (torn, "conversion_state.json: "),
    "traceback": (lambda chat: chat.said.append("  Traceback (most recent call last):"), "in the log: Trace"),
    "unheard": (lambda chat: chat.said.append("Task exception was never retrieved"), "in the log: Task"),
    "secret": (lambda chat: chat.said.append(f"with {TOKEN}"), "a secret is in the log"),
}


@pytest.mark.parametrize("name", WRONG)
def test_each_mistake_is_seen(tmp_path: Path, name: str) -> None:
    archive = make(PLAN, tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    chat = Chat(data, archive)
    assert violations(chat, PLAN, archive, {}) == []
    spoil, words = WRONG[name]
    spoil(chat)
    found = violations(chat, PLAN, archive, {})
    assert any(words in sentence for sentence in found), found


def test_what_a_fault_excuses_is_no_mistake(tmp_path: Path) -> None:
    archive = make(PLAN, tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    chat = Chat(data, archive)
    as_a_file("\nar01.mp4\nℹ️ Telegram did not take it.")(chat)
    chat.change(0, text=chat.messages[0].text.replace("2 videos", "1 video and 1 file"))
    refusing = replace(PLAN, faults=(Fault("refuse"),))
    assert violations(chat, refusing, archive, {}) == []
    assert violations(chat, PLAN, archive, {})
