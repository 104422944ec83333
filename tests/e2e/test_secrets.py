"""What must not be written anywhere, and what must not look like something else in the log."""

from __future__ import annotations

from pathlib import Path

from tests.files import encrypted, photo, video, zip_of
from tests.world import BOT, World, below, until

#: Would be a line of its own, were it taken as it is.
FORGED = "\nERROR: ❌ forged\u2028ERROR: ❌ forged\rERROR: ❌ forged\x1b[2K\u202e"


def holding(world: World, word: str) -> list[Path]:
    """The files of the bot, and its log, that hold ``word``. It may remove some meanwhile."""
    files = {path: content(path) for path in (*below(world.data), world.log)}
    assert files[world.log] and any(path.name == "journal.jsonl" for path in files)
    return [path for path, there in files.items() if word.encode() in there]


def content(path: Path) -> bytes:
    """What is in a file; nothing where it is gone, or was a folder."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return b""


async def test_a_typed_password_is_written_nowhere_while_its_archive_is_at_work(
    world: World, tmp_path: Path
) -> None:
    archive = encrypted(tmp_path / "secret.7z", "opensesame", "-mhe=on")
    async with world.running():
        await world.send(archive)
        await world.wait("attempt 1 of 3")
        await world.person.say(BOT, "wrong-guess")
        await world.wait("attempt 2 of 3")
        assert holding(world, "wrong-guess") == []
        gate = world.sandbox.faults.hold("messages.uploadMedia")
        await world.person.say(BOT, "opensesame")
        await gate.reached(30)
        assert holding(world, "opensesame") == []
        gate.open()
        await world.summary()
    assert not any("opensesame" in m.text or "wrong-guess" in m.text for m in world.chat())


async def test_no_name_forges_a_line_of_the_log_or_of_the_chat(world: World, tmp_path: Path) -> None:
    entries = {
        f"folder{FORGED}/photo{FORGED}.jpg": photo(1),
        f"wrap{FORGED}.mkv": video("mkv"),
        f"broken{FORGED}.jpg": photo(3)[:300],
        f"notes{FORGED}.txt": b"nothing",
    }
    async with world.running():
        await world.send(zip_of(tmp_path / f"trip{FORGED}.zip", entries))
        summary = await world.summary()
        await until(lambda: not world.leftovers())
    assert summary.count("forged") >= 3
    texts = [text for message in world.chat() for text in (message.text, message.caption) if text]
    for line in [*world.lines(), *(line for text in texts for line in text.splitlines())]:
        assert not line.startswith("ERROR: ❌ forged")
        assert "\x1b" not in line and "\u202e" not in line
    assert all(line.startswith(("INFO: ", "WARNING: ")) for line in world.lines())
