"""Looks for everything that would keep the bot from working. Writes for ``--fix`` alone; takes no lock."""
