"""A Telegram that runs here: a real MTProto server for the demo, tests and benchmarks.

The unmodified Telethon connects to it; all that it is told differently are an address and a public key.
"""

from .export import StoredMessage
from .faults import Call, Faults, Gate
from .person import Person
from .rpc import AnswerLost, RpcError
from .server import Sandbox

__all__ = ["AnswerLost", "Call", "Faults", "Gate", "Person", "RpcError", "Sandbox", "StoredMessage"]
