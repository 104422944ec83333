"""The people of the settings, as they are read again."""

from __future__ import annotations

from dataclasses import dataclass

from utils.chat.access import Access
from utils.constants import Settings
from utils.storage.users import Users, split_names


@dataclass(frozen=True)
class Served:
    """Who may use the bot."""

    users: Users
    access: Access

    def follow(self, settings: Settings) -> None:
        """From now on it is who the settings name, and whom the owner let in, without whom he shut out."""
        self.users.authorize(settings.AUTHORIZED_USERS)
        self.access.serve(*split_names(self.users.all()))
