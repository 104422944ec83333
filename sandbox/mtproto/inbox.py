"""What a session's packets hold: containers opened, repeats recognised, each message brought to its place."""

from __future__ import annotations

import logging

from telethon.tl import types

from ..rpc import RpcError
from . import service
from .bodies import CONTAINER, BadBody, Inner, constructor, messages_of, read_object, write_error
from .link import LinkFaults
from .requests import Requests
from .session import Session

log = logging.getLogger(__name__)


class Inbox:
    """Takes messages in the order in which they came."""

    def __init__(self, sessions: service.Sessions, requests: Requests, link: LinkFaults) -> None:
        self._sessions = sessions
        self._requests = requests
        self._link = link

    def take(self, session: Session, message: Inner) -> None:
        """Acts on one message. Raises BadBody for a container that is none."""
        code = session.sequence_refusal(message.msg_id, message.seqno)
        if code:
            self.refuse(session, message, code)
        elif constructor(message) == CONTAINER:
            self._container(session, message)
        else:
            self._one(session, message)

    def refuse(self, session: Session, message: Inner, code: int) -> None:
        """Tells the client why a message was not accepted."""
        bad = types.BadMsgNotification(message.msg_id, message.seqno, code)
        session.tell(bad, content=False)

    def _container(self, session: Session, message: Inner) -> None:
        if message.seqno % 2:
            self.refuse(session, message, 34)
            return
        for inner in messages_of(message):
            if inner.msg_id >= message.msg_id or constructor(inner) == CONTAINER:
                self.refuse(session, message, 64)
                return
            self.take(session, inner)

    def _one(self, session: Session, message: Inner) -> None:
        known = session.received.get(message.msg_id)
        if known is not None:
            self._link.repeats += 1
            session.again(known, message.msg_id)
            return
        try:
            read = read_object(message)
        except BadBody as error:
            log.info("a message that cannot be read: %s", error)
            session.note(message.msg_id)
            unreadable = RpcError(400, "INPUT_METHOD_INVALID")
            session.answer(message.msg_id, write_error(message.msg_id, unreadable))
            return
        content = bool(message.seqno % 2)
        if isinstance(read, types.MsgsAck) and content:
            self.refuse(session, message, 34)
        elif not service.serve(self._sessions, session, message.msg_id, read):
            if content:
                session.note(message.msg_id)
                self._requests.take(session, message.msg_id, read)
            else:
                self.refuse(session, message, 35)
