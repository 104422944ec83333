"""What counts as Telegram's yes: without it no message is taken for sent. Needs no network."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from telethon import errors as rpc
from telethon.tl import functions, types
from telethon.tl.tlobject import TLObject, TLRequest

from utils.errors import ChatClosed, Refused, TransferFailed
from utils.jobs import lines
from utils.jobs.albums import MediaFile, utf16_units
from utils.jobs.delivery import Delivery
from utils.jobs.gate import Gate
from utils.jobs.intake import Reply
from utils.jobs.journal import JobJournal
from utils.jobs.marks import Marks
from utils.jobs.proof import LONG_PAUSES, PAUSES
from utils.jobs.refusals import chat_errors
from utils.jobs.steps import Steps
from utils.jobs.uploading import MISSING_PARTS
from utils.telegram.upload import PART_SIZE, UploadState

CHAT, TARGET = types.InputPeerUser(1, 1), types.InputPeerUser(2, 2)
DUPLICATE = rpc.RandomIdDuplicateError(None)

#: What a call does: an answer of its own, an error, or None for a true answer.
Outcome = Callable[[TLRequest], TLObject] | Exception | None


def random_ids(request: TLRequest) -> list[int]:
    items = getattr(request, "multi_media", None) or [request]
    return [item.random_id for item in items]


def answer(ids: Sequence[int], first: int = 100) -> types.Updates:
    """Says which message became of each of ``ids``: 100, 101 …"""
    named = [types.UpdateMessageID(first + place, random_id) for place, random_id in enumerate(ids)]
    return types.Updates(named, [], [], None, 0)


def backwards(request: TLRequest) -> TLObject:
    whole = answer(random_ids(request))
    return types.Updates(whole.updates[::-1], [], [], None, 0)


def naming(*places: int) -> Callable[[TLRequest], TLObject]:
    """An answer that names only some of the items."""

    def partly(request: TLRequest) -> TLObject:
        whole = answer(random_ids(request))
        return types.Updates([whole.updates[place] for place in places], [], [], None, 0)

    return partly


class Parts:
    """A file on its way up of which parts may get lost."""

    def __init__(self, size: int) -> None:
        self.state = UploadState.begin(size)
        self.sent_again: list[int] = []

    async def run(self) -> TLObject:
        return types.InputFile(1, self.state.parts, "x", "")

    async def resend_part(self, part: int) -> None:
        self.sent_again.append(part)


@dataclass
class Telegram:
    """Answers each request as the next of ``outcomes`` says, then truly; ``calls`` are those of messages."""

    journal: Path
    outcomes: list[Outcome] = field(default_factory=list)
    uploads: list[Outcome] = field(default_factory=list)
    calls: list[TLRequest] = field(default_factory=list)
    media: list[TLRequest] = field(default_factory=list)
    paused: list[float] = field(default_factory=list)
    #: What is in the chats, for who asks for messages by their numbers; each request for those.
    there: list[TLObject] = field(default_factory=list)
    looks: list[TLRequest] = field(default_factory=list)
    #: What the journal held at each call.
    known: list[str] = field(default_factory=list)
    parts: list[Parts] = field(default_factory=list)

    async def __call__(self, request: TLRequest) -> Any:
        if isinstance(request, functions.messages.UploadMediaRequest):
            self.media.append(request)
            return self._next(self.uploads, request) or self._medium(request)
        if isinstance(request, functions.messages.GetMessagesRequest):
            self.looks.append(request)
            found = [message for message in self.there if message.id in request.id]
            return types.messages.Messages(found, [], [], [])
        self.calls.append(request)
        self.known.append(self.journal.read_text())
        return self._next(self.outcomes, request) or answer(random_ids(request))

    def _next(self, outcomes: list[Outcome], request: TLRequest) -> TLObject | None:
        outcome = outcomes.pop(0) if outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome(request) if outcome is not None else None

    def _medium(self, request: TLRequest) -> TLObject:
        number = len(self.media)
        if isinstance(request.media, types.InputMediaUploadedPhoto):
            return types.MessageMediaPhoto(photo=types.Photo(number, 1, b"r", None, [], 1))
        return types.MessageMediaDocument(document=types.Document(number, 1, b"r", None, "x/y", 1, 1, []))

    def upload(self, path: Path, _: str) -> Parts:
        self.parts.append(Parts(path.stat().st_size))
        return self.parts[-1]

    async def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        await asyncio.sleep(0)


class Post:
    """A job's delivery in ``folder``; another one there is the same job after a restart."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.files = folder / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        self.path = folder / "journal.jsonl"
        self.journal = JobJournal(self.path)
        self.record = self.journal.open()
        self.telegram = Telegram(self.path)
        settings: dict[str, Any] = {"target": TARGET, "reply_to": Reply(77), "sleep": self.telegram.pause}
        self.delivery = Delivery(
            chat=CHAT,
            journal=self.journal,
            files=self.files,
            steps=Steps(Marks(folder / "steps"), Gate(), "a.zip"),
            call=self.telegram,
            upload=self.telegram.upload,
            **(settings | changes),
        )

    def file(self, number: int, kind: Any = "photo", size: int = 10, thumb: str = "") -> MediaFile:
        (self.files / str(number)).write_bytes(bytes(size))
        if thumb:
            (self.files / thumb).write_bytes(bytes(10))
        return MediaFile(number, str(number), f"{number}.x", "", kind, str(number), size, thumb=thumb)

    async def keep(self, *numbers: int) -> list[MediaFile]:
        """Journal that these files are ready."""
        files = [self.file(number) for number in numbers]
        await self.journal.write(*map(lines.File, files))
        return files

    async def send(self, *numbers: int, key: str = "album-1", text: str = "") -> list[int]:
        files = [self.file(number) for number in numbers]
        return list((await self.delivery.send(key, files, text)).values())

    def journaled(self, kind: str) -> int:
        return self.path.read_text().count(f'"t":"{kind}"')


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path / "job")


# -- answers ----------------------------------------------------------------------------------------------


async def test_what_an_answer_leaves_out_was_not_sent_and_goes_under_other_ids(tmp_path: Path) -> None:
    post = Post(tmp_path)
    files = await post.keep(1, 2, 3)
    post.telegram.outcomes = [naming(2, 0)]
    assert await post.delivery.send("album-1", files, "") == {1: 100, 3: 102}
    assert post.record.delivered == {1, 3} and post.record.in_doubt() == {}
    # Not before it was looked for.
    assert len(post.telegram.looks) == 1
    for again in (post, Post(tmp_path)):
        assert again.delivery.left([files[1]]) == [("album-2", [files[1]])]
    assert await post.send(2, key="album-2") == [100]
    assert not set(random_ids(post.telegram.calls[1])) & set(random_ids(post.telegram.calls[0]))
    assert post.record.delivered == {1, 2, 3}


async def test_what_is_left_of_an_album_may_have_the_key_that_the_whole_had(post: Post) -> None:
    post.telegram.outcomes = [naming(1)]
    files = [post.file(number) for number in (1, 2)]
    await post.delivery.send("album-1", files, "")
    assert post.delivery.left(files[:1]) == [("album-1", files[:1])]
    assert await post.send(1) == [100]
    assert len({number for call in post.telegram.calls for number in random_ids(call)}) == 3


def in_chat(number: int, medium: int = 0, text: str = "", chat: int = TARGET.user_id) -> types.Message:
    """A message of ours in the chat, with that photo or text."""
    photo = types.MessageMediaPhoto(photo=types.Photo(medium, 1, b"r", None, [], 1)) if medium else None
    return types.Message(number, types.PeerUser(chat), None, text, out=True, media=photo)


async def test_an_album_that_is_never_named_is_found_by_its_media(post: Post) -> None:
    post.telegram.outcomes = [DUPLICATE] * 100
    # In another chat, other media, deleted, and what is looked for.
    post.telegram.there = [
        in_chat(80, 1, chat=5),
        in_chat(81, 7),
        types.MessageEmpty(82, None),
        in_chat(83, 2),
    ]
    post.telegram.there += [in_chat(190, 1)]
    assert await post.send(1, 2) == [190, 83]
    assert len(post.telegram.calls) == 1 and post.telegram.paused == [PAUSES[0]]
    # From the archive's message on.
    assert [look.id[0] for look in post.telegram.looks] == [78, 178]


async def test_what_of_an_album_is_never_found_is_asked_for_one_by_one_under_its_own_ids(
    tmp_path: Path,
) -> None:
    post = Post(tmp_path)
    post.telegram.outcomes = [DUPLICATE] * 100
    post.telegram.there = [in_chat(100, 1)]
    files = await post.keep(1, 2, 3)
    assert await post.delivery.send("album-1", files, "") == {1: 100}
    assert post.telegram.paused == [*PAUSES, 0.0] and sum(PAUSES) == 60
    drawn = random_ids(post.telegram.calls[0])
    assert all(random_ids(call) == drawn for call in post.telegram.calls)
    again = Post(tmp_path)
    assert again.record.in_doubt() == {"file-2": (2,), "file-3": (3,)}
    assert [key for key, _ in again.delivery.left(files[1:])] == ["file-2", "file-3"]
    assert await again.send(2, key="file-2") == [100]
    assert await again.send(3, key="file-3") == [100]
    assert [random_ids(call) for call in again.telegram.calls] == [drawn[1:2], drawn[2:]]
    assert [type(call) for call in again.telegram.calls] == [functions.messages.SendMediaRequest] * 2


async def test_nothing_is_delivered_while_nothing_is_known(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.telegram.outcomes = [DUPLICATE] * 100
    files = await post.keep(1, 2)
    assert await post.delivery.send("album-1", files, "") == {}
    assert post.record.delivered == set()
    # The album itself must not come any more: its ids are those of its items now.
    assert Post(tmp_path).record.in_doubt() == {"file-1": (1,), "file-2": (2,)}


async def test_a_single_file_that_is_nowhere_after_minutes_goes_under_another_id(post: Post) -> None:
    post.telegram.outcomes = [DUPLICATE] * (len(LONG_PAUSES) + 1)
    assert await post.send(1) == [100]
    assert post.telegram.paused == [*LONG_PAUSES, 0.0] and sum(LONG_PAUSES) == 300
    assert len({tuple(random_ids(call)) for call in post.telegram.calls}) == 2


async def test_a_single_file_that_cannot_be_looked_for_stays_in_doubt(tmp_path: Path) -> None:
    """In a channel of which no message is known yet: who knows what is in it?"""
    post = Post(tmp_path, target=types.InputPeerChannel(9, 9))
    post.telegram.outcomes = [DUPLICATE] * 100
    with pytest.raises(TransferFailed):
        await post.delivery.send("album-1", await post.keep(1), "")
    assert post.telegram.looks == []
    assert Post(tmp_path).record.in_doubt() == {"album-1": (1,)}


async def test_a_text_that_is_never_named_is_found(post: Post) -> None:
    post.telegram.outcomes = [DUPLICATE] * 100
    other, foreign = in_chat(90, text="done", chat=5), in_chat(91, text="done", chat=CHAT.user_id)
    foreign.out = False
    post.telegram.there = [other, foreign, in_chat(92, text="done", chat=CHAT.user_id)]
    assert await post.delivery.send_text("summary", "done") == 92
    assert len(post.telegram.calls) == 1


async def test_of_an_album_that_is_refused_though_a_part_of_it_is_there_the_rest_is_sent(post: Post) -> None:
    post.telegram.outcomes = [rpc.MediaInvalidError(None)]
    post.telegram.there = [in_chat(100, 1)]
    assert await post.delivery.send("album-1", [post.file(1), post.file(2)], "") == {1: 100}
    assert post.record.rejected == {} and post.record.delivered == {1}


async def test_ids_of_messages_are_in_the_order_of_the_files(post: Post) -> None:
    post.telegram.outcomes = [backwards]
    assert await post.send(1, 2, 3) == [100, 101, 102]


async def test_updates_about_other_messages_are_not_taken_for_an_answer(post: Post) -> None:
    post.telegram.outcomes = [lambda _: answer([5, 6], first=7)]
    assert await post.send(1, 2) == [100, 101]


@pytest.mark.parametrize("times", [1, len(PAUSES)])
async def test_an_id_that_is_in_use_for_a_moment_is_no_delivery(post: Post, times: int) -> None:
    post.telegram.outcomes = [DUPLICATE] * times
    assert await post.send(1, 2) == [100, 101]
    assert len(post.telegram.calls) == times + 1
    assert post.telegram.paused == list(PAUSES[:times])
    assert not any('"sent"' in known for known in post.telegram.known)


async def test_the_short_answer_to_a_text_names_it(post: Post) -> None:
    post.telegram.outcomes = [lambda _: types.UpdateShortSentMessage(55, 1, 1, None)]
    assert await post.delivery.send_text("summary", "done") == 55
    assert list(post.record.sent["summary"]) == [55]


# -- before and after the call ----------------------------------------------------------------------------


async def test_the_ids_are_on_disk_before_the_call_and_the_answer_after_it(post: Post) -> None:
    await post.send(1, 2)
    await post.delivery.send_text("summary", "done")
    for call, known in zip(post.telegram.calls, post.telegram.known, strict=True):
        assert all(str(number) in known for number in random_ids(call))
    assert '"key":"album-1","numbers":[1,2],"messages"' not in post.telegram.known[0]
    assert post.journaled("sent") == 2


@pytest.mark.parametrize("appends", [0, 1, 2, 3])
async def test_what_can_not_be_journaled_did_not_happen(
    post: Post, monkeypatch: pytest.MonkeyPatch, appends: int
) -> None:
    """The disk is full from some line on: announcement, two media, answer."""
    sync, left = os.fsync, [appends]

    def full(file: int) -> None:
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        sync(file)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(os, "fsync", full)
        await post.send(1, 2)
    assert len(post.telegram.calls) == (appends == 3)
    assert post.record.delivered == set()
    assert JobJournal(post.path).open() == post.record
    assert await post.send(1, 2) == [100, 101]
    assert len({tuple(random_ids(call)) for call in post.telegram.calls}) == 1


async def test_an_announced_message_keeps_its_ids_through_any_number_of_restarts(tmp_path: Path) -> None:
    seen = set()
    for _ in range(3):
        post = Post(tmp_path)
        post.telegram.outcomes = [ConnectionError()]
        with pytest.raises(ConnectionError):
            await post.send(1, 2)
        seen.add(tuple(random_ids(post.telegram.calls[0])))
    post = Post(tmp_path)
    assert await post.send(1, 2) == [100, 101]
    assert seen == {tuple(random_ids(post.telegram.calls[0]))}
    assert post.journaled("announce") == 1


async def test_what_was_answered_is_not_sent_again_after_a_restart(tmp_path: Path) -> None:
    await Post(tmp_path).send(1, 2)
    await Post(tmp_path).delivery.send_text("summary", "done")
    again = Post(tmp_path)
    assert await again.send(1, 2) == [100, 101]
    assert await again.delivery.send_text("summary", "done") == 100
    assert again.telegram.calls == [] and again.telegram.media == []


async def test_other_files_under_the_same_key_have_other_ids(post: Post) -> None:
    post.telegram.outcomes = [ConnectionError()]
    with pytest.raises(ConnectionError):
        await post.send(1, 2)
    await post.send(2, 3)
    first, second = (set(random_ids(call)) for call in post.telegram.calls)
    assert not first & second


async def test_ids_are_never_drawn_twice_and_are_never_zero(post: Post) -> None:
    for number in range(20):
        await post.send(3 * number, 3 * number + 1, 3 * number + 2, key=f"album-{number}")
    drawn = [number for call in post.telegram.calls for number in random_ids(call)]
    assert len(set(drawn)) == len(drawn) == 60
    assert all(0 < number < 2**63 for number in drawn)
    assert max(drawn) > 2**56


# -- what is sent where -----------------------------------------------------------------------------------


async def test_texts_answer_the_archive_in_its_chat_and_media_go_to_the_target(post: Post) -> None:
    await post.delivery.send_text("status", "working")
    await post.send(1)
    await post.send(2, 3, key="album-2")
    text, single, album = post.telegram.calls
    assert (text.peer, single.peer, album.peer) == (CHAT, TARGET, TARGET)
    assert text.reply_to.reply_to_msg_id == 77 and text.no_webpage
    assert [request.peer for request in post.telegram.media] == [TARGET] * 3
    # The archive is in another chat.
    assert single.reply_to is None and album.reply_to is None


@pytest.mark.parametrize("topic", [0, 5])
async def test_media_answer_the_archive_in_its_topic_though_it_was_deleted_meanwhile(
    tmp_path: Path, topic: int
) -> None:
    post = Post(tmp_path / "job", target=CHAT, reply_to=Reply(77, topic))
    gone = rpc.BadRequestError(None, "REPLY_MESSAGE_ID_INVALID", 400)
    await post.send(1)
    post.telegram.outcomes = [gone]
    await post.send(2, 3, key="album-2")
    await post.delivery.send_text("summary", "done")
    single, answering, album, text = post.telegram.calls
    for request in (single, answering):
        assert (request.reply_to.reply_to_msg_id, request.reply_to.top_msg_id) == (77, topic or None)
    for request in (album, text):
        assert request.reply_to == (types.InputReplyToMessage(topic, top_msg_id=topic) if topic else None)
    sent = [[item.random_id for item in request.multi_media] for request in (answering, album)]
    assert sent[0] == sent[1]


async def test_a_text_comes_though_the_message_that_it_answers_was_deleted(post: Post) -> None:
    post.telegram.outcomes = [rpc.BadRequestError(None, "REPLY_MESSAGE_ID_INVALID", 400)]
    assert await post.delivery.send_text("summary", "done") == 100
    answering, alone = post.telegram.calls
    assert (answering.reply_to.reply_to_msg_id, alone.reply_to) == (77, None)
    assert answering.random_id == alone.random_id and alone.message == "done"


async def test_a_text_that_cannot_have_buttons_says_it_in_words(post: Post) -> None:
    post.telegram.outcomes = [rpc.BadRequestError(None, "REPLY_MARKUP_INVALID", 400)]
    buttons = types.ReplyInlineMarkup([])
    assert await post.delivery.send_text("summary", "done", buttons, instead="Send it again.") == 100
    first, second = post.telegram.calls
    assert (first.message, first.reply_markup) == ("done", buttons)
    assert (second.message, second.reply_markup) == ("done\nSend it again.", None)
    assert first.random_id == second.random_id


@pytest.mark.parametrize("name", ["MESSAGE_EMPTY", "CHAT_WRITE_FORBIDDEN", "REPLY_MARKUP_INVALID"])
async def test_a_text_that_is_refused_for_another_reason_is_not_sent_again(post: Post, name: str) -> None:
    post.telegram.outcomes = [rpc.BadRequestError(None, name, 400)]
    with pytest.raises(rpc.RPCError):
        await post.delivery.send_text("summary", "done")
    assert len(post.telegram.calls) == 1


@pytest.mark.parametrize("numbers", [(1,), (1, 2, 3)])
async def test_a_caption_stands_once_and_is_never_too_long(post: Post, numbers: tuple[int, ...]) -> None:
    await post.send(*numbers, text="😀" * 2000)
    (call,) = post.telegram.calls
    first, *rest = [item.message for item in getattr(call, "multi_media", None) or [call]]
    assert utf16_units(first) in (1023, 1024) and first.endswith("…")
    assert not any(rest)


async def test_each_item_is_the_medium_that_was_made_of_its_file(post: Post) -> None:
    post.telegram.outcomes = [ConnectionError()]
    with pytest.raises(ConnectionError):
        await post.send(3, 1, 2)
    await post.send(2, 3, 1, key="album-2")
    first, second = ([item.media.id.id for item in call.multi_media] for call in post.telegram.calls)
    # The media are numbered as they came in.
    assert first == [1, 2, 3] and second == [3, 1, 2]


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ({"kind": "video", "has_audio": False}, ("video/mp4", True, False)),
        ({"kind": "video"}, ("video/mp4", False, False)),
        ({"kind": "document", "name": "a.pdf"}, ("application/pdf", False, True)),
        ({"kind": "document", "name": "a.unheardof"}, ("application/octet-stream", False, True)),
    ],
)
async def test_what_is_said_of_a_file(
    post: Post, file: dict[str, Any], expected: tuple[str, bool, bool]
) -> None:
    video = replace(post.file(1), width=320, height=240, duration=2.5)
    await post.delivery.prepare(replace(video, **file))
    media = post.telegram.media[0].media
    assert (media.mime_type, bool(media.nosound_video), bool(media.force_file)) == expected
    facts = [a for a in media.attributes if isinstance(a, types.DocumentAttributeVideo)]
    assert [(f.w, f.h, f.duration, f.supports_streaming) for f in facts] == (
        [(320, 240, 2.5, True)] if file["kind"] == "video" else []
    )


# -- parts that get lost, references that expire ----------------------------------------------------------


async def test_lost_parts_of_the_thumbnail_are_sent_again_too(post: Post) -> None:
    film = post.file(1, "video", size=2 * PART_SIZE, thumb="thumb")
    post.telegram.uploads = [rpc.FilePartMissingError(None, 0), rpc.FilePartMissingError(None, 1)]
    await post.delivery.prepare(film)
    of_the_film, of_the_thumb = post.telegram.parts
    assert of_the_film.sent_again == [0, 1] and of_the_thumb.sent_again == [0]
    assert post.record.media.keys() == {1}


async def test_parts_that_are_lost_again_and_again_end_the_upload(post: Post) -> None:
    post.telegram.uploads = [rpc.FilePartMissingError(None, 0)] * 1000
    with pytest.raises(TransferFailed, match="keeps losing parts"):
        await post.delivery.prepare(post.file(1))
    assert len(post.telegram.media) == MISSING_PARTS == 20
    assert post.record.media == {}


@pytest.mark.parametrize("word", ["EXPIRED", "INVALID", "EMPTY"])
async def test_only_the_item_whose_reference_expired_is_uploaded_again(post: Post, word: str) -> None:
    post.telegram.outcomes = [rpc.BadRequestError(None, f"FILE_REFERENCE_1_{word}", 400)]
    await post.send(1, 2, 3)
    assert len(post.telegram.media) == 4
    first, second = ([i.media.id.id for i in call.multi_media] for call in post.telegram.calls)
    assert first == [1, 2, 3] and second == [1, 4, 3]
    assert random_ids(post.telegram.calls[0]) == random_ids(post.telegram.calls[1])


async def test_references_that_expire_for_ever_end_the_message(post: Post) -> None:
    post.telegram.outcomes = [rpc.FileReferenceExpiredError(None)] * 100
    with pytest.raises(TransferFailed, match="after 5 tries"):
        await post.send(1)
    assert len(post.telegram.calls) == 5
    assert post.record.delivered == set()


# -- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "PHOTO_INVALID_DIMENSIONS", "PHOTO_SAVE_FILE_INVALID", "PHOTO_EXT_INVALID", "PHOTO_INVALID",
        "PHOTO_CONTENT_TYPE_INVALID", "IMAGE_PROCESS_FAILED", "MEDIA_INVALID", "MEDIA_EMPTY",
        "MEDIA_TYPE_INVALID", "VIDEO_FILE_INVALID", "VIDEO_CONTENT_TYPE_INVALID",
    ],
)  # fmt: skip
async def test_a_refusal_is_remembered_and_the_file_not_offered_again(tmp_path: Path, name: str) -> None:
    post = Post(tmp_path)
    post.telegram.uploads = [rpc.BadRequestError(None, name, 400)] * 2
    with pytest.raises(Refused):
        await post.delivery.prepare(post.file(1))
    again = Post(tmp_path)
    assert again.delivery.is_refused(again.file(1)) and again.delivery.refusal(again.file(1)) == name
    assert not again.delivery.is_refused(again.file(1, "document"))
    with pytest.raises(Refused):
        await again.delivery.prepare(again.file(1))
    assert again.telegram.media == []


async def test_trouble_within_telegram_refuses_nothing_the_first_time(post: Post) -> None:
    passing = rpc.BadRequestError(None, "PHOTO_SAVE_FILE_INVALID", 400)
    post.telegram.uploads, post.telegram.outcomes = [passing], [passing]
    assert await post.send(1, 2) == [100, 101]
    assert len(post.telegram.calls) == 2 and not post.record.refused and not post.record.rejected


@pytest.mark.parametrize("name", ["PEER_ID_INVALID", "SOMETHING_NEW", "FILE_PARTS_INVALID"])
async def test_any_other_error_refuses_nothing(post: Post, name: str) -> None:
    post.telegram.uploads = [rpc.BadRequestError(None, name, 400)]
    with pytest.raises(rpc.RPCError):
        await post.delivery.prepare(post.file(1))
    assert post.record.refused == {} and post.record.media == {}


async def test_an_album_that_was_refused_is_never_sent_again(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.telegram.outcomes = [rpc.MediaInvalidError(None)]
    with pytest.raises(Refused):
        await post.send(1, 2)
    again = Post(tmp_path)
    with pytest.raises(Refused):
        await again.send(1, 2)
    assert again.telegram.calls == []


@pytest.mark.parametrize(
    ("name", "closed"),
    [
        ("USER_IS_BLOCKED", True),
        ("INPUT_USER_DEACTIVATED", True),
        ("CHANNEL_PRIVATE", True),
        ("CHAT_WRITE_FORBIDDEN", True),
        ("CHAT_SEND_VIDEOS_FORBIDDEN", True),
        ("USER_BANNED_IN_CHANNEL", True),
        ("CHAT_ADMIN_REQUIRED", True),
        ("TOPIC_CLOSED", True),
        ("TOPIC_DELETED", True),
        ("PRIVACY_PREMIUM_REQUIRED", True),
        ("ALLOW_PAYMENT_REQUIRED_250", True),
        ("PEER_ID_INVALID", False),
        ("SOMETHING_NEW", False),
    ],
)
def test_a_closed_chat_is_told_from_other_trouble(name: str, closed: bool) -> None:
    with pytest.raises(ChatClosed if closed else rpc.RPCError), chat_errors():
        raise rpc.BadRequestError(None, name, 400)
