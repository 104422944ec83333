"""What the bot left on disk: conversions, archives under way, segments, quarantine. Reads only."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.constants import Settings
from utils.conversion_state import (
    FAILED,
    IN_PROGRESS,
    INCOMPLETE,
    STATUSES,
    display_name,
    read_states,
)
from utils.diagnostics.check import Check, Level
from utils.diagnostics.running import running
from utils.errors import TooNew
from utils.jobs.albums import plural
from utils.storage.journal import parse
from utils.storage.quarantine import Quarantine
from utils.storage.version import version_of

GROUP = "State"
MB = 1_000_000
#: A larger state file means that finished conversions are not cleaned up.
LARGE_STATE = 10 * MB

State = Mapping[str, Any]


@dataclass(frozen=True)
class Jobs:
    """The archives in data/jobs: those under way, and those whose journal cannot be read."""

    open: tuple[str, ...]
    unreadable: tuple[str, ...]


def check_state(settings: Settings) -> Iterator[Check]:
    """The running bot, the state file, the journals and the folders beside them."""
    data = settings.path("DATA_DIR")
    pid = running(data)
    yield Check(GROUP, "Bot", Level.OK, f"runs as process {pid}" if pid else "none is running on this folder")
    yield from check_version(data)
    jobs = read_jobs(data / "jobs")
    yield from check_jobs(jobs)
    file = settings.path("CONVERSION_STATE_FILE")
    states: list[State] = []
    try:
        states = conversions_in(file)
    except TooNew as error:
        yield Check(GROUP, file.name, Level.FAIL, error.told)
    except ValueError as error:
        advice = "Nothing; the bot sets it aside in quarantine and starts."
        yield Check(GROUP, file.name, Level.WARN, f"cannot be used: {error}", advice)
    else:
        yield check_counts(file, states)
        yield from check_failed(states)
        yield from check_orphaned(states, jobs)
        yield from check_stuck(states, settings, pid, time.time())
    yield from check_recovery(settings.path("RECOVERY_DIR"), jobs)
    yield check_quarantine(Quarantine.of(settings), time.time())


def check_version(data: Path) -> Iterator[Check]:
    """Whether a newer version of the bot wrote the data."""
    try:
        version_of(data)
    except TooNew as error:
        yield Check(GROUP, "Version of the data", Level.FAIL, error.told)


def conversions_in(file: Path) -> list[State]:
    """The conversions in the state file; raises ValueError when it is not one, and :class:`TooNew`."""
    try:
        return list(read_states(file).values())
    except (OSError, RecursionError) as error:
        raise ValueError(getattr(error, "strerror", None) or "it is no JSON") from error


def read_jobs(folder: Path) -> Jobs:
    """The journals in ``folder``; a job is a folder with one in it. Raises OSError where it may not look."""
    under_way, unreadable = [], []
    jobs = [job for job in sorted(folder.iterdir()) if job.is_dir()] if folder.is_dir() else []
    for job in jobs:
        try:
            records, _ = parse((job / "journal.jsonl").read_bytes())
        except OSError:
            if job.exists():  # a running bot may have ended it meanwhile
                unreadable.append(job.name)
            continue
        # By its name on disk: the classes of utils.jobs.lines need Telethon, which may be what is missing.
        if not any(record.get("t") == "done" for record in records):
            under_way.append(job.name)
    return Jobs(tuple(under_way), tuple(unreadable))


def check_jobs(jobs: Jobs) -> Iterator[Check]:
    """How many archives are under way."""
    yield Check(GROUP, "Archives under way", Level.OK, str(len(jobs.open)))
    if jobs.unreadable:
        found = f"{len(jobs.unreadable)} without a journal: {', '.join(jobs.unreadable)}"
        yield Check(GROUP, "Archives", Level.WARN, found, "Nothing; the bot removes them at its next start.")


def check_counts(file: Path, states: Sequence[State]) -> Check:
    """The state file as a whole."""
    if not file.exists():
        return Check(GROUP, file.name, Level.OK, "not there; nothing was converted yet")
    counts = {status: sum(state["status"] == status for state in states) for status in STATUSES}
    told = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.items())
    size = file.stat().st_size
    if size > LARGE_STATE:
        advice = "Start the bot: it forgets conversions that were completed more than 24 hours ago."
        return Check(GROUP, file.name, Level.WARN, f"{size / MB:.0f} MB; {told}", advice)
    return Check(GROUP, file.name, Level.OK, f"{plural(len(states), 'conversion')}: {told}")


def check_failed(states: Sequence[State]) -> Iterator[Check]:
    """Conversions that were given up."""
    for state in states:
        if state["status"] == FAILED:
            found = f"{display_name(state)}: {state.get('error') or 'no reason given'}"
            gone = state.get("error") == "Original file missing"
            advice = "Send the archive again." if gone else "The source is kept in quarantine."
            yield Check(GROUP, "Failed conversion", Level.WARN, found, advice)


def check_orphaned(states: Sequence[State], jobs: Jobs) -> Iterator[Check]:
    """Conversions to be done whose file or archive is gone."""
    for state in states:
        if state["status"] not in INCOMPLETE:
            continue
        job = state.get("details", {}).get("job")
        if not Path(state["file_path"]).exists():
            found = f"{display_name(state)}: the original file is missing"
        elif job is not None and job not in jobs.open:
            found = f"{display_name(state)}: its archive is no longer known"
        else:
            continue
        advice = "Nothing; the bot gives it up at its next start. Send the archive again."
        yield Check(GROUP, "Orphaned conversion", Level.WARN, found, advice)


def check_stuck(states: Sequence[State], settings: Settings, pid: int | None, now: float) -> Iterator[Check]:
    """Conversions that should have moved: no step may take longer than the time-out."""
    started = [state for state in states if state["status"] == IN_PROGRESS]
    if pid is None:
        for state in started:
            found = f"{display_name(state)} at {state.get('progress', 0):.0f} %"
            advice = "Start the bot; it goes on from there."
            yield Check(GROUP, "Interrupted conversion", Level.OK, found, advice)
        return
    for state in started:
        idle = now - float(state.get("last_updated", now))
        if idle > 2 * settings.CONVERSION_TIMEOUT_SECONDS:
            found = f"{display_name(state)}: nothing was saved for {idle / 60:.0f} minutes"
            advice = f"Look for it in {settings.LOG_FILE}; restart the bot, which goes on from the last save."
            yield Check(GROUP, "Stuck conversion", Level.WARN, found, advice)


def check_recovery(folder: Path, jobs: Jobs) -> Iterator[Check]:
    """Segments of conversions; each conversion has a folder named after its archive."""
    for segments in sorted(folder.iterdir()) if folder.is_dir() else ():
        if segments.name.rpartition("-")[0] not in jobs.open:
            found = f"{segments.name} belongs to no archive that is under way"
            advice = "Nothing; the bot removes it at its next start."
            yield Check(GROUP, "Orphaned segments", Level.WARN, found, advice)


def check_quarantine(quarantine: Quarantine, now: float) -> Check:
    """What failed for good, kept for the owner to look at."""
    entries = quarantine.entries()
    if not entries:
        return Check(GROUP, "Quarantine", Level.OK, "empty")
    size = sum(entry.size for entry in entries) / MB
    left = [days for entry in entries if (days := quarantine.days_left(entry, now)) is not None]
    goes = f"; the next goes in {plural(max(1, round(min(left))), 'day')}" if left else ""
    found = f"{plural(len(entries), 'file')}, {size:.1f} MB in {quarantine.folder}{goes}"
    return Check(GROUP, "Quarantine", Level.OK, found, "Look at the reasons beside them.")
