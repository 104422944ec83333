"""Where the owner looks from, and what he may do from there."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from utils.constants import Settings
from utils.conversion_state import INCOMPLETE, display_name
from utils.errors import SettingsError
from utils.owner.history import HISTORY_FILE
from utils.owner.sight import ConversionView, Disk, JobView, Kept, MachineView, OverView, Sight, disk_of
from utils.queue_manager import QueueManager
from utils.storage.quarantine import Quarantine

#: What the owner may do, by name; each is given a word more.
Acts = Mapping[str, Callable[[str], Awaitable[None]]]


@dataclass(frozen=True)
class Where:
    """Where it listens. ``token`` is what everybody has to know who asks for anything, "" for nobody."""

    host: str
    port: int
    token: str

    @classmethod
    def from_settings(cls, settings: Settings) -> Where | None:
        """As the owner has set it; None where no page is wanted. Raises :class:`SettingsError`."""
        if not settings.STATUS_PORT:
            return None
        return cls.of(settings.STATUS_HOST, settings.STATUS_PORT, settings.STATUS_TOKEN)

    @classmethod
    def of(cls, host: str, port: int, token: str) -> Where:
        """Raises :class:`SettingsError` where others could look in."""
        if not 0 < port < 65536:
            raise SettingsError(f"STATUS_PORT must be a port, or 0, not {port}.")
        if not is_loopback(host) and not token:
            raise SettingsError("STATUS_HOST is open to others, so STATUS_TOKEN has to be set.")
        return cls(host, port, token)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Outage(Protocol):
    """Of the connection."""

    @property
    def lasting(self) -> str: ...


class Line(Protocol):
    """The connection to Telegram."""

    sent: int
    received: int

    @property
    def outage(self) -> Outage: ...

    def is_connected(self) -> bool: ...

    def name_of(self, number: int) -> str:
        """How somebody is called."""


class Said(Protocol):
    """What a message says."""

    @property
    def text(self) -> str: ...


class Item(Protocol):
    """The message with an archive: who sent it (0: not known), to which chat."""

    @property
    def sender(self) -> int: ...
    @property
    def chat(self) -> int: ...


class Origin(Item, Protocol):
    """The same of what is under way, and when it came."""

    @property
    def date(self) -> float: ...


class Record(Protocol):
    """What is known of an archive."""

    @property
    def origin(self) -> Origin: ...

    @property
    def paused(self) -> bool: ...


class Job(Protocol):
    """An archive under way."""

    id: str
    name: str

    @property
    def record(self) -> Record: ...

    def words(self) -> Said | None:
        """What its chat is shown."""


class Over(Protocol):
    """An archive that is done."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def when(self) -> float: ...
    @property
    def trouble(self) -> str: ...
    @property
    def items(self) -> Sequence[Item]: ...


class Desk(Protocol):
    """Knows the jobs. ``over`` are the last that came to their end."""

    @property
    def jobs(self) -> Mapping[str, Any]: ...
    @property
    def over(self) -> Sequence[Over]: ...

    async def pause(self, jobs: Sequence[Any], *, on: bool) -> list[str]: ...

    async def cancel_jobs(self, jobs: Sequence[Any]) -> list[str]: ...

    async def retry(self, job_id: str) -> None:
        """Do again what is over. Raises :class:`BotError`."""


class Eyes:
    """Looks at what the bot is made of. ``states`` are those of the conversions, by the file of each."""

    def __init__(
        self,
        settings: Settings,
        *,
        line: Line,
        desk: Desk,
        queue: QueueManager,
        states: Callable[[], Mapping[str, Mapping[str, Any]]],
        machines: Callable[[], Sequence[MachineView]] = tuple,
    ) -> None:
        self._machines = machines
        self._settings = settings
        self._line, self._desk, self._queue, self._states = line, desk, queue, states
        self._paused = False
        self.acts: Acts = {
            "pause": self._pause,
            "go-on": self._go_on,
            "pause-job": self._pause_job,
            "resume-job": self._resume_job,
            "cancel-job": self._cancel_job,
            "retry": desk.retry,
        }

    @property
    def owner(self) -> int:
        """The owner's id; 0: none is set."""
        return self._settings.OWNER

    @property
    def history(self) -> tuple[Path, Path]:
        """The file for what the plots show, and where it goes when it is damaged."""
        return self._settings.path("DATA_DIR") / HISTORY_FILE, self._settings.path("QUARANTINE_DIR")

    def follow(self, settings: Settings) -> None:
        """From now on these are the settings."""
        self._settings = settings

    async def look(self) -> Sight:
        """What there is now."""
        disk, kept = await asyncio.to_thread(self._look_at_disk)
        line = self._line
        runs = [(task.job, task.number) for task in self._queue.running]
        states = [state for state in list(self._states().values()) if state["status"] in INCOMPLETE]
        return Sight(
            jobs=[self._view(job) for job in self._desk.jobs.values()],
            over=[
                OverView(one.id, one.name, one.when, one.trouble, self._who(one.items[0]))
                for one in self._desk.over
            ],
            conversions=[
                ConversionView(
                    display_name(state),
                    state["progress"],
                    runs=(state["details"].get("job"), state["details"].get("number")) in runs,
                )
                for state in states
            ],
            paused=self._paused,
            trouble=line.outage.lasting or ("" if line.is_connected() else "not connected"),
            sent=line.sent,
            received=line.received,
            disk=disk,
            quarantine=kept,
            machines=self._machines(),
        )

    def _view(self, job: Job) -> JobView:
        said, origin = job.words(), job.record.origin
        told = said.text if said else job.name
        return JobView(job.id, job.name, told, job.record.paused, self._who(origin), origin.date)

    def _who(self, item: Item) -> str:
        return self._line.name_of(item.sender or item.chat)

    def _look_at_disk(self) -> tuple[Disk, list[Kept]]:
        settings = self._settings
        disk = disk_of(settings.path("DATA_DIR"), settings.DISK_RESERVE_MB)
        now, quarantine = time.time(), Quarantine.of(settings)
        kept = [(entry, quarantine.days_left(entry, now)) for entry in quarantine.entries()]
        return disk, [Kept(entry.name, entry.size, entry.reason, days) for entry, days in kept]

    async def _pause(self, _: str) -> None:
        """Start no conversion; the one that runs goes on."""
        if not self._paused:
            self._paused = True
            self._queue.hold()

    async def _go_on(self, _: str) -> None:
        if self._paused:
            self._paused = False
            self._queue.release()

    async def _pause_job(self, job: str) -> None:
        await self._desk.pause(self._job(job), on=True)

    async def _resume_job(self, job: str) -> None:
        await self._desk.pause(self._job(job), on=False)

    async def _cancel_job(self, job: str) -> None:
        await self._desk.cancel_jobs(self._job(job))

    def _job(self, job: str) -> list[Job]:
        """The one with that id, if it is not over."""
        return [self._desk.jobs[job]] if job in self._desk.jobs else []
