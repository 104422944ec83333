"""Starts the bot. See README.md."""

from __future__ import annotations

import sys

from utils.commands import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
