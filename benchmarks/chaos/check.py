"""What must be true when a round is over, by what the server has and not by what the bot says of itself."""

from __future__ import annotations

import io
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageFile

from benchmarks.chaos.archive import DAMAGED, KEPT, PASSWORD, Archive, Item
from benchmarks.chaos.plan import Plan
from benchmarks.crash import unreadable
from sandbox import StoredMessage
from tests.world import TOKEN, UNHEARD, World

#: What the first line of a summary, or of what stands in its place, looks like.
SUMMARY = re.compile(r"(✅|⚠️|❌|ℹ️) (?P<name>[^\n]+?): (?P<told>[^\n]*)")
#: What a status message begins with, as long as it has not become the summary.
STATUS = "📦"
#: What the chat is told of an archive that was not even begun.
NOT_BEGUN = "My disk is full"
COUNTS = {"picture": "photo", "video": "video", "file": "document"}

#: In a log that nobody has to look at there is none of these.
ALARMS = ("Traceback", "broke off", "Something went wrong", "could not be handled", *UNHEARD)
#: Mean difference, of 255, of pictures that are the same but for their compression.
ALIKE = 6.0
SECRETS = (TOKEN.partition(":")[2], "0123456789abcdef0123456789abcdef", PASSWORD)


@dataclass(frozen=True)
class Came:
    """One medium in the chat, its ``name`` by the caption of its message, and its file, if it is known."""

    message: StoredMessage
    name: str
    item: Item | None


def is_over(world: World, archive: Archive) -> bool:
    """The archive's summary, or that there will be none, is in the chat, and nothing is left on the disk."""
    told = [m.text for m in world.chat() if m.kind == "text"]
    if any(NOT_BEGUN in text for text in told):
        return not world.leftovers()
    return bool(summaries(world, archive)) and not world.leftovers()


def summaries(world: World, archive: Archive) -> list[str]:
    """The texts in the chat that say how the archive ended."""
    found = ((m.text, SUMMARY.match(m.text)) for m in world.chat() if m.kind == "text")
    return [text for text, head in found if head is not None and head["name"].startswith(archive.name[:-4])]


def violations(world: World, plan: Plan, archive: Archive, results: Mapping[str, str]) -> list[str]:
    """What is wrong, in sentences; ``results`` are the check sums of converted videos, by their ending."""
    came = list(arrivals(world, archive))
    texts = [m.text for m in world.chat() if m.kind == "text"]
    told = summaries(world, archive)
    excused = any(NOT_BEGUN in text for text in texts) and plan.has("full")
    wrong = [] if excused else _about_summary(plan, archive, came, told)
    wrong += _about_files(plan, archive, came, told, results)
    if not plan.has("refuse", "full", "part", "torn", "once"):
        wrong += _about_order(plan, came)
    wrong += _about_texts(texts, told)
    wrong += _about_disk(world, plan)
    wrong += _about_log(world)
    return wrong


def arrivals(world: World, archive: Archive) -> Iterator[Came]:
    """What came, in order. A caption stands at the first message of an album and names all of them.

    It is no proof of what came: where bytes or pictures are known, they are.
    """
    by_sum = {item.sha256: item for item in archive.items if item.kind in KEPT}
    by_name = {stem(item.name): item for item in archive.items}
    for _, group in itertools.groupby(world.media(), key=lambda m: m.album or m.id):
        album = list(group)
        if album[0].kind == "document" and album[0].name == f"{archive.name}.txt":
            continue  # the names of all that was skipped, which are too many for the summary
        lines = next((m.caption for m in album if m.caption), "").splitlines()
        named = lines[1].split(", ") if len(lines) > 1 else []
        for place, message in enumerate(album):
            name = named[place] if place < len(named) else message.name
            item = by_sum.get(message.sha256) or _by_looks(message, archive) or by_name.get(stem(name))
            yield Came(message, name, item)


def _by_looks(message: StoredMessage, archive: Archive) -> Item | None:
    """The picture that had to become another JPEG and looks like the one in ``message``."""
    made = [item for item in archive.items if item.kind in ("webp", "cut photo")]
    if message.kind != "photo" or not made or message.path is None:
        return None
    shown = _tiny(message.path.read_bytes())

    def distance(item: Item) -> float:
        pixels = _tiny(item.content)
        return sum(abs(a - b) for a, b in zip(shown, pixels, strict=True)) / len(pixels)

    nearest = min(made, key=distance)
    return nearest if distance(nearest) < ALIKE else None


def _tiny(picture: bytes) -> bytes:
    # For this process: what is there of a picture that is cut off.
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    with Image.open(io.BytesIO(picture)) as image:
        return image.convert("RGB").resize((8, 6)).tobytes()


def stem(name: str) -> str:
    """The name of a file without its ending and what a conversion adds."""
    return name.rpartition(".")[0].removesuffix("_converted")


def _about_files(
    plan: Plan, archive: Archive, came: Sequence[Came], told: Sequence[str], results: Mapping[str, str]
) -> list[str]:
    wrong = [f"{c.name or c.message.kind} came, which nobody sent" for c in came if c.item is None]
    found: dict[str, list[Came]] = defaultdict(list)
    for one in came:
        if one.item is not None:
            found[one.item.path].append(one)
    gave_up = bool(told) and told[0].startswith("❌")
    # With no room, or with the message gone, what was not there yet cannot come.
    may_lack = plan.has("full") or (gave_up and plan.has("delete"))
    for item in archive.items:
        times = len(found[item.path])
        if times > 1:
            wrong.append(f"{item.path} came {times} times")
        elif times and not item.wanted:
            wrong.append(f"{item.path} came, which is neither picture nor video")
        elif item.wanted and not times and not may_lack:
            wrong.append(f"{item.path} is lost")
        for one in found[item.path]:
            wrong += _about_content(plan, item, one, results)
    return wrong


def _about_content(plan: Plan, item: Item, came: Came, results: Mapping[str, str]) -> Iterator[str]:
    """Is it what it was, or what was to become of it?"""
    message = came.message
    # The caption may stand at a message that Telegram did not send.
    if stem(came.name) != stem(item.name) and not plan.has("part"):
        yield f"{item.path} is called {came.name} in the chat"
    if message.kind == "document":
        if "ℹ️" not in message.caption:
            yield f"{item.path} came as a file, without a reason"
        may_be = plan.has("refuse") or item.kind in DAMAGED
        if not may_be:
            yield f"{item.path} came as a file: {message.caption!r}"
        if message.sha256 != item.sha256 and not plan.has("refuse"):
            yield f"{item.path} came as a file with other bytes"
        return
    if item.kind in KEPT and message.sha256 != item.sha256:
        yield f"{item.path} came with other bytes"
    # A step that is killed is taken for one that cannot be done: it is encoded, or has no sound.
    if (
        item.kind == "convert"
        and not plan.has("child")
        and message.sha256 != results[item.name.rpartition(".")[2]]
    ):
        yield f"{item.path} was converted to other bytes than without faults"
    if item.kind == "webp" and message.kind == "photo":
        assert message.path is not None
        with Image.open(message.path) as image:
            image.load()
            if image.format != "JPEG" or image.size != (160, 120):
                yield f"{item.path} came as {image.format} of {image.size}"


def _about_order(plan: Plan, came: Sequence[Came]) -> list[str]:
    """In each folder, photos and videos are in order, and together in as few albums as can be."""
    wrong = []
    rows: dict[tuple[str, str], list[Came]] = defaultdict(list)
    for one in came:
        if (
            one.item is not None
            and one.item.kind not in ("convert", "cut video")
            and one.message.kind != "document"
        ):
            rows[one.item.folder, one.message.kind].append(one)
    # What is taken out again after a loss of power, or goes before there is room, is not with the rest.
    whole = not plan.has("power", "delete", "child") and "SPOOL_LIMIT_MB" not in plan.settings
    for (folder, kind), row in rows.items():
        names = [one.name for one in row]
        if names != sorted(names) and not plan.has("power"):
            wrong.append(f"{kind}s of {folder} are out of order: {', '.join(names)}")
    for folder in {folder for folder, _ in rows} if whole and plan.pieces == 1 else ():
        together = [one for kind in ("photo", "video") for one in rows.get((folder, kind), ())]
        albums = Counter(one.message.album or one.message.id for one in together)
        if len(albums) != -(-len(together) // 10):
            wrong.append(f"{len(together)} files of {folder} came in albums of {list(albums.values())}")
    return wrong


def _about_summary(plan: Plan, archive: Archive, came: Sequence[Came], told: Sequence[str]) -> list[str]:
    if len(told) != 1:
        return [f"{len(told)} summaries"]
    text, wrong = told[0], []
    counted = dict.fromkeys(COUNTS.values(), 0)
    for line in text.splitlines()[:2]:
        if " sent" in line:
            for number, noun in re.findall(r"(\d+) (picture|video|file)s?\b", line.partition(" sent")[0]):
                counted[COUNTS[noun]] = int(number)
    there = Counter(one.message.kind for one in came)
    if any(counted[kind] != there[kind] for kind in counted):
        wrong.append(f"the summary counts {counted}, and there are {dict(there)}: {text!r}")
    if text.startswith("❌") and not plan.has("full", "delete"):
        wrong.append(f"it failed: {text!r}")
    if "⏭️" in text and not plan.has("full"):
        wrong.append(f"something was skipped: {text!r}")
    others = sum(item.kind == "other" for item in archive.items)
    if f"{others} file" not in text and not text.startswith("❌"):
        wrong.append(f"the summary does not count {others} other files: {text!r}")
    return wrong


def _about_texts(texts: Sequence[str], told: Sequence[str]) -> list[str]:
    """There is nothing beside the summary, which the status message became, or was deleted for."""
    status = [text for text in texts if text.startswith(STATUS)]
    wrong = [f"the status stays at {text!r}" for text in status if told]
    other = [text for text in texts if text not in status and text not in told]
    return wrong + [f"somebody was told {text!r}" for text in other if NOT_BEGUN not in text]


def _about_disk(world: World, plan: Plan) -> list[str]:
    wrong = unreadable(world)
    wrong += [f"left behind: {path.relative_to(world.data)}" for path in world.leftovers()]
    for path in world.data.rglob("*"):
        if path.name.endswith((".tmp", ".part", ".new")):
            wrong.append(f"left behind: {path.relative_to(world.data)}")
    quarantine = world.data / "quarantine"
    kept = [path.name for path in (quarantine.iterdir() if quarantine.exists() else ())]
    if kept and not plan.has("refuse"):
        wrong.append(f"in quarantine: {', '.join(kept)}")
    return wrong + _open_conversions(world.data / "conversion_state.json")


def _open_conversions(file: Path) -> list[str]:
    """Conversions that are not over, although their job is."""
    if not file.exists():
        return []
    text = file.read_text()
    return [f"a conversion is still {word}" for word in ("pending", "in_progress") if f'"{word}"' in text]


def _about_log(world: World) -> list[str]:
    wrong, lines = [], world.lines()
    for number, line in enumerate(lines):
        if any(alarm in line for alarm in ALARMS):
            tail = [text for text in lines[number : number + 80] if text.startswith("  ")]
            wrong.append(f"in the log: {line.strip()}{' … ' + tail[-1].strip() if tail else ''}")
    wrong += [f"a secret is in the log: {line}" for line in lines if any(s in line for s in SECRETS)]
    return list(dict.fromkeys(wrong))
