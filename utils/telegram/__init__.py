"""The one way to Telegram. To be imported before Telethon is."""

import sys

from utils.telegram.loading import sparing

if "telethon" not in sys.modules:
    with sparing():
        import telethon  # noqa: F401
