"""Other machines, as the bot sees them: a process that it starts, talks to, and starts again when it dies."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from utils.cluster.offer import ProcessOffer
from utils.cluster.orders import DOOR, Json, Machine
from utils.constants import ROOT, Settings
from utils.errors import ProgramError, SettingsError
from utils.media import Bell, Piece
from utils.processes.child import PIPE, Child
from utils.processes.confinement import Confinement
from utils.processes.supervisor import lines_of

log = logging.getLogger(__name__)

_PROGRAM = Path(__file__).with_name("farm_process.py")
#: Seconds before the farm is started again, when it died and when it cannot be.
_AGAIN, _LATER = 1.0, 60.0
#: What the farm may have open.
_OPEN_FILES = 4096
#: What a system tells any program about itself and the network.
_OF_SYSTEM = (
    "/proc/self",
    "/proc/net",
    "/proc/sys",
    "/proc/uptime",
    "/sys/fs/cgroup",
    "/etc/hosts",
    "/etc/ssl",
)

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Address:
    """Where machines find the farm, and ``bind``, where it listens for that (empty: everywhere)."""

    host: str
    port: int
    bind: str

    @classmethod
    def of(cls, text: str) -> Address:
        """Out of HOST:PORT. Blocking: looks the name up. Raises :class:`SettingsError`."""
        host, _, port = text.rpartition(":")
        host = host.strip("[]")
        if not host or not port.isdigit() or not 0 < int(port) < 65_535:
            raise SettingsError(f"CLUSTER must be HOST:PORT, with a port below 65535, not {text!r}.")
        return cls(host, int(port), _own(host))


def _own(host: str) -> str:
    """The address that is meant by ``host`` if it is one of this machine, else "": it may be a router's."""
    with suppress(OSError):
        for family, *_, found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM):
            with suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as trial:
                trial.bind((found[0], 0))
                return str(found[0])
    return ""


class ProcessFarm:
    """Machines that join at ``address``. :meth:`run` it as long as they are wanted.

    ``folder`` is for what the farm keeps; it reads sources in ``reads``, and writes results in ``writes``.
    ``tell`` gets the line that is to be typed on other machines: it holds the token, so no log may have it.
    """

    def __init__(
        self,
        address: Address,
        *,
        folder: Path,
        reads: tuple[Path, ...],
        writes: tuple[Path, ...],
        local: bool,
        tell: Tell,
    ) -> None:
        self.address = address
        self.local = local
        self._folder = folder
        self._reads = reads
        self._writes = writes
        self._tell = tell
        self._child: Child | None = None
        self._machines: dict[str, Machine] = {}
        self._why: dict[str, str] = {}
        self._offers: dict[str, ProcessOffer] = {}
        self._bell = Bell()
        self._told = ""
        #: Why there is no farm, or "".
        self.trouble = "it is being started"

    @classmethod
    def from_settings(
        cls, settings: Settings, *, reads: tuple[Path, ...], writes: tuple[Path, ...], tell: Tell
    ) -> ProcessFarm | None:
        """As the owner has set it; None where no other machines are wanted. Raises :class:`SettingsError`."""
        if not settings.CLUSTER:
            return None
        return cls(
            Address.of(settings.CLUSTER),
            folder=settings.path("DATA_DIR") / "cluster",
            reads=reads,
            writes=writes,
            local=settings.CLUSTER_LOCAL,
            tell=tell,
        )

    @classmethod
    def of_bot(cls, settings: Settings, tell: Tell) -> ProcessFarm | None:
        """The same for what the bot converts."""
        jobs, recovery = settings.path("DATA_DIR") / "jobs", settings.path("RECOVERY_DIR")
        return cls.from_settings(settings, reads=(jobs, recovery), writes=(recovery,), tell=tell)

    @property
    def machines(self) -> tuple[Machine, ...]:
        """Those that are there."""
        return tuple(
            replace(
                machine,
                refused=self._why.get(machine.id, ""),
                films=tuple(self._offers[film].name for film in machine.films if film in self._offers),
            )
            for machine in self._machines.values()
        )

    @property
    def encodes(self) -> tuple[str, ...]:
        """The names of what is offered to machines now."""
        return tuple(offer.name for offer in self._offers.values())

    async def run(self) -> None:
        """Keep the farm alive until this is cancelled."""
        while True:
            try:
                again = await self._once()
            except ProgramError as error:
                again = self._unusable(error.told)
            except (OSError, ValueError) as error:
                # Its folder cannot be made, or it does not say what it should: whatever it is, the bot lives.
                again = self._unusable(str(error))
            finally:
                self._lose_all()
            await asyncio.sleep(again)

    async def joined(self) -> None:
        """Returns when a machine is there."""
        while not self._machines:
            await self._bell.wait()

    @asynccontextmanager
    async def offer(self, trial: Piece, digest: str, name: str) -> AsyncIterator[ProcessOffer]:
        """See :class:`utils.media.Farm`."""
        offer = ProcessOffer(secrets.token_hex(6), trial, digest, name, self._say, self._name_of)
        self._offers[offer.id] = offer
        try:
            await offer.announce()
            yield offer
        finally:
            del self._offers[offer.id]
            await self._say({"do": "withdraw", "offer": offer.id})

    # -- the process --------------------------------------------------------------------------------

    async def _once(self) -> float:
        """One life of the farm; returns after how many seconds it is to have another one."""
        await asyncio.to_thread(self._prepare)
        child = await Child.start(
            [
                *(sys.executable, "-I", str(_PROGRAM), self.address.bind),
                *(str(self.address.port), str(self._folder)),
            ],
            confinement=Confinement(
                None,
                None,
                open_files=_OPEN_FILES,
                reads=(ROOT / "utils", *map(Path, _OF_SYSTEM), *self._reads),
                writes=(self._folder, *self._writes),
                network=True,
            ),
            stdin=PIPE,
        )
        words = asyncio.ensure_future(_last_words(child))
        self._child = child
        why = ""
        try:
            async for line in lines_of(child.read):
                why = await self._hear(json.loads(line)) or why
        finally:
            self._child = None
            await child.kill()
            said = await words
        if why == "revoked":
            log.info("🖥️ Other machines have to join anew: their token was revoked")
            self._told = ""
            return 0.0
        if why:
            return self._unusable(why)
        if self.trouble:
            # It never opened, so that it would only die again.
            return self._unusable(said or "it died without a word")
        self.trouble = "it died and is started again"
        said = f" ({said})" if said else ""
        log.warning("⚠️ The process that speaks to other machines died; it is started again%s", said)
        return _AGAIN

    def _prepare(self) -> None:
        # Dask wants the last one; the farm itself may make none.
        for folder in (*self._writes, self._folder, self._folder / "dask-scratch-space"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self._folder.glob("trial-*"):
            left.unlink(missing_ok=True)

    def _unusable(self, why: str) -> float:
        if why != self.trouble:
            log.warning("⚠️ Other machines cannot be used, so conversions go on here alone: %s", why)
        self.trouble = why
        return _LATER

    def _lose_all(self) -> None:
        self._machines.clear()
        for offer in self._offers.values():
            offer.lose_all("the farm died")
        self._bell.ring()

    async def _say(self, said: Json) -> None:
        """To the farm, if there is one."""
        if self._child is not None:
            with suppress(BrokenPipeError, ConnectionResetError):
                await self._child.write(json.dumps(said).encode() + b"\n")

    async def _hear(self, said: Json) -> str:
        """One line of the farm's. Returns why it ends, if it says that."""
        match said["is"]:
            case "open":
                await self._opened(said["token"])
            case "closed":
                return str(said["why"])
            case "machines":
                self._are_here({one["id"]: Machine(**one) for one in said["machines"]})
            case "arrived":
                self._why.pop(said["machine"], None)
            case "judged":
                self._judged(said["machine"], said["why"])
            case _:
                for offer in self._offers.values():
                    offer.hear(said)
        return ""

    async def _opened(self, token: str) -> None:
        self.trouble = ""
        host, port = self.address.host, self.address.port
        shown = f"[{host}]" if ":" in host else host
        log.info("🖥️ Other machines may join at %s:%d (and %d)", shown, port, port + DOOR)
        line = f"./bot worker {shown}:{port} {token}"
        if line != self._told:
            self._told = line
            self._tell(line)
        for offer in self._offers.values():
            await offer.announce()

    def _are_here(self, machines: dict[str, Machine]) -> None:
        for number in machines.keys() - self._machines.keys():
            machine = machines[number]
            log.info("🖥️ %s joined; segments at a time: %d", machine.name, machine.slots)
        for number in self._machines.keys() - machines.keys():
            log.info("🖥️ %s left", self._machines[number].name)
            self._why.pop(number, None)
        self._machines = machines
        self._bell.ring()

    def _judged(self, machine: str, why: str) -> None:
        if why:
            log.warning("⚠️ %s gets nothing to do: %s", self._name_of(machine), why)
        self._why[machine] = why

    def _name_of(self, machine: str) -> str:
        return self._machines[machine].name if machine in self._machines else "A machine"


async def _last_words(child: Child) -> str:
    """The last line of what it says on standard error."""
    last = ""
    with suppress(Exception):
        async for line in lines_of(child.read_complaints):
            last = line.decode("utf-8", "replace").strip() or last
    return last[:300]
