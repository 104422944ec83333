"""The fixtures of :mod:`tests.transport`."""

from tests.transport import ann, bot, make_file, sandbox

__all__ = ["ann", "bot", "make_file", "sandbox"]
