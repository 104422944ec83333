"""The one way to Telegram. To be imported before Telethon is.

Telethon loads aiohttp where it is installed, for files of web sites that this bot never fetches: 11 MB of
memory, and a third of the time that a start takes.
"""

import sys

if "telethon" not in sys.modules and "aiohttp" not in sys.modules:
    sys.modules["aiohttp"] = None  # type: ignore[assignment]  # as if it was not there
    try:
        import telethon  # noqa: F401
    finally:
        del sys.modules["aiohttp"]
