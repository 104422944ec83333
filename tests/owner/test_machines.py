"""The owner sees which other machines convert."""

from __future__ import annotations

from dataclasses import dataclass

from utils.chat.machines import words_of
from utils.cluster.orders import Machine
from utils.owner.history import History
from utils.owner.metrics import exposition
from utils.owner.page import Seen, part
from utils.owner.sight import Disk, Sight
from utils.owner.watch import Watch


def test_each_machine_is_a_line_of_the_page_and_counted() -> None:
    garage = Machine("1", "<garage>", 4, working=2, done=31, failed=1, speed=24.4, films=("a<b>.mkv",))
    attic = Machine("2", "attic", 1, refused="its ffmpeg makes other bytes")
    sight = Sight([], [], [], False, "", 0, 0, Disk(1, 2, 0), [], (garage, attic))
    shown = part(Seen(sight, Watch(), History(), ""))
    assert "&lt;garage&gt;: 2 of 4 segments of a&lt;b&gt;.mkv, 31 done, 1 failed, 24 frames a second" in shown
    assert "attic: 0 of 1 segments" in shown and "its ffmpeg makes other bytes" in shown
    figures = exposition(sight, Watch()).decode()
    assert "archive_bot_machines 2.0" in figures
    assert "archive_bot_machines_refused 1.0" in figures
    assert "archive_bot_machine_segments 2.0" in figures


def test_without_any_the_page_says_nothing_of_them() -> None:
    sight = Sight([], [], [], False, "", 0, 0, Disk(1, 2, 0), [])
    assert "Other machines" not in part(Seen(sight, Watch(), History(), ""))


@dataclass
class Farm:
    machines: tuple[Machine, ...] = ()
    trouble: str = ""


def test_the_owner_is_told_in_the_chat_what_each_does() -> None:
    assert words_of(Farm(trouble="port 8786 is taken")) == (
        "🖥️ Other machines cannot be used: port 8786 is taken"
    )
    assert words_of(Farm()) == "🖥️ No other machine is there to convert."
    machines = (
        Machine("1", "garage", 4, working=2, done=31, failed=1, speed=24.4, films=("film.mkv", "b.avi")),
        Machine("2", "cellar", 1, working=1, films=("b.avi",)),
        Machine("3", "shed", 1, done=2),
        Machine("4", "attic", 1, refused="its ffmpeg makes other bytes"),
    )
    assert words_of(Farm(machines)).splitlines() == [
        "🖥️ Other machines:",
        "• garage encodes film.mkv, b.avi, 24 frames a second; segments done: 31, failed: 1",
        "• cellar encodes b.avi; segments done: 0, failed: 0",
        "• shed waits; segments done: 2, failed: 0",
        "• attic gets nothing to do: its ffmpeg makes other bytes",
    ]
