"""See the bot work, without an account and without a network: ``python -m demo``."""
