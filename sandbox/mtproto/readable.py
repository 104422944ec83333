"""What Telethon's reader knows: all requests as well, which a client sends and need not be able to read."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from telethon.tl import TLRequest, functions
from telethon.tl.alltlobjects import tlobjects


def know_requests() -> None:
    """Have the reader know every request, also where the bot's side of this process spared them."""
    names = (f"{functions.__name__}.{module.name}" for module in iter_modules(functions.__path__))
    for module in (functions, *map(import_module, names)):
        for kind in list(vars(module).values()):
            number = getattr(kind, "CONSTRUCTOR_ID", None)
            if isinstance(kind, type) and issubclass(kind, TLRequest) and number:
                tlobjects[number] = kind
