"""A Telegram that runs here: a real MTProto server for the demo, tests and benchmarks.

The unmodified Telethon connects to it; all that it is told differently are an address and a public key.
"""

import sys

try:
    from .export import StoredMessage
    from .faults import Call, Faults, Gate
    from .person import Person
    from .rpc import AnswerLost, RpcError
    from .server import Sandbox
except ModuleNotFoundError as error:
    if sys.argv[:1] != ["-m"]:  # what it is while Python looks for what it is to run
        raise
    sys.exit(f"❌ {error}. Use the Python in .venv, which ./bot demo makes: .venv/bin/python -m sandbox …")

__all__ = ["AnswerLost", "Call", "Faults", "Gate", "Person", "RpcError", "Sandbox", "StoredMessage"]
