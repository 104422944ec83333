"""The API as one whole: which room serves which request, around it the fault script and the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from telethon.tl import TLRequest

from .accounts import Accounts
from .basic import BasicGroups
from .buttons import Buttons
from .directory import Center, Directory
from .downloads import Downloads
from .export import Export
from .faults import Faults
from .groups import Groups
from .history import History
from .login import Login
from .media import MediaShelf
from .messages import Messages
from .once import Running
from .reactions import Reactions
from .rpc import Caller, Connections, Result, RpcError
from .sending import Sending
from .session import Room, Serve, Session
from .store import Store
from .updates import Updates
from .uploads import Uploads

log = logging.getLogger(__name__)

#: What a session may ask on a data centre that is not its account's home.
_ABROAD: Final = ("telethon.tl.functions.upload", "telethon.tl.functions.help", "telethon.tl.functions.auth")


class Api:
    """Implements the protocol room's Handler."""

    def __init__(
        self, store: Store, connections: Callable[[], Connections], centers: Callable[[], list[Center]]
    ) -> None:
        self._running = Running()
        self.accounts = Accounts(store)
        self.uploads = Uploads(store)
        self.shelf = MediaShelf(store, self.uploads)
        self.updates = Updates(store, self.accounts, connections)
        self.messages = Messages(store, self.accounts, self.shelf, self.updates)
        self.login = Login(store, self.accounts)
        self.buttons = Buttons(self.accounts, self.messages, self.updates)
        self.faults = Faults(self.accounts, self.shelf, self.uploads, connections)
        self.updates.habits = self.faults.habits
        self.groups = Groups(store, self.accounts, self.messages, self.updates)
        self.export = Export(store, self.messages, self.shelf)
        reactions = Reactions(store, self.accounts, self.messages, self.updates)
        sending = Sending(self.accounts, self.shelf, self.messages, self.updates, self.faults.habits)
        sending.admit = self.faults.admit
        rooms: tuple[Room, ...] = (
            self.login,
            self.uploads,
            Downloads(self.shelf),
            self.updates,
            sending,
            History(store, self.accounts, self.messages, self.updates),
            self.buttons,
            reactions,
            Directory(self.accounts, centers),
            BasicGroups(self.accounts),
        )
        self._serves: dict[type[TLRequest], Serve] = {}
        for room in rooms:
            self._serves.update(room.serves())

    async def session_opened(self, caller: Caller) -> None:
        """Nothing to do: a client that was away asks for the difference."""

    async def handle(self, caller: Caller, request: TLRequest) -> Result:
        """Serves one request. Raises RpcError, or AnswerLost where the script says so."""
        session = Session(caller, self.accounts.of_key(caller.auth_key_id))
        user = session.account.id if session.account is not None else None
        call = self.faults.note(caller, user, request)
        with self._running.claim(user, request):
            await self.faults.before(call)
            result = await self._serve(session, request)
            await self.faults.after(call)
        return result

    async def _serve(self, session: Session, request: TLRequest) -> Result:
        home = session.account.dc if session.account is not None else session.caller.dc_id
        if home != session.caller.dc_id and type(request).__module__ not in _ABROAD:
            raise RpcError(303, f"USER_MIGRATE_{home}")
        serve = self._serves.get(type(request))
        if serve is None:
            log.warning("not served here: %s", type(request).__name__)
            raise RpcError(400, "METHOD_INVALID")
        return await serve(session, request)
