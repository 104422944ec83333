"""A machine asks the farm to be let in: it checks whom it speaks to, and gets a certificate of its own."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from utils.cluster.authority import digest_of, key_pem, new_key, request_for
from utils.cluster.farm_process import versions
from utils.cluster.orders import DOOR, PROTOCOL
from utils.cluster.tokens import Token
from utils.errors import SettingsError

#: Seconds that a connection, and silence on it, may take.
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=10, sock_connect=10, sock_read=60)


@dataclass(frozen=True)
class Badge:
    """What a machine has once it is let in: its name at the farm, and the files of its certificate."""

    machine: str
    base: str
    authority: Path
    key: Path
    certificate: Path

    def session(self) -> aiohttp.ClientSession:
        """HTTPS to the farm, by this machine."""
        context = _context(self.authority.read_text())
        context.load_cert_chain(self.certificate, self.key)
        return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), timeout=_TIMEOUT)


async def join(
    host: str, port: int, token: Token, *, folder: Path, name: str, slots: int, ffmpeg: str
) -> Badge:
    """Ask the farm at ``host`` and ``port``; what it gives is kept in ``folder``.

    Raises OSError or :class:`aiohttp.ClientError` where it cannot be reached, and :class:`SettingsError`
    where it refuses, or is not the one that the token is from.
    """
    base = f"https://{f'[{host}]' if ':' in host else host}:{port + DOOR}"
    authority = await _authority(base)
    try:
        digest = digest_of(authority)
    except ValueError:
        raise SettingsError(f"What is at {base} is no farm.") from None
    if not token.fits(digest):
        raise SettingsError(
            f"The bot at {host}:{port} did not give out this token, or has revoked it; "
            "it prints the right line when it starts."
        )
    key = new_key()
    asked = {
        "secret": token.secret.hex(),
        "protocol": PROTOCOL,
        "versions": versions(),
        "request": request_for(key).decode(),
        "name": name,
        "slots": slots,
        "ffmpeg": ffmpeg,
    }
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=_context(authority)), timeout=_TIMEOUT
        ) as session,
        session.post(f"{base}/join", json=asked) as answer,
    ):
        said = await answer.json(content_type=None)
    if answer.status != 200:
        raise SettingsError(f"The bot does not let this machine in. {said.get('why', answer.reason)}")
    files = {"authority.pem": authority, "machine.key": key_pem(key), "machine.pem": said["certificate"]}
    for file, text in files.items():
        (folder / file).write_text(text)
    return Badge(said["machine"], base, *(folder / file for file in files))


async def _authority(base: str) -> str:
    """Whom who listens there says it trusts; that is believed only when the token says so, too."""
    unknown = ssl.create_default_context()
    unknown.check_hostname = False
    unknown.verify_mode = ssl.CERT_NONE
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=unknown), timeout=_TIMEOUT) as session,
        session.get(f"{base}/authority") as answer,
    ):
        return (await answer.content.read(1 << 16)).decode("ascii", "replace")


def _context(authority: str) -> ssl.SSLContext:
    """Who listens has a certificate of this authority that is one to listen with; its name is not asked."""
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=authority)
    context.check_hostname = False
    return context
