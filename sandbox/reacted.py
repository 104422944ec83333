"""Reactions to a message as clients see them (https://core.telegram.org/api/reactions)."""

from __future__ import annotations

from collections import Counter

from telethon.tl import types

from .store import Store


def reactions_to(store: Store, account: int, number: int, viewer: int) -> types.MessageReactions | None:
    """Those to that account's message of that number, as ``viewer`` sees them; None when there are none."""
    rows = store.all("SELECT * FROM reactions WHERE account = ? AND id = ? ORDER BY date", account, number)
    if not rows:
        return None
    counts = Counter(row["emoji"] for row in rows)
    return types.MessageReactions(
        results=[types.ReactionCount(types.ReactionEmoji(emoji), count) for emoji, count in counts.items()],
        can_see_list=True,
        recent_reactions=[
            types.MessagePeerReaction(
                types.PeerUser(row["reactor"]),
                int(row["date"]),
                types.ReactionEmoji(row["emoji"]),
                my=row["reactor"] == viewer,
            )
            for row in rows
        ],
    )
