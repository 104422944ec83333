"""The bot."""

#: Its version; that of its data is another (storage/version.py).
VERSION = "1.1.0.dev0"
