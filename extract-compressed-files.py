"""Starts the bot. See README.md."""

from __future__ import annotations

import sys

# asyncio loads OpenSSL where it is there, for connections that nothing here makes: Telegram's have their own
# encryption. Without, the bot takes 3 MB less.
sys.modules["ssl"] = None  # type: ignore[assignment]  # as if it was not there
try:
    from utils.terminal.loading import loading

    with loading():
        import asyncio  # noqa: F401

        del sys.modules["ssl"]
        from utils.terminal.main import main
except ImportError as error:
    sys.exit(f"❌ {error}. ./bot run installs what is missing, and needs Python 3.11 or newer.")

if __name__ == "__main__":
    # Whatever the terminal can show: no sign is a reason to break off.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))
