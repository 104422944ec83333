"""The proxy of the settings, through which Telegram is reached where it is blocked."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl, unquote, urlsplit

from utils.errors import SettingsError

_FORMS = (
    "PROXY must be socks5://user:password@host:port, http://user:password@host:port, or the link of a proxy "
    "for Telegram (tg://proxy?server=…&port=…&secret=… or https://t.me/proxy?…)"
)
_LINKS = ("t.me", "telegram.me", "telegram.dog")
#: Length of an MTProto proxy's secret, in bytes, without the byte in front that says how it is spoken to.
_SECRET = 16
#: Base64 as it is in links, and as Python has it.
_USUAL = str.maketrans("-_", "+/")


class Kind(StrEnum):
    """How a proxy is spoken to."""

    SOCKS5 = "SOCKS5"
    HTTP = "HTTP"
    MTPROTO = "MTProto"


@dataclass(frozen=True)
class Proxy:
    """Where the proxy is, and what it wants to be told. As a text it has nothing secret."""

    kind: Kind
    host: str
    port: int
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    #: Of an MTProto proxy, 16 bytes.
    secret: bytes = field(default=b"", repr=False)
    #: Of an MTProto proxy that wants to look like a web site: that one's name.
    disguise: str = field(default="", repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"the {self.kind} proxy {host}:{self.port}"


def parse_proxy(text: str) -> Proxy | None:
    """What PROXY says; None for nothing. Raises :class:`SettingsError`, which does not repeat the text."""
    if not text:
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _wrong() from None
    scheme = parts.scheme.lower()
    if scheme in ("socks5", "socks5h", "http"):
        if not host or not port or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise _wrong()
        kind = Kind.HTTP if scheme == "http" else Kind.SOCKS5
        return Proxy(kind, host, port, _plain(parts.username), _plain(parts.password))
    if scheme == "tg":
        return _of_link(host or "", parts.query)
    if scheme == "https" and host in _LINKS:
        return _of_link(parts.path.strip("/"), parts.query)
    raise _wrong()


def _plain(text: str | None) -> str | None:
    return text and unquote(text)


def _of_link(what: str, query: str) -> Proxy:
    # A plus is one: secrets are base64, too.
    given = {name.lower(): value for name, value in parse_qsl(query.replace("+", "%2B"))}
    host, port = given.get("server", "").strip("[]"), given.get("port", "")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise _wrong()
    if what == "socks":
        return Proxy(Kind.SOCKS5, host, int(port), given.get("user"), given.get("pass"))
    if what != "proxy":
        raise _wrong()
    secret, disguise = _secret(given.get("secret", ""))
    return Proxy(Kind.MTPROTO, host, int(port), secret=secret, disguise=disguise)


def _secret(text: str) -> tuple[bytes, str]:
    """The secret, and the web site that the proxy pretends to be, if it does.

    It is hexadecimal or base64; ``dd`` and 16 bytes ask for padding, which is always sent; ``ee``, 16 bytes
    and a name ask for TLS: https://core.telegram.org/mtproto/mtproto-transports#transport-obfuscation.
    """
    try:
        if re.fullmatch(r"([0-9a-fA-F]{2})+", text):
            data = bytes.fromhex(text)
        else:
            data = base64.b64decode(text.translate(_USUAL) + "=" * (-len(text) % 4), validate=True)
        if len(data) == _SECRET:
            return data, ""
        if len(data) == _SECRET + 1 and data[0] == 0xDD:
            return data[1:], ""
        if len(data) > _SECRET + 1 and data[0] == 0xEE:
            return data[1 : _SECRET + 1], data[_SECRET + 1 :].decode("ascii")
    except (ValueError, binascii.Error):
        pass
    raise _wrong("; the secret in it is no such secret")


def _wrong(more: str = "") -> SettingsError:
    return SettingsError(f"{_FORMS}{more}.")
