"""Messages exactly once, and albums of which one item is refused, against the sandbox."""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from telethon import errors as rpc

from sandbox import Sandbox, StoredMessage
from sandbox.rpc import RpcError
from tests.files import photo, video
from tests.transport import Bot
from utils.errors import Refused, TransferFailed
from utils.jobs.albums import MediaFile
from utils.jobs.delivery import Delivery
from utils.jobs.journal import JobJournal
from utils.jobs.outbox import Outbox
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
            reply_to=None,
            files=self.files,
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
    assert got[0].caption.startswith("📦 a.zip\n1.jpg, 2.jpg")
    assert not any(message.caption for message in got[1:])
    assert list(post.files.iterdir()) == []
    assert post.record.delivered == set(range(1, 11))


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
    assert len(ids) == 2 and all(ids)


async def test_texts_too_are_sent_once(post: Post) -> None:
    post.sandbox.faults.lose_answer("messages.sendMessage")
    first = await post.delivery.send_text("summary", "All is done.")
    again = await post.again().delivery.send_text("summary", "All is done, said otherwise.")
    assert again == first
    assert [message.text for message in post.arrived()] == ["All is done."]


async def test_an_id_that_stays_a_duplicate_counts_as_delivered(post: Post) -> None:
    """Some servers answer a repeated album so for ever: it is in the chat, and must not be sent anew."""
    files = [post.photo(1), post.photo(2)]
    for file in files:
        await post.delivery.prepare(file)
    post.sandbox.faults.fail("messages.sendMultiMedia", RpcError(500, "RANDOM_ID_DUPLICATE"), times=None)
    assert await post.delivery.send("album-1", files, "") == [0, 0]
    assert post.record.delivered == {1, 2}
    assert post.count("messages.sendMessage") == post.count("messages.sendMedia") == 0


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


async def test_an_expired_reference_has_that_item_uploaded_again(post: Post) -> None:
    files = [post.photo(1), post.photo(2)]
    for file in files:
        await post.delivery.prepare(file)
    post.sandbox.faults.expire_references()
    await deliver(post, files)
    assert len(post.arrived()) == 2


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
