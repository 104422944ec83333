"""What a container asks: exit code 0 if a bot is at work on the data folder, else 1."""

from __future__ import annotations

import sys

from utils.constants import load_settings
from utils.diagnostics.running import running


def main() -> int:
    """Look, and change nothing."""
    pid = running(load_settings().path("DATA_DIR"))
    print("❌ no bot is at work" if pid is None else f"✅ process {pid} is at work")
    return int(pid is None)


if __name__ == "__main__":
    sys.exit(main())
