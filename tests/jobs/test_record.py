"""What is known of a job by its journal."""

from __future__ import annotations

from tests.drawn import media_file
from utils.jobs import lines
from utils.jobs.record import JobRecord


def test_the_number_of_a_file_that_was_dropped_is_not_given_to_another() -> None:
    """What was announced for the one must not count for the other."""
    record = JobRecord.of(
        [
            lines.File(media_file(1)),
            lines.File(media_file(2)),
            lines.Announce("album-2", (2,), (77,)),
            lines.Drop(2),
        ]
    )
    assert record.next_number() == 3
    parts = (media_file(3, kind="video"), media_file(4, kind="video"))
    record.apply(lines.Split(media_file(1, kind="video"), parts))
    record.apply(lines.Drop(4))
    assert record.next_number() == 5
