"""Messages exactly once, and albums of which one item is refused, against the sandbox."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from telethon import errors as rpc
from telethon.tl import functions, types
from telethon.utils import get_input_document

from sandbox import Sandbox, StoredMessage
from sandbox.rpc import RpcError
from tests.files import photo, video
from tests.transport import TOKEN, Bot
from utils.errors import Refused, TransferFailed
from utils.jobs.albums import MediaFile
from utils.jobs.delivery import Delivery
from utils.jobs.gate import Gate
from utils.jobs.intake import Reply
from utils.jobs.journal import JobJournal
from utils.jobs.marks import Marks
from utils.jobs.outbox import Outbox
from utils.jobs.proof import PAUSES
from utils.jobs.steps import Steps
from utils.telegram.sightings import Sightings, Watch
from utils.telegram.upload import Upload


@dataclass
class Post:
    """One job's delivery on a folder; :meth:`again` is the same job in a new process."""

    bot: Bot
    sandbox: Sandbox
    folder: Path
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.files = self.folder / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / "journal.jsonl"
        self.journal = JobJournal(self.path)
        self.record = self.journal.open()
        self.delivery = Delivery(
            chat=self.bot.reader,
            target=self.bot.reader,
            # What the person said first.
            reply_to=Reply(1),
            files=self.files,
            steps=Steps(Marks(self.folder / "steps"), Gate(), "a.zip"),
            journal=self.journal,
            call=self.bot.transfers.caller,
            upload=lambda path, name: Upload(self.bot.transfers, path, name=name),
            sleep=self.bot.clock.sleep,
        )

    def again(self) -> Post:
        return Post(self.bot, self.sandbox, self.folder)

    def outbox(self) -> Outbox:
        async def sent(_: object) -> None:
            return None

        async def refused(file: MediaFile, error: Refused) -> None:
            self.refused.append(f"{file.name}: {error.reason}")

        return Outbox(self.delivery, files=self.files, archive="a.zip", on_sent=sent, on_refused=refused)

    def photo(self, number: int) -> MediaFile:
        return self._file(number, f"{number}.jpg", photo(number))

    def video(self, number: int, kind: str = "mp4") -> MediaFile:
        content = video(kind, seed=number)
        file = self._file(number, f"{number}.mp4", content)
        (self.files / "thumb").write_bytes(photo(number, (320, 240)))
        return replace(
            file, kind="video", width=320, height=240, duration=2.0, has_audio=kind == "mp4", thumb="thumb"
        )

    def _file(self, number: int, name: str, content: bytes) -> MediaFile:
        (self.files / str(number)).write_bytes(content)
        return MediaFile(number, str(number), name, "", "photo", str(number), len(content), 640, 480)

    def arrived(self) -> list[StoredMessage]:
        messages = self.sandbox.messages(self.bot.reader.user_id, self.bot.id)
        return [message for message in messages if message.sent_by == self.bot.id]

    def count(self, request: str) -> int:
        return len(self.sandbox.faults.called(request, self.bot.id))


@pytest.fixture
def post(bot: Bot, sandbox: Sandbox, tmp_path: Path) -> Post:
    return Post(bot, sandbox, tmp_path / "job")


async def deliver(post: Post, files: list[MediaFile]) -> None:
    outbox = post.outbox()
    await outbox.put(tuple(files))
    await outbox.drain()


async def test_an_album_arrives_in_order_with_one_caption_and_its_files_are_deleted(post: Post) -> None:
    await deliver(post, [post.photo(n) for n in range(1, 11)])
    got = post.arrived()
    assert [message.sha256 for message in got] == [_sha(photo(n)) for n in range(1, 11)]
    assert len({message.album for message in got}) == 1 and got[0].album
    assert got[0].caption == "📦 a.zip"
    assert not any(message.caption for message in got[1:])
    assert list(post.files.iterdir()) == []
    assert post.record.delivered == set(range(1, 11))


@pytest.mark.parametrize(("request_name", "counts"), [("saveFilePart", 0), ("uploadMedia", 1)])
async def test_a_death_counts_while_telegram_looks_at_the_file_not_while_it_is_sent(
    post: Post, request_name: str, counts: int
) -> None:
    """Sending may take an hour, in which a phone ends the bot three times: the file is not to blame."""
    prefix = {"saveFilePart": "upload", "uploadMedia": "messages"}[request_name]
    gate = post.sandbox.faults.hold(f"{prefix}.{request_name}")
    sending = asyncio.create_task(deliver(post, [post.photo(1)]))
    await gate.reached()
    found = Marks(post.folder / "steps")
    found.open()
    assert found.deaths.get("upload 1", 0) == counts
    gate.open()
    await sending


async def test_the_parts_and_media_of_an_album_are_in_flight_together(post: Post) -> None:
    """Ten photos cost one round trip for their parts and one for the media, not twenty."""
    post.sandbox.faults.link.rtt = 0.1
    gate = post.sandbox.faults.hold("messages.uploadMedia", times=10)
    sending = asyncio.create_task(deliver(post, [post.photo(n) for n in range(1, 11)]))
    async with asyncio.timeout(60):
        while len(gate.waiting) < 10:  # noqa: ASYNC110 - a list has no event
            await asyncio.sleep(0.01)
    gate.open()
    await sending


@pytest.mark.parametrize("request_name", ["messages.sendMultiMedia", "messages.uploadMedia"])
async def test_an_answer_that_is_lost_after_the_act_makes_no_second_album(
    post: Post, request_name: str
) -> None:
    post.sandbox.faults.lose_answer(request_name)
    await deliver(post, [post.photo(1), post.photo(2)])
    assert len(post.arrived()) == 2
    assert post.count(request_name) >= 2


@pytest.mark.parametrize("cut", ["announce", "media", "sent"])
async def test_a_process_that_ends_anywhere_around_the_call_delivers_once(post: Post, cut: str) -> None:
    """The journal as each kind of crash leaves it: without the album's last lines."""
    files = [post.photo(1), post.photo(2)]
    for file in files:
        await post.delivery.prepare(file)
    await post.delivery.send("album-1", files, "caption")
    lines = [line for line in post.path.read_text().splitlines() if json.loads(line)["t"] != "sent"]
    if cut == "media":
        lines = [line for line in lines if json.loads(line)["t"] != "media"]
    if cut == "announce":
        # The call was made from an announcement that is on disk; only what came after it can be missing.
        lines = [line for line in lines if json.loads(line)["t"] == "announce"] + ['{"t":"se']
    post.path.write_text("\n".join(lines) + ("\n" if cut != "announce" else ""))
    second = post.again()
    ids = await second.delivery.send("album-1", files, "caption")
    assert len(second.arrived()) == 2
    assert ids.keys() == {1, 2} and all(ids.values())


@pytest.mark.parametrize("short", [True, False])
async def test_texts_too_are_sent_once(post: Post, short: bool) -> None:
    post.sandbox.faults.habits.short_answers = short
    # And not lost because nothing is there any more that they could answer.
    post.sandbox.faults.habits.strict_replies = True
    post.delivery._reply_to = Reply(1_000_000)
    post.sandbox.faults.lose_answer("messages.sendMessage")
    first = await post.delivery.send_text("summary", "All is done.")
    again = await post.again().delivery.send_text("summary", "All is done, said otherwise.")
    assert again == first
    assert [message.text for message in post.arrived()] == ["All is done."]


async def test_an_album_is_found_in_the_chat_when_its_ids_stay_in_use_for_ever(post: Post) -> None:
    """Some servers answer every repeat of an album so; this one's answer got lost."""
    post.sandbox.faults.habits.albums.once = True
    post.sandbox.faults.lose_answer("messages.sendMultiMedia")
    await deliver(post, [post.photo(1), post.photo(2)])
    assert [message.sha256 for message in post.arrived()] == [_sha(photo(1)), _sha(photo(2))]
    assert post.count("messages.sendMultiMedia") == 2 and post.count("messages.sendMedia") == 0
    assert list(post.record.sent["album-1"]) and all(post.record.sent["album-1"])
    assert list(post.files.iterdir()) == []


async def test_an_album_of_which_three_were_made_before_it_failed_comes_whole(post: Post) -> None:
    albums = post.sandbox.faults.habits.albums
    albums.once = True
    albums.fail_after(3, RpcError(500, "SOMETHING_BROKE"))
    await deliver(post, [post.photo(n) for n in range(1, 11)])
    await check_each_came_once(post, 10)
    assert [bool(message.album) for message in post.arrived()] == [True] * 3 + [False] * 7
    # As long as official clients wait, before anything is decided.
    assert sum(post.bot.clock.slept) >= sum(PAUSES) == 60
    assert list(post.files.iterdir()) == []


async def test_an_album_that_was_refused_when_three_were_made_comes_whole(post: Post) -> None:
    post.sandbox.faults.habits.albums.fail_after(3, RpcError(400, "MEDIA_INVALID"))
    await deliver(post, [post.photo(n) for n in range(1, 6)])
    await check_each_came_once(post, 5)
    assert [message.kind for message in post.arrived()] == ["photo"] * 5


async def test_of_an_album_of_which_eight_came_the_other_two_come_as_another(post: Post) -> None:
    post.sandbox.faults.habits.albums.keep(lambda place: place not in (0, 5))
    await deliver(post, [post.photo(n) for n in range(1, 11)])
    await check_each_came_once(post, 10)
    albums = [message.album for message in post.arrived()]
    assert [albums.count(album) for album in dict.fromkeys(albums)] == [8, 2]
    assert list(post.files.iterdir()) == []


@pytest.mark.parametrize(
    ("seconds", "lost"), [(20, True), (20, False), (100, True), (100, False), (1000, True)]
)
async def test_a_call_that_is_held_at_the_server_makes_nothing_twice(
    post: Post, monkeypatch: pytest.MonkeyPatch, seconds: int, lost: bool
) -> None:
    """Its repeats are told that the ids are in use; after ``seconds`` it is lost, or carried out."""
    gate = post.sandbox.faults.hold("messages.sendMultiMedia")
    sleep = post.bot.clock.sleep

    async def passing(pause: float) -> None:
        await sleep(pause)
        if sum(post.bot.clock.slept) > seconds and not gate.opened:
            (gate.lose if lost else gate.open)()
            await asyncio.sleep(0.2)

    again = Post(post.bot, post.sandbox, post.folder)
    monkeypatch.setattr(again.delivery._proof, "_sleep", passing)
    sending = asyncio.create_task(deliver(again, [post.photo(1), post.photo(2)]))
    await gate.reached()
    post.sandbox.faults.disconnect(post.bot.id)
    await sending
    await check_each_came_once(post, 2)
    assert list(post.files.iterdir()) == []


async def check_each_came_once(post: Post, count: int) -> None:
    """All of the photos up to ``count`` are in the chat once, and the journal knows where."""
    got = post.arrived()
    assert sorted(message.sha256 for message in got) == sorted(_sha(photo(n)) for n in range(1, count + 1))
    assert post.again().record.delivered == set(range(1, count + 1))
    ids = [number for numbers in post.again().record.sent.values() for number in numbers]
    shown = await post.bot.client.get_messages(post.bot.reader, ids=ids)
    assert len([message for message in shown if message is not None]) == count


async def test_what_is_told_of_our_messages_is_heard(post: Post) -> None:
    """By whoever is connected as the same bot while it is sent."""
    sightings = Sightings(post.bot.client)
    document = await post.bot.send(post.files / post.photo(1).path)
    watch = Watch(post.bot.reader, {}, {document.id: 0})
    other = post.sandbox.client()
    await other.start(bot_token=TOKEN)
    with sightings(watch):
        medium = types.InputMediaDocument(get_input_document(document))
        await other(functions.messages.SendMediaRequest(post.bot.reader, medium, ""))
        async with asyncio.timeout(60):
            while not watch.seen:  # noqa: ASYNC110 - a dict has no event
                await asyncio.sleep(0.01)
    (message,) = post.arrived()
    assert watch.seen[0] and message.kind == "document"
    await other.disconnect()


@pytest.mark.parametrize("where", ["upload", "album"])
async def test_the_refused_item_comes_as_a_document_and_the_rest_as_one_album(post: Post, where: str) -> None:
    files = [post.photo(n) for n in range(1, 6)]
    requests = {
        "upload": ("messages.uploadMedia",),
        "album": ("messages.sendMedia", "messages.sendMultiMedia"),
    }
    post.sandbox.faults.refuse_media(
        lambda media: media.photo and media.size == files[2].size,
        "PHOTO_SAVE_FILE_INVALID",
        requests=requests[where],
    )
    await deliver(post, files)
    got = post.arrived()
    assert sorted(message.sha256 for message in got) == sorted(_sha(photo(n)) for n in range(1, 6))
    (document,) = [message for message in got if message.kind == "document"]
    assert document.sha256 == _sha(photo(3))
    assert "PHOTO_SAVE_FILE_INVALID" in document.caption
    rest = [message for message in got if message is not document]
    assert [message.kind for message in rest] == ["photo"] * 4
    assert len({message.album for message in rest}) == 1 and rest[0].album
    assert post.refused == []
    assert list(post.files.iterdir()) == []


async def test_several_refused_items_of_an_album_are_found_one_by_one(post: Post) -> None:
    files = [post.photo(n) for n in range(1, 7)]
    sizes = [files[1].size, files[4].size]
    post.sandbox.faults.refuse_media(lambda media: media.photo and media.size in sizes)
    await deliver(post, files)
    got = post.arrived()
    assert sorted(message.sha256 for message in got) == sorted(_sha(photo(n)) for n in range(1, 7))
    assert sorted(m.sha256 for m in got if m.kind == "document") == sorted(_sha(photo(n)) for n in (2, 5))
    assert list(post.files.iterdir()) == []


async def test_what_is_refused_even_as_a_document_is_reported_and_kept(post: Post) -> None:
    files = [post.photo(1), post.photo(2)]
    post.sandbox.faults.refuse_media(
        lambda media: media.size == files[0].size, "MEDIA_INVALID", requests=("messages.uploadMedia",)
    )
    await deliver(post, files)
    assert [message.sha256 for message in post.arrived()] == [_sha(photo(2))]
    assert post.refused == ["1.jpg: MEDIA_INVALID"]
    assert [path.name for path in post.files.iterdir()] == ["1"]


async def test_items_whose_references_expired_are_uploaded_again_also_all_of_an_album(post: Post) -> None:
    files = [post.photo(n) for n in range(1, 11)]
    for file in files:
        await post.delivery.prepare(file)
    post.sandbox.faults.expire_references()
    await deliver(post, files)
    assert len(post.arrived()) == 10


async def test_parts_that_telegram_lost_are_sent_again(post: Post) -> None:
    gate = post.sandbox.faults.hold("messages.uploadMedia")
    sending = asyncio.create_task(deliver(post, [post.photo(1)]))
    await gate.reached()
    assert post.sandbox.faults.forget_parts(post.bot.id) == 1
    gate.open()
    await sending
    assert [message.sha256 for message in post.arrived()] == [_sha(photo(1))]


async def test_a_flood_wait_is_waited_out_and_the_same_ids_used(post: Post) -> None:
    post.sandbox.faults.flood("messages.sendMultiMedia", 3600, times=2)
    await deliver(post, [post.photo(1), post.photo(2)])
    assert len(post.arrived()) == 2
    assert post.bot.clock.slept == [3600, 3600]
    tries = post.sandbox.faults.called("messages.sendMultiMedia")
    assert len({tuple(item.random_id for item in call.request.multi_media) for call in tries}) == 1


async def test_a_video_has_its_facts_and_a_silent_one_stays_a_video(post: Post) -> None:
    await deliver(post, [post.video(1), post.video(2, "silent")])
    for message in post.arrived():
        assert message.kind == "video"
        assert (message.width, message.height, message.supports_streaming) == (320, 240, True)
        assert message.thumb is not None
    assert len({message.album for message in post.arrived()}) == 1


async def test_an_error_that_no_repeat_helps_ends_the_album_loudly_and_keeps_its_files(post: Post) -> None:
    post.sandbox.faults.fail("messages.sendMultiMedia", RpcError(400, "PEER_ID_INVALID"), times=None)
    with pytest.raises(rpc.RPCError):
        await deliver(post, [post.photo(1), post.photo(2)])
    assert len(list(post.files.iterdir())) == 2
    assert post.record.delivered == set()


async def test_a_part_that_can_not_be_sent_fails_the_upload_loudly(post: Post) -> None:
    post.sandbox.faults.fail("upload.saveFilePart", RpcError(400, "FILE_PARTS_INVALID"), times=None)
    with pytest.raises(TransferFailed):
        await deliver(post, [post.photo(1), post.photo(2)])
    assert len(list(post.files.iterdir())) == 2


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
