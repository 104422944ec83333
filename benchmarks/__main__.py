"""``python -m benchmarks NAME …``: runs one benchmark; each prints its own help with ``--help``."""

from __future__ import annotations

import importlib
import sys

NAMES = (
    *("transfer", "pipeline", "crash", "conversion", "start", "idle", "chaos", "metadata"),
    *(
        "pictures",
        "mixed",
        "preview",
        "attacks",
        "chat",
        "queue",
        "pairs",
        "growth",
        "load",
        "cluster",
        "left",
        "fair",
    ),
)


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in NAMES:
        print(f"usage: python -m benchmarks {{{','.join(NAMES)}}} …", file=sys.stderr)
        return 2
    try:
        module = importlib.import_module(f"benchmarks.{arguments[0]}")
    except ModuleNotFoundError as error:
        if error.name != f"benchmarks.{arguments[0]}":
            raise
        print(f"The benchmark {arguments[0]} is not there.", file=sys.stderr)
        return 2
    return int(module.main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
