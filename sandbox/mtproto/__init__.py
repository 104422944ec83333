"""MTProto 2.0 over TCP, the server's side. See https://core.telegram.org/mtproto."""

from .link import LinkFaults
from .server import MtprotoServer

__all__ = ["LinkFaults", "MtprotoServer"]
