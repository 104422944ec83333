"""What is asked of Telegram beside files and the messages of a job, all through the one caller."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Protocol

from telethon import errors as rpc
from telethon import utils
from telethon.tl import functions, types
from telethon.tl.custom import Message
from telethon.tl.functions.upload import GetFileRequest, SaveFilePartRequest
from telethon.tl.tlobject import TLObject, TLRequest

from utils.errors import SettingsError
from utils.telegram.archive_client import ArchiveBotClient
from utils.telegram.pauses import TROUBLE, Reason, error_name, trouble_name
from utils.telegram.sightings import Sightings
from utils.telegram.status import Words
from utils.telegram.upload import PART_SIZE
from utils.telegram.waits import Caller, OnWait

log = logging.getLogger(__name__)

#: Letters of a word to the owner.
TOLD = 2000

#: Telegram's letters for small pictures, and more bytes than one has:
#: https://core.telegram.org/api/files#image-thumbnail-types
_SMALL, _SMALL_BYTES = ("m", "s"), 1 << 18

#: Seconds that Telegram may ask to wait before a message of ours is changed or deleted.
PATIENCE = 30.0

ADMINISTRATORS = (
    *(types.ChannelParticipantCreator, types.ChannelParticipantAdmin),
    *(types.ChatParticipantCreator, types.ChatParticipantAdmin),
)


class Named(Protocol):
    """What Telegram calls a photo or a document."""

    @property
    def kind(self) -> str: ...
    @property
    def id(self) -> int: ...
    @property
    def access_hash(self) -> int: ...
    @property
    def file_reference(self) -> bytes: ...


class Account:
    """The account that the client is logged in to. ``call`` sends every request."""

    def __init__(self, client: ArchiveBotClient, call: Caller) -> None:
        self._client = client
        self.call = call
        self.sightings = Sightings(client)

    async def messages(
        self, chat: TLObject, ids: Sequence[int], on_wait: OnWait | None = None
    ) -> list[Message]:
        """Those of the messages ``ids`` in ``chat`` that are still there. Waits are obeyed, and told.

        But for those of channels, Telegram finds messages by their number alone, in whichever chat of the
        account they are; the number may come from a button that somebody forged. Other chats' are left out.
        """
        answer = await self.call(messages_request(chat, ids), on_wait=on_wait)
        here = utils.get_peer_id(chat)
        found = [
            message
            for message in answer.messages
            if isinstance(message, types.Message) and utils.get_peer_id(message.peer_id) == here
        ]
        for message in found:
            # As Telethon does with those that it fetches itself, so that they know their chat.
            message._finish_init(self._client, {}, chat)
        return found

    async def is_administrator(self, chat: TLObject, person: int | None) -> bool:
        """Whether ``person`` is an administrator of that group or channel, as Telegram has it now."""
        if person is None or person == utils.get_peer_id(chat):
            # Who writes as the group itself is an administrator who hides.
            return person is not None
        try:
            if isinstance(chat, types.InputPeerChat):
                group = await self.call(functions.messages.GetFullChatRequest(chat.chat_id))
                members = getattr(group.full_chat.participants, "participants", [])
            else:
                peer = await self._client.get_input_entity(person)
                members = [
                    (await self.call(functions.channels.GetParticipantRequest(chat, peer))).participant
                ]
        except (ValueError, rpc.RPCError) as error:
            log.info("Who is an administrator cannot be told: %s", type(error).__name__)
            return False
        return any(member.user_id == person for member in members if isinstance(member, ADMINISTRATORS))

    async def edit(self, chat: TLObject, message: int, words: Words) -> None:
        """Have a message of ours say ``words``. Tried once: a wait is raised, since newer ones may follow."""
        await self.call.once(_edit_request(chat, message, words))

    async def change(self, chat: TLObject, message: int, words: Words) -> bool:
        """The same for good: trouble is waited out, but no long pause that Telegram asks for.

        Returns whether the message says it now; it may have been deleted, or be too old.
        """
        try:
            await self.call(_edit_request(chat, message, words), on_wait=_not_long)
        except rpc.MessageNotModifiedError:
            return True
        except (rpc.RPCError, _TooLong) as error:
            log.info("A message is not changed: %s", trouble_name(error))
            return False
        return True

    async def delete(self, chat: TLObject, message: int) -> None:
        """Delete a message of ours, if it is there."""
        request = functions.messages.DeleteMessagesRequest([message], revoke=True)
        if isinstance(chat, types.InputPeerChannel):
            request = functions.channels.DeleteMessagesRequest(chat, [message])
        try:
            await self.call(request, on_wait=_not_long)
        except (rpc.RPCError, _TooLong) as error:
            log.info("A message is not deleted: %s", trouble_name(error))

    async def tell(self, user: int, text: str) -> None:
        """Write to ``user``. What is in the way is logged: who never wrote to a bot cannot be written to."""
        try:
            peer = await self._client.get_input_entity(user)
            await self.call(functions.messages.SendMessageRequest(peer, text[:TOLD], no_webpage=True))
        except ValueError:
            log.warning("⚠️ OWNER %d is not known to this account; write to it once", user)
        except rpc.RPCError as error:
            log.warning("⚠️ OWNER %d cannot be written to: %s", user, error_name(error))

    async def language_of(self, user: int) -> str:
        """The code of the language in which Telegram speaks with ``user``, "" where that is not known."""
        try:
            request = functions.users.GetUsersRequest([await self._client.get_input_entity(user)])
            found = await self.call.once(request)
        except (ValueError, *TROUBLE):
            return ""
        return next((getattr(one, "lang_code", None) or "" for one in found), "")

    async def answer_button(self, press: int, notice: str | None) -> None:
        """End the waiting of whoever pressed a button; after some seconds it is too late for that."""
        request = functions.messages.SetBotCallbackAnswerRequest(query_id=press, cache_time=0, message=notice)
        await self._try(request, logging.INFO, "A button was not answered")

    async def attach(
        self, chat: TLObject, name: str, content: bytes, caption: str, *, reply_to: TLObject | None = None
    ) -> None:
        """Send ``content`` as a file called ``name``: something small that is made for the occasion."""
        number = secrets.randbits(63)
        parts = [content[at : at + PART_SIZE] for at in range(0, len(content), PART_SIZE)]
        for place, part in enumerate(parts):
            await self.call(SaveFilePartRequest(number, place, part))
        file = types.InputFile(number, len(parts), name, "")
        named = [types.DocumentAttributeFilename(name)]
        media = types.InputMediaUploadedDocument(file, "text/plain", named, force_file=True)
        await self.call(functions.messages.SendMediaRequest(chat, media, caption, reply_to=reply_to))

    async def thumbnail(self, medium: Named) -> bytes:
        """The small JPEG (320 pixels at most) that Telegram has of ``medium``, which we sent; b"": none."""
        photo = medium.kind == "photo"
        make = types.InputPhotoFileLocation if photo else types.InputDocumentFileLocation
        for size in _SMALL:
            place = make(medium.id, medium.access_hash, medium.file_reference, size)
            try:
                answer = await self.call.once(GetFileRequest(place, 0, _SMALL_BYTES))
            except TROUBLE as error:
                log.debug("There is no thumbnail: %s", trouble_name(error))
                continue
            return bytes(answer.bytes) if isinstance(answer, types.upload.File) else b""
        return b""

    async def publish_commands(
        self, commands: Mapping[str, str], language: str = "", only: TLObject | None = None
    ) -> bool:
        """Have Telegram show the bot's commands (name -> what it does); they are a convenience.

        Returns whether it does.

        ``language`` is the code, of two letters, of those who are shown them; "": of all others.
        ``only``: in that chat, instead of those that are shown in all.
        """
        listed = [types.BotCommand(name, meaning) for name, meaning in commands.items()]
        scope = types.BotCommandScopePeer(only) if only is not None else types.BotCommandScopeDefault()
        request = functions.bots.SetBotCommandsRequest(scope, language, listed)
        # Telegram remembers those of an earlier start.
        return await self._try(request, logging.WARNING, "⚠️ The commands were not published")

    async def _try(self, request: TLRequest, level: int, told: str) -> bool:
        """Send what is a mere convenience; that it did not succeed is logged as ``told``, and no more."""
        try:
            await self.call.once(request)
        except TROUBLE as error:
            log.log(level, "%s: %s", told, trouble_name(error))
            return False
        return True

    async def target(self, name: str) -> types.TypeInputPeer | None:
        """The chat that TARGET_CHAT names (id or @username); None when it names none.

        Raises :class:`SettingsError` when there is no such chat, or it is closed to us.
        """
        if not name:
            return None
        try:
            peer = await self._client.get_input_entity(int(name) if name.lstrip("-").isdigit() else name)
            # Under its number, as messages there name it.
            return await self._client.get_me(True) if isinstance(peer, types.InputPeerSelf) else peer
        except (ValueError, rpc.BadRequestError, rpc.ForbiddenError):
            raise SettingsError(
                f"TARGET_CHAT: {name} cannot be found. Write to the bot from there first; "
                "in a channel, make it an administrator."
            ) from None


class _TooLong(Exception):
    """Telegram asks for a pause that is not worth it."""


async def _not_long(seconds: float, reason: str) -> None:
    """Raises :class:`_TooLong` for a pause after which another message has long said it."""
    if seconds > PATIENCE and reason in (Reason.FLOOD, Reason.SLOW_MODE):
        raise _TooLong


def _edit_request(chat: TLObject, message: int, words: Words) -> TLRequest:
    return functions.messages.EditMessageRequest(
        chat, message, message=words.text, no_webpage=True, reply_markup=words.buttons
    )


def messages_request(chat: TLObject, ids: Sequence[int]) -> TLRequest:
    """Asks for the messages ``ids``: those of ``chat``, if it is a channel, else of all other chats."""
    if isinstance(chat, types.InputPeerChannel):
        return functions.channels.GetMessagesRequest(chat, list(ids))
    return functions.messages.GetMessagesRequest(list(ids))
