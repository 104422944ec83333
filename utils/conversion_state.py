"""ConversionStateManager: every conversion, how far it is and what it needs to go on, in one JSON file."""

from __future__ import annotations

import json
import logging
import math
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from utils import constants
from utils.storage.atomic import as_json, load_or_set_aside, make_folder, write_bytes
from utils.storage.by_status import ByStatus
from utils.storage.changes import Changes
from utils.storage.journal import Record
from utils.storage.lock import folder_lock
from utils.storage.version import VERSION, refuse_newer

log = logging.getLogger(__name__)

PENDING = "pending"
IN_PROGRESS = "in_progress"
COMPLETED = "completed"
FAILED = "failed"

#: Conversions in these states are to be gone on with.
INCOMPLETE = (PENDING, IN_PROGRESS)
FINISHED = (COMPLETED, FAILED)
STATUSES = (*INCOMPLETE, *FINISHED)

#: Bytes up to which the file is written at each change.
WRITTEN_AT_ONCE = 32_000

#: Completed entries, and failed ones, are forgotten by themselves once there are more than this many of each.
KEEP_FINISHED = 100

State = dict[str, Any]


class ConversionStateManager:
    """Conversions keyed by the path of their source file.

    Each entry of :attr:`states` holds ``file_path``, ``output_path``, ``status`` (pending, in_progress,
    completed or failed), ``progress`` (0 to 100), ``started_at`` and ``last_updated`` (Unix seconds),
    ``retry_count``, ``error`` (a sentence or None), ``version`` (of the entry), and ``details``, a mapping
    that belongs to whoever converts (plan, finished segments, name to show).

    Every change is on disk, atomically, when the method returns; a file that cannot be parsed is set aside
    in ``quarantine_dir``. Several managers, also of several processes, may work on one file: each changes
    what is newest there. The methods block for one fsync and may be called from any thread.

    A small file is written at each change. A large one (``WRITTEN_AT_ONCE``) follows within about
    ``save_interval`` seconds, and at :meth:`flush`; until then, changes are lines in a file beside it, so
    that the thousandth conversion costs as much as the first.
    """

    def __init__(
        self,
        state_file: str | Path | None = None,
        quarantine_dir: str | Path | None = None,
        *,
        save_interval: float = 10.0,
    ) -> None:
        if state_file is None and quarantine_dir is None:
            quarantine_dir = constants.QUARANTINE_DIR
        self.state_file = Path(state_file or constants.CONVERSION_STATE_FILE)
        self._quarantine = Path(quarantine_dir or self.state_file.parent / "quarantine")
        make_folder(self.state_file.parent)
        self._changes = Changes(self.state_file)
        self.save_interval = save_interval
        #: Bytes of the file as it was written here (-1: perhaps by others), and when (time.monotonic()).
        self._size = -1
        self._written = 0.0
        self._lock = threading.RLock()
        self._depth = 0
        self._known: tuple[int, ...] = ()
        self.states: dict[str, State] = {}
        self._by_status = ByStatus(STATUSES)
        with self._newest():
            pass

    def save_state(
        self,
        file_path: str | Path,
        status: str,
        progress: float,
        output_path: str | Path,
        error: str | None = None,
        *,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Create or replace what is known about ``file_path``; ``details`` are kept when not given.

        Raises ValueError for a ``status`` that there is not.
        """
        if status not in STATUSES:
            raise ValueError(f"{status!r} is none of {', '.join(STATUSES)}")
        now = time.time()
        with self._newest():
            old = self.states.get(str(file_path), {})
            self.states[str(file_path)] = {
                "file_path": str(file_path),
                "output_path": str(output_path),
                "status": status,
                "progress": progress,
                "started_at": old.get("started_at", now),
                "last_updated": now,
                "retry_count": old.get("retry_count", 0),
                "error": error,
                "details": dict(details) if details is not None else old.get("details", {}),
                "version": VERSION,
            }
            self._write([str(file_path)])

    def load_state(self, file_path: str | Path) -> State | None:
        """What is known about ``file_path``, or None; from memory, as it is asked on the event loop.

        It waits for nobody who writes.
        """
        state = self.states.get(str(file_path))
        return dict(state) if state else None

    def mark_completed(self, file_path: str | Path) -> None:
        """The conversion of ``file_path`` is done; its details are no longer needed and are dropped."""
        self._change(file_path, status=COMPLETED, progress=100, error=None, details={})

    def mark_failed(self, file_path: str | Path, error: str) -> None:
        """The conversion of ``file_path`` is given up because of ``error``."""
        self._change(file_path, status=FAILED, error=error)

    def increment_retry_count(self, file_path: str | Path) -> int:
        """Count one more attempt; returns how many there were. 0 for an unknown file."""
        with self._newest():
            if str(file_path) not in self.states:
                return 0
            count = int(self.states[str(file_path)]["retry_count"]) + 1
            self._change(file_path, retry_count=count)
            return count

    def get_incomplete_conversions(self) -> list[State]:
        """The conversions to go on with; one whose source is gone becomes failed, "Original file missing"."""
        with self._newest():
            incomplete, missing = [], []
            for path, state in self.states.items():
                if state["status"] not in INCOMPLETE:
                    continue
                if Path(path).exists():
                    incomplete.append(dict(state))
                else:
                    log.warning("⚠️ Original file missing: %s", display_name(state))
                    state.update(status=FAILED, error="Original file missing", last_updated=time.time())
                    missing.append(path)
            if missing:
                self._write(missing)
            return incomplete

    def cleanup_completed(self, max_age_hours: float = 24) -> int:
        """Forget completed conversions that were last touched longer ago; returns how many."""
        oldest = time.time() - max_age_hours * 3600
        with self._newest():
            gone = [
                path
                for path, state in self.states.items()
                if state["status"] == COMPLETED and state["last_updated"] < oldest
            ]
            self.forget(*gone)
            return len(gone)

    def forget(self, *file_paths: str | Path) -> None:
        """Drop the entries of ``file_paths``, as far as there are any; one write for all."""
        with self._newest():
            gone = [str(path) for path in file_paths if self.states.pop(str(path), None) is not None]
            if gone:
                self._write(gone)

    def flush(self) -> None:
        """Have the file itself say all that is known."""
        with self._newest():
            if self._changes.size:
                self._write_whole()

    def get_stats(self) -> dict[str, int]:
        """How many conversions there are: total, pending, in_progress, completed, failed."""
        with self._newest():
            counts = dict.fromkeys(("total", PENDING, IN_PROGRESS, COMPLETED, FAILED), 0)
            for state in self.states.values():
                counts["total"] += 1
                counts[state["status"]] += 1
            return counts

    def _change(self, file_path: str | Path, **changes: Any) -> None:
        with self._newest():
            state = self.states.get(str(file_path))
            if state is None:
                return
            state.update(changes, last_updated=time.time())
            self._write([str(file_path)])

    @contextmanager
    def _newest(self) -> Iterator[None]:
        """What is on the disk, in memory; nobody else changes it meanwhile."""
        with self._lock:
            self._depth += 1
            try:
                if self._depth > 1:
                    yield
                    return
                with folder_lock(self.state_file.parent):
                    if self._stamp() not in (self._known, ()):
                        self._read()
                    yield
            finally:
                self._depth -= 1

    def _read(self) -> None:
        loaded = load_or_set_aside(self.state_file, self._quarantine, parse_states) or {}
        with suppress(FileNotFoundError):
            _take_in(self._changes.read(self.state_file.read_bytes()), loaded)
        self.states = loaded
        self._by_status.know(loaded)
        self._size = -1
        self._known = self._stamp()

    def _stamp(self) -> tuple[int, ...]:
        """Tells one writing of the files from another: each makes a new file, or one longer."""
        stamp: tuple[int, ...] = ()
        for file in (self.state_file, self._changes.path):
            with suppress(FileNotFoundError):
                status = file.stat()
                stamp += (status.st_ino, status.st_mtime_ns, status.st_size)
        return stamp

    def _write(self, changed: Sequence[str]) -> None:
        """Write what ``changed``, also what is gone."""
        self._by_status.know(self.states, changed)
        late = time.monotonic() - self._written > self.save_interval
        try:
            if self._size <= WRITTEN_AT_ONCE or self._changes.size > self._size or late:
                self._write_whole()
                return
            gone = self._drop_oldest()
            self._changes.append({"path": p, "state": self.states.get(p)} for p in (*changed, *gone))
            self._known = self._stamp()
        except OSError:
            self._read()  # what is on the disk counts
            raise

    def _write_whole(self) -> None:
        self._drop_oldest()
        content = as_json(self.states)
        write_bytes(self.state_file, content)
        self._changes.begin(content)
        self._size, self._written = len(content), time.monotonic()
        self._known = self._stamp()

    def _drop_oldest(self) -> list[str]:
        """Bound what is finished, so that saving the thousandth conversion costs as much as the first."""
        dropped = [p for status in FINISHED for p in self._by_status.take_oldest(status, KEEP_FINISHED)]
        for path in dropped:
            del self.states[path]
        return dropped


def read_states(file: Path) -> dict[str, State]:
    """What is known by the state file and what changed since; nothing when there is none. Changes nothing.

    Raises ValueError when it is none, and OSError. Blocking.
    """
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return {}
    states = parse_states(json.loads(content))
    _take_in(Changes(file).read(content), states)
    return states


def _take_in(changes: Iterable[Record], states: dict[str, State]) -> None:
    """Apply ``changes`` to ``states``, up to one that makes no sense."""
    for change in changes:
        path, state = change.get("path"), change.get("state")
        if not isinstance(path, str):
            return
        if state is None:
            states.pop(path, None)
            continue
        try:
            states |= parse_states({path: state})
        except ValueError:
            return


def display_name(state: Mapping[str, Any]) -> str:
    """What the file of ``state`` is called where people see it: its name in the archive."""
    return str(state.get("details", {}).get("name") or Path(state["file_path"]).name)


def parse_states(value: Any) -> dict[str, State]:
    """The entries of a state file's JSON, what they lack filled in.

    Raises ValueError for any other JSON, and :class:`TooNew` for that of a newer version.

    ``file_path`` and ``status`` an entry must have; the rest is of use, but no reason to lose the others.
    """
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - the file is at fault, not the caller
    now = time.time()
    states = {}
    for path, state in value.items():
        if not isinstance(state, dict) or state.get("status") not in STATUSES or "file_path" not in state:
            raise ValueError(f"the entry of {path} is incomplete")
        refuse_newer(state, "What is known of conversions")
        updated = _number(state.get("last_updated"), now)
        states[path] = {
            **state,
            "file_path": str(state["file_path"]),
            "output_path": str(state.get("output_path") or ""),
            "progress": min(100, max(0, _number(state.get("progress"), 0))),
            "started_at": _number(state.get("started_at"), updated),
            "last_updated": updated,
            "retry_count": int(max(0, _number(state.get("retry_count"), 0))),
            "error": state["error"] if isinstance(state.get("error"), str) else None,
            "details": _details(state.get("details")),
            "version": VERSION,
        }
    return states


def _details(value: Any) -> dict[str, Any]:
    """``value`` without what cannot be a job's id: jobs are looked up by it."""
    details = value if isinstance(value, dict) else {}
    return {name: found for name, found in details.items() if name != "job" or isinstance(found, str)}


def _number(value: Any, otherwise: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return otherwise
    try:
        return value if math.isfinite(value) else otherwise
    except OverflowError:  # an integer that is no time, no percentage and no count
        return otherwise
