"""Supergroups and the topics of forums (https://core.telegram.org/api/forum)."""

from __future__ import annotations

from .accounts import Account, Accounts
from .messages import Draft, Messages
from .store import Store, new_id
from .updates import Updates


class Groups:
    """What nobody asks for over the wire here: topics are there, closed or gone when a test says so."""

    def __init__(self, store: Store, accounts: Accounts, messages: Messages, updates: Updates) -> None:
        self._store = store
        self._accounts = accounts
        self._messages = messages
        self._updates = updates

    def add_topic(self, forum: int, by: int, title: str) -> int:
        """Makes a topic, as a service message of ``by``, whose number is the topic's; returns that."""
        made, events = self._messages.send(self._account(by), self._account(forum), [Draft("", new_id())])
        self._store.run("INSERT INTO topics (channel, id, title) VALUES (?, ?, ?)", forum, made[0].id, title)
        self._updates.announce(events)
        return made[0].id

    def close_topic(self, forum: int, topic: int) -> None:
        """TOPIC_CLOSED from now on."""
        self._store.run("UPDATE topics SET closed = 1 WHERE channel = ? AND id = ?", forum, topic)

    def delete_topic(self, forum: int, topic: int) -> None:
        """With all that is in it: TOPIC_DELETED from now on."""
        where = "account = ? AND (id = ? OR id IN (SELECT id FROM threads WHERE account = ? AND top = ?))"
        gone = self._messages.find(where, forum, topic, forum, topic)
        self._updates.announce(self._messages.delete(forum, gone, both=True))

    def _account(self, number: int) -> Account:
        found = self._accounts.get(number)
        assert found is not None
        return found
