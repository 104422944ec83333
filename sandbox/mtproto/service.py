"""Messages about messages. https://core.telegram.org/mtproto/service_messages"""

from __future__ import annotations

from typing import Protocol

from telethon.tl import TLObject, functions, types

from .session import Session


class Sessions(Protocol):
    """The server, as far as these messages need it."""

    def now(self) -> float: ...
    def upcoming_salts(self, session: Session, count: int) -> list[types.FutureSalt]: ...
    def destroy_session(self, session: Session, session_id: int) -> bool: ...
    def close_after(self, session: Session, seconds: float) -> None: ...
    def forget(self, auth_key_id: int) -> None: ...


#: Those that say something, without expecting an answer.
_SILENT = (types.MsgsStateInfo, types.MsgsAllInfo, types.HttpWait)


def serve(sessions: Sessions, session: Session, msg_id: int, message: TLObject) -> bool:
    """Acts on a message about messages; False when it is none."""
    if isinstance(message, types.MsgsAck):
        session.acknowledged(message.msg_ids)
        return True
    if isinstance(message, _SILENT):
        return True
    answer = _answer(sessions, session, msg_id, message)
    if answer is None:
        return False
    session.tell(answer, content=False, answers=msg_id)
    if isinstance(message, functions.DestroyAuthKeyRequest):
        sessions.forget(session.key.id)
    return True


def _answer(sessions: Sessions, session: Session, msg_id: int, message: TLObject) -> TLObject | None:
    match message:
        case functions.PingRequest():
            return types.Pong(msg_id, message.ping_id)
        case functions.PingDelayDisconnectRequest():
            sessions.close_after(session, message.disconnect_delay)
            return types.Pong(msg_id, message.ping_id)
        case functions.GetFutureSaltsRequest():
            salts = sessions.upcoming_salts(session, message.num)
            return types.FutureSalts(msg_id, int(sessions.now()), salts)
        case functions.DestroySessionRequest():
            known = sessions.destroy_session(session, message.session_id)
            kind = types.DestroySessionOk if known else types.DestroySessionNone
            return kind(message.session_id)
        case functions.DestroyAuthKeyRequest():
            return types.DestroyAuthKeyOk()
        case types.MsgsStateReq():
            return _states(session, msg_id, message.msg_ids)
        case types.MsgResendReq():
            session.resend(message.msg_ids)
            return _states(session, msg_id, message.msg_ids)
    return None


def _states(session: Session, msg_id: int, msg_ids: list[int]) -> TLObject:
    return types.MsgsStateInfo(msg_id, bytes(session.state_of(known) for known in msg_ids))
