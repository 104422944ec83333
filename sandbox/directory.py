"""Requests about accounts (users.*, contacts.*, bots.*) and about the server itself (help.*)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from telethon.tl import TLObject, TLRequest, functions, types

from . import limits
from .accounts import Account, Accounts
from .rpc import Result, RpcError
from .session import Serve, Session
from .tl import pack


@dataclass(frozen=True)
class Center:
    """Where a data centre listens."""

    id: int
    host: str
    port: int


class Directory:
    """Who is who, and what this server is."""

    def __init__(self, accounts: Accounts, centers: Callable[[], list[Center]]) -> None:
        self._accounts = accounts
        self._centers = centers

    def serves(self) -> Mapping[type[TLRequest], Serve]:
        return {
            functions.help.GetConfigRequest: self._get_config,
            functions.help.GetNearestDcRequest: self._get_nearest,
            functions.help.GetAppConfigRequest: self._get_app_config,
            functions.users.GetUsersRequest: self._get_users,
            functions.users.GetFullUserRequest: self._get_full_user,
            functions.channels.GetChannelsRequest: self._get_channels,
            functions.channels.GetParticipantRequest: self._get_participant,
            functions.contacts.ResolveUsernameRequest: self._resolve_username,
            functions.contacts.GetContactsRequest: self._get_contacts,
            functions.contacts.BlockRequest: self._block,
            functions.contacts.UnblockRequest: self._unblock,
            functions.bots.SetBotCommandsRequest: self._set_commands,
            functions.bots.ResetBotCommandsRequest: self._reset_commands,
            functions.bots.GetBotCommandsRequest: self._get_commands,
            functions.account.UpdateStatusRequest: self._yes,
            functions.account.RegisterDeviceRequest: self._yes,
        }

    # -- the server

    async def _get_config(self, session: Session, request: TLRequest) -> Result:
        now = int(time.time())
        options = [
            types.DcOption(center.id, center.host, center.port, ipv6=":" in center.host)
            for center in self._centers()
        ]
        return types.Config(
            date=now,
            expires=now + 3600,
            test_mode=False,
            this_dc=session.caller.dc_id,
            dc_options=options,
            dc_txt_domain_name="",
            chat_size_max=200,
            megagroup_size_max=200_000,
            forwarded_count_max=100,
            online_update_period_ms=210_000,
            offline_blur_timeout_ms=5_000,
            offline_idle_timeout_ms=30_000,
            online_cloud_timeout_ms=300_000,
            notify_cloud_delay_ms=30_000,
            notify_default_delay_ms=1_500,
            push_chat_period_ms=60_000,
            push_chat_limit=2,
            edit_time_limit=172_800,
            revoke_time_limit=2**31 - 1,
            revoke_pm_time_limit=2**31 - 1,
            rating_e_decay=2_419_200,
            stickers_recent_limit=200,
            channels_read_media_period=604_800,
            call_receive_timeout_ms=20_000,
            call_ring_timeout_ms=90_000,
            call_connect_timeout_ms=30_000,
            call_packet_timeout_ms=10_000,
            me_url_prefix="https://t.me/",
            caption_length_max=limits.MAX_CAPTION,
            message_length_max=limits.MAX_TEXT,
            webfile_dc_id=session.caller.dc_id,
        )

    async def _get_nearest(self, session: Session, request: TLRequest) -> Result:
        return types.NearestDc(country="", this_dc=session.caller.dc_id, nearest_dc=session.caller.dc_id)

    async def _get_app_config(self, session: Session, request: TLRequest) -> Result:
        return types.help.AppConfig(hash=1, config=types.JsonObject([]))

    async def _yes(self, session: Session, request: TLRequest) -> Result:
        _ = session.me
        return True

    # -- accounts

    async def _get_users(self, session: Session, request: TLRequest) -> Result:
        users: list[TLObject] = []
        for wanted in request.id:
            try:
                target = self._accounts.resolve(session.me, wanted)
            except RpcError as error:
                if error.message != "PEER_ID_INVALID":
                    raise
                users.append(types.UserEmpty(getattr(wanted, "user_id", 0)))
            else:
                users.append(self._accounts.user(session.me, target))
        return users

    async def _get_full_user(self, session: Session, request: TLRequest) -> Result:
        target = self._accounts.resolve(session.me, request.id)
        info = None
        if target.bot:
            commands = self._accounts.commands(target, session.me.language)
            info = types.BotInfo(user_id=target.id, commands=commands)
        full = types.UserFull(
            id=target.id,
            settings=types.PeerSettings(),
            notify_settings=types.PeerNotifySettings(),
            common_chats_count=0,
            blocked=self._accounts.has_blocked(session.me.id, target.id) or None,
            bot_info=info,
        )
        users = self._accounts.users(session.me, {session.me.id, target.id})
        return types.users.UserFull(full_user=full, chats=[], users=users)

    async def _get_channels(self, session: Session, request: TLRequest) -> Result:
        me = session.me
        chats = [self._accounts.chat(me, self._accounts.resolve(me, wanted)) for wanted in request.id]
        return types.messages.Chats(chats=chats)

    async def _get_participant(self, session: Session, request: TLRequest) -> Result:
        """https://core.telegram.org/method/channels.getParticipant"""
        me, channel = session.me, self._accounts.resolve(session.me, request.channel)
        person = self._accounts.resolve(me, request.participant)
        admin = self._accounts.membership(channel.id, person.id)
        if admin is None:
            raise RpcError(400, "USER_NOT_PARTICIPANT")
        member = types.ChannelParticipant(person.id, date=None)
        if admin:
            rights = types.ChatAdminRights(post_messages=True)
            member = types.ChannelParticipantAdmin(person.id, me.id, date=None, admin_rights=rights)
        return types.channels.ChannelParticipant(
            participant=member,
            chats=self._accounts.chats(me, {channel.id}),
            users=self._accounts.users(me, {person.id}),
        )

    async def _resolve_username(self, session: Session, request: TLRequest) -> Result:
        me, target = session.me, self._accounts.by_username(request.username)
        if target is None:
            raise RpcError(400, "USERNAME_NOT_OCCUPIED")
        peer = (types.PeerChannel if target.channel else types.PeerUser)(target.id)
        users, chats = self._accounts.users(me, {target.id}), self._accounts.chats(me, {target.id})
        return types.contacts.ResolvedPeer(peer=peer, chats=chats, users=users)

    async def _get_contacts(self, session: Session, request: TLRequest) -> Result:
        _ = session.person
        return types.contacts.Contacts(contacts=[], saved_count=0, users=[])

    async def _block(self, session: Session, request: TLRequest) -> Result:
        return self._set_blocked(session.person, request.id, blocked=True)

    async def _unblock(self, session: Session, request: TLRequest) -> Result:
        return self._set_blocked(session.person, request.id, blocked=False)

    def _set_blocked(self, me: Account, peer: TLObject, *, blocked: bool) -> bool:
        self._accounts.block(me.id, self._accounts.resolve(me, peer).id, blocked=blocked)
        return True

    # -- bots

    async def _set_commands(self, session: Session, request: TLRequest) -> Result:
        """A list for each scope and language: https://core.telegram.org/method/bots.setBotCommands"""
        if request.lang_code and not (len(request.lang_code) == 2 and request.lang_code.isalpha()):
            raise RpcError(400, "LANG_CODE_INVALID")
        scope = pack([request.scope])
        self._accounts.set_commands(session.bot, pack(request.commands), request.lang_code, scope)
        return True

    async def _reset_commands(self, session: Session, request: TLRequest) -> Result:
        self._accounts.reset_commands(session.bot, request.lang_code, pack([request.scope]))
        return True

    async def _get_commands(self, session: Session, request: TLRequest) -> Result:
        return self._accounts.commands(session.bot, request.lang_code, pack([request.scope]))
