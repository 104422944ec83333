"""What serves the people who write to the bot, and its owner, put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from utils.chat.access import Access
from utils.chat.conversation import COMMANDS, Conversation
from utils.chat.groups import Groups
from utils.chat.log_tail import secrets_in
from utils.chat.machines import Machines
from utils.chat.owner import Owner, OwnersCommands
from utils.chat.reception import Reception
from utils.chat.restarting import Restarting
from utils.chat.settings import ChatSettings
from utils.chat.strangers import Strangers
from utils.constants import Settings
from utils.jobs.desk import Desk
from utils.jobs.wishes import WishesOfChats
from utils.storage.bindings import Bindings
from utils.storage.quarantine import Quarantine
from utils.storage.users import Users, split_names
from utils.telegram.account import Account


@dataclass(frozen=True)
class Serving:
    """The collaborators of all who serve. ``name`` is the bot's username, ``language`` that of a chat."""

    settings: Settings
    users: Users
    bindings: Bindings
    wishes: WishesOfChats
    restarting: Restarting
    account: Account
    conversation: Conversation
    desk: Desk
    language: Callable[[int, str], str]
    is_bot: bool
    name: str
    farm: Machines | None = None

    @cached_property
    def access(self) -> Access:
        """Who is served."""
        return Access(*split_names(self.users.all()), self.bindings, self.settings.OWNER)

    def reception(self, *, has_target: bool) -> Reception:
        """What receives each message; ``has_target``: results go elsewhere than to the archive's chat."""
        settings = self.settings
        owner = Owner(
            id=settings.OWNER,
            users=self.users,
            access=self.access,
            quarantine=Quarantine.of(settings),
            log=settings.path("LOG_FILE"),
            secrets=secrets_in(settings),
            restarting=self.restarting,
            farm=self.farm,
        )
        everything = settings.GROUP_MODE == "all"
        groups = Groups(self.account, self.name, everything=everything, owner=settings.OWNER)
        chat_settings = ChatSettings(
            self.wishes,
            conversation=self.conversation,
            account=self.account,
            is_bot=self.is_bot,
            language=self.language,
            may_set=groups.may_set,
            hidden=() if has_target else ("target",),
        )
        return Reception(
            access=self.access,
            groups=groups,
            strangers=Strangers(answer=settings.STRANGERS == "answer"),
            desk=self.desk,
            conversation=self.conversation,
            settings=chat_settings,
            account=self.account,
            owner=OwnersCommands(owner, self.account, self.conversation, COMMANDS, is_bot=self.is_bot),
            is_bot=self.is_bot,
            language=self.language,
        )
