"""The owner sees which other machines convert."""

from __future__ import annotations

from utils.cluster.orders import Machine
from utils.owner.history import History
from utils.owner.metrics import exposition
from utils.owner.page import Seen, part
from utils.owner.sight import Disk, Sight
from utils.owner.watch import Watch


def test_each_machine_is_a_line_of_the_page_and_counted() -> None:
    garage = Machine("1", "<garage>", 4, working=2, done=31, failed=1, speed=24.4)
    attic = Machine("2", "attic", 1, refused="its ffmpeg makes other bytes")
    sight = Sight([], [], [], False, "", 0, 0, Disk(1, 2, 0), [], (garage, attic))
    shown = part(Seen(sight, Watch(), History(), ""))
    assert "&lt;garage&gt;: 2 of 4 segments, 31 done, 1 failed, 24 frames a second" in shown
    assert "attic: 0 of 1 segments" in shown and "its ffmpeg makes other bytes" in shown
    figures = exposition(sight, Watch()).decode()
    assert "archive_bot_machines 2.0" in figures
    assert "archive_bot_machines_refused 1.0" in figures
    assert "archive_bot_machine_segments 2.0" in figures


def test_without_any_the_page_says_nothing_of_them() -> None:
    sight = Sight([], [], [], False, "", 0, 0, Disk(1, 2, 0), [])
    assert "Other machines" not in part(Seen(sight, Watch(), History(), ""))
