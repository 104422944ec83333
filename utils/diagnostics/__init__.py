"""Looks for everything that would keep the bot from working. Never writes, and never takes the bot's lock."""
