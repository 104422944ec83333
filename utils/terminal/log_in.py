"""Asks in the terminal what a person's log-in needs."""

from __future__ import annotations

from utils.telegram.client import Ask
from utils.terminal.reading import read_line


def ask_in_terminal() -> Ask:
    """Ask in the terminal; a password is not shown while it is typed.

    Each question raises :class:`~utils.errors.LoginFailed` where nobody can type.
    """

    async def phone() -> str:
        return await read_line("Phone number, with country code: ")

    async def code() -> str:
        return await read_line("Code that Telegram sent: ")

    async def password() -> str:
        return await read_line("Password of the two-step verification: ", hidden=True)

    return Ask(phone, code, password)
