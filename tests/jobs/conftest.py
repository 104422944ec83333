"""A Telegram that runs here and a bot that is logged in to it, as the tests of transfers have them."""

from __future__ import annotations

from tests.telegram.conftest import ann, bot, sandbox, server_key

__all__ = ["ann", "bot", "sandbox", "server_key"]
