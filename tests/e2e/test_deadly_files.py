"""A file that kills the process is passed over in the end, and everything else arrives."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.e2e.process import environment, start
from tests.files import photo, video, zip_of
from tests.world import BOT_ID, World, until

#: How often a step kills before it is passed over.
DEATHS = 3


def deadly(content: bytes, word: str) -> bytes:
    """The same picture, which kills the process at the step ``word`` (see ``tests.e2e.deadly``)."""
    comment = f"DEADLY {word}".encode()
    return content[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + content[2:]


async def deaths(world: World, summaries: int) -> int:
    """How often the bot died until it had sent so many summaries. A service manager starts it again."""
    environ = environment(world, CONVERSION_STATE_SAVE_INTERVAL="0")

    def done() -> bool:
        ends = [m for m in world.chat() if m.kind == "text" and (" sent." in m.text or m.text[0] == "❌")]
        return len(ends) >= summaries and not world.leftovers()

    died = 0
    while not done():
        process = await start(environ, program=("-m", "tests.e2e.deadly"))
        await until(lambda: process.returncode is not None or done())  # noqa: B023 - awaited right here
        if process.returncode is None:
            process.terminate()
        _, said = await process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), said.decode()
        died += process.returncode == -signal.SIGKILL
    return died


async def test_what_kills_the_process_three_times_comes_otherwise_and_the_rest_as_it_should(
    world: World, tmp_path: Path
) -> None:
    async with world.running():
        pass  # a bot that never ran has no place among the updates from which to catch up
    good = [photo(n) for n in range(1, 5)]
    trip = {
        "1.jpg": good[0],
        "2.jpg": deadly(photo(5), "LOOK"),
        "3.jpg": good[1],
        "4.jpg": deadly(photo(6), "PHOTO"),
        "5.jpg": good[2],
        "film.avi": video("avi") + b"DEADLY CONVERSION",
        "wrap.mkv": video("mkv"),
    }
    await world.send(zip_of(tmp_path / "trip.zip", trip))
    await world.send(zip_of(tmp_path / "deadly.zip", {"6.jpg": good[3]}))
    assert await deaths(world, 2) == 4 * DEATHS
    came = [(message.kind, message.name) for message in world.media()]
    assert sorted(name for kind, name in came if kind == "photo") == ["1.jpg", "3.jpg", "5.jpg"]
    assert [name for kind, name in came if kind == "document"] == ["2.jpg", "4.jpg", "film.avi"]
    assert [name for kind, name in came if kind == "video"] == ["wrap_converted.mp4"]
    texts = "".join(message.text for message in world.chat())
    assert "2.jpg: The bot died 3 times while looking at it" in texts
    assert "4.jpg: The bot died 3 times while uploading it" in texts
    assert "film.avi: The bot died 3 times while converting it" in texts
    assert "❌ deadly.zip: The bot died 3 times while opening it" in texts
    passed_over = [line for line in world.lines() if "passed over: The bot died 3 times" in line]
    for step in ("entry 1", "upload ", "convert ", "opening"):
        assert any(f"“{step}" in line for line in passed_over)


async def test_what_kills_in_every_way_goes_to_quarantine_or_is_named(world: World, tmp_path: Path) -> None:
    """The deaths are written as if they had happened."""
    archive = {f"{n}.jpg": photo(n) for n in range(1, 5)} | {"film.mkv": video("mkv")}
    async with world.running():
        gate = world.sandbox.faults.hold("messages.uploadMedia", when=lambda call: call.user == BOT_ID)
        await world.send(zip_of(tmp_path / "trip.zip", archive))
        await gate.reached()
    gate.open()
    world.sandbox.faults.clear()
    (job,) = (world.data / "jobs").iterdir()
    (job / "steps").write_text(
        "3 entry 0\n2 entry 1\n3 entry 2\n3 entry 2 as it is\n3 upload 1 as a file\n3 upload 1\n3 upload 2\n"
        "3 thumbnail 4\nnonsense\n+ \n"
    )
    (job / "journal.jsonl").write_bytes((job / "journal.jsonl").read_bytes().partition(b"\n")[0] + b"\n")
    async with world.running():
        summary = await world.summary()
    assert "3.jpg: The bot died 3 times while taking it out" in summary
    assert "1.jpg: The bot died 3 times while uploading it; it is kept in quarantine" in summary
    assert "film.mkv: The bot died 3 times while making its thumbnail" in summary
    assert sorted((str(m.name), m.kind) for m in world.media()) == [
        ("2.jpg", "document"),
        ("4.jpg", "photo"),
        ("film.mkv", "document"),
    ]
    assert any((world.data / "quarantine").iterdir())
