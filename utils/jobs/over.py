"""What is remembered of jobs that are over."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from utils.jobs.albums import plural
from utils.jobs.intake import Incoming
from utils.jobs.job import Job

#: Jobs that are over and can be done again from the owner's page.
REMEMBERED = 10


@dataclass(frozen=True)
class Over:
    """A job that came to its end ``when`` (Unix time), without all of it if there was ``trouble``."""

    id: str
    name: str
    when: float
    trouble: str
    items: Sequence[Incoming]

    @classmethod
    def of(cls, job: Job) -> Over:
        """As it is at its end."""
        record = job.record
        left = f"{plural(len(record.skipped), 'file')} could not be sent." if record.skipped else ""
        items = (record.origin, *record.volumes)
        return cls(job.id, job.name, time.time(), record.failed or left, items)
