"""The status message becomes the summary, once, whatever happens in between; against the sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from telethon import errors as rpc
from telethon.tl.custom import Button

from sandbox import Sandbox
from sandbox.rpc import RpcError
from tests.jobs.test_delivery import Post
from tests.transport import Bot
from utils.jobs.building import OwnMessages
from utils.jobs.last_word import STATUS, LastWord
from utils.telegram.account import Account
from utils.telegram.status import StatusMessage, Words

BUTTONS = Button.inline("🔁 Again", b"again:1")


class Killed(Exception):
    """The process."""


@dataclass
class Ending:
    """A job that comes to its end in ``folder``; another one there is the same job in a new process."""

    bot: Bot
    sandbox: Sandbox
    folder: Path

    def __post_init__(self) -> None:
        self.post = Post(self.bot, self.sandbox, self.folder)
        account = Account(self.bot.client, self.bot.transfers.caller)
        messages = OwnMessages(account, self.bot.reader)
        self.status = StatusMessage(
            words=lambda: Words("📦 a.zip"),
            send=lambda words: self.post.delivery.send_text(STATUS, words.text),
            edit=messages.edit,
            message=self.post.record.sent.get(STATUS, [0])[0],
        )
        self.last = LastWord(
            journal=self.post.journal, delivery=self.post.delivery, status=self.status, messages=messages
        )

    async def begin(self) -> None:
        """The status is in the chat."""
        await self.post.delivery.send_text(STATUS, "📦 a.zip")
        self.status._message = self.post.record.sent[STATUS][0]

    async def say(self) -> None:
        markup = self.bot.client.build_reply_markup([BUTTONS])
        await self.last.say("❌ a.zip: it is damaged.", markup)

    def again(self) -> Ending:
        return Ending(self.bot, self.sandbox, self.folder)

    def chat(self) -> list[tuple[str, tuple[tuple[str, ...], ...]]]:
        return [(message.text, message.buttons) for message in self.post.arrived()]


SAID = [("❌ a.zip: it is damaged.", (("🔁 Again",),))]


@pytest.fixture
def ending(bot: Bot, sandbox: Sandbox, tmp_path: Path) -> Ending:
    return Ending(bot, sandbox, tmp_path / "job")


async def test_it_becomes_the_summary_with_its_buttons_and_no_message_is_new(ending: Ending) -> None:
    await ending.begin()
    (status,) = ending.post.arrived()
    assert not ending.last.begun
    await ending.say()
    await ending.again().say()
    (summary,) = ending.post.arrived()
    assert (summary.id, summary.reply_to) == (status.id, status.reply_to) and ending.chat() == SAID
    assert ending.again().last.begun and ending.post.count("messages.editMessage") == 1


async def test_without_a_status_it_is_a_message_of_its_own(ending: Ending) -> None:
    await ending.say()
    await ending.again().say()
    assert ending.chat() == SAID


@pytest.mark.parametrize("lost", ["messages.editMessage", "messages.sendMessage"])
async def test_an_answer_that_is_lost_makes_no_second_message(ending: Ending, lost: str) -> None:
    if lost == "messages.editMessage":
        await ending.begin()
    else:
        # The process was killed before it heard that the status arrived.
        await ending.begin()
        story = ending.post.path.read_text().splitlines(keepends=True)
        ending.post.path.write_text("".join(line for line in story if '"t":"sent"' not in line))
        ending = ending.again()
    ending.sandbox.faults.lose_answer(lost)
    await ending.say()
    assert ending.chat() == SAID


@pytest.mark.parametrize(
    "refused", ["MESSAGE_ID_INVALID", "MESSAGE_EDIT_TIME_EXPIRED", "SOMETHING_NEW", "flood"]
)
async def test_where_it_can_not_be_edited_a_new_message_takes_its_place(ending: Ending, refused: str) -> None:
    await ending.begin()
    if refused == "flood":
        ending.sandbox.faults.flood("messages.editMessage", 54_000, times=None)
    else:
        ending.sandbox.faults.fail("messages.editMessage", RpcError(400, refused), times=None)
    await ending.say()
    assert ending.chat() == SAID and not ending.bot.clock.slept
    # Nothing is asked of Telegram that it has refused already.
    edits = ending.post.count("messages.editMessage")
    await ending.again().say()
    assert ending.chat() == SAID and ending.post.count("messages.editMessage") == edits


async def test_an_edit_waits_for_a_short_pause_and_is_not_tried_during_a_long_one(ending: Ending) -> None:
    await ending.begin()
    ending.sandbox.faults.flood("messages.editMessage", 20)
    await ending.say()
    assert ending.chat() == SAID and ending.bot.clock.slept == [20]
    other = Ending(ending.bot, ending.sandbox, ending.folder.parent / "other")
    await other.begin()
    other.status._rest(100)
    await other.say()
    assert other.post.count("messages.editMessage") == 2 and other.chat() == SAID * 2


@pytest.mark.parametrize("where", ["announced", "sent"])
async def test_a_kill_before_the_status_is_deleted_leaves_one_message_in_the_end(
    ending: Ending, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    await ending.begin()
    ending.sandbox.faults.fail("messages.editMessage", RpcError(400, "MESSAGE_EDIT_TIME_EXPIRED"))

    async def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        target = "utils.jobs.delivery.Delivery._sent" if where == "announced" else None
        patched.setattr(target or "tests.jobs.test_last_word.OwnMessages.delete", killed)
        with pytest.raises(Killed):
            await ending.say()
    assert len(ending.chat()) == 2
    await ending.again().say()
    assert ending.chat() == SAID


@pytest.mark.parametrize("lost", [False, True])
async def test_where_the_results_say_it_all_the_status_goes(ending: Ending, lost: bool) -> None:
    await ending.begin()
    if lost:
        story = ending.post.path.read_text().splitlines(keepends=True)
        ending.post.path.write_text("".join(line for line in story if '"t":"sent"' not in line))
        ending = ending.again()
    await ending.last.say_nothing()
    await ending.again().say()
    assert ending.chat() == [] and ending.again().last.begun


async def test_a_chat_that_is_closed_says_so(ending: Ending) -> None:
    await ending.begin()
    for request in ("messages.editMessage", "messages.sendMessage"):
        ending.sandbox.faults.fail(request, RpcError(400, "USER_IS_BLOCKED"), times=None)
    with pytest.raises(rpc.UserIsBlockedError):
        await ending.say()
