"""The one way to Telegram. To be imported before Telethon is.

Telethon loads aiohttp and Pillow where they are installed, for files of web sites and pictures that this bot
never gives it: 13 MB of memory, and a third of the time that a start takes.
"""

import sys

_UNWANTED = ("aiohttp", "PIL", "ssl")
if "telethon" not in sys.modules:
    hidden = [name for name in _UNWANTED if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # as if it was not there
    try:
        import telethon  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
