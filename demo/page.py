"""The chat as one HTML page: albums as mosaics, videos that play, captions, files, buttons, times.

The page and the files that it shows lie in one folder and refer to each other by relative paths, so the
folder can be moved, zipped or served as it is.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from itertools import groupby
from pathlib import Path

from demo.mosaic import mosaic
from sandbox.export import StoredMessage

PAGE, FILES = "chat.html", "files"

SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "video/mp4": ".mp4"}
TICKS = '<svg class="ticks" viewBox="0 0 18 12"><path d="M1 6.5l3.5 4 7-9M7.5 10l.6.6 8-9"/></svg>'
VIEWER = (
    '<dialog aria-label="Viewer"><button class="close" aria-label="Close">×</button>'
    '<button class="previous" aria-label="Previous">‹</button>'
    '<button class="next" aria-label="Next">›</button>'
    '<div class="stage"></div><p aria-live="polite"></p></dialog>'
)


@dataclass(frozen=True)
class Shown:
    """A message with the addresses, relative to the page, of its file and its picture."""

    message: StoredMessage
    file: str = ""
    thumb: str = ""

    @property
    def ratio(self) -> float:
        """Width to height; 4 to 3 where it is not known."""
        width, height = self.message.width, self.message.height
        return width / height if width and height else 4 / 3


def write_page(
    folder: Path, messages: Sequence[StoredMessage], *, me: int, title: str, subtitle: str
) -> Path:
    """Write ``chat.html`` and its files into ``folder``, seen by the person with the id ``me``."""
    shutil.rmtree(folder / FILES, ignore_errors=True)
    (folder / FILES).mkdir(parents=True)
    shown = [_show(folder, message) for message in messages]
    page = folder / PAGE
    page.write_text(render(shown, me=me, title=title, subtitle=subtitle), encoding="utf-8")
    return page


def _show(folder: Path, message: StoredMessage) -> Shown:
    suffix = SUFFIXES.get(message.mime, ".jpg" if message.kind == "photo" else ".bin")
    return Shown(
        message,
        file=_link(message.path, folder, f"{message.id}{suffix}"),
        thumb=_link(message.thumb, folder, f"{message.id}-small.jpg") if message.kind == "video" else "",
    )


def _link(source: Path | None, folder: Path, name: str) -> str:
    """Put ``source`` beside the page under a name of ours, without copying where that can be had."""
    if source is None or not source.exists():
        return ""
    target = folder / FILES / name
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)
    return f"{FILES}/{name}"


# ---- HTML ------------------------------------------------------------------------------------------


def render(shown: Sequence[Shown], *, me: int, title: str, subtitle: str) -> str:
    """The whole page. Everything that a person or an archive chose is escaped."""
    here = Path(__file__).parent
    style = (here / "chat.css").read_text(encoding="utf-8")
    script = (here / "chat.js").read_text(encoding="utf-8")
    by_id = {item.message.id: item for item in shown}
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>
{style}</style>
<header><span class="avatar" aria-hidden="true">{escape(title[:1].upper())}</span>
<div><h1>{escape(title)}</h1><p>{escape(subtitle)}</p></div></header>
<main>
{"".join(_days(shown, by_id, me))}</main>
{VIEWER}
<script>
{script}</script>
</html>
"""


def _days(shown: Sequence[Shown], by_id: dict[int, Shown], me: int) -> Iterable[str]:
    for day, of_day in groupby(shown, lambda item: datetime.fromtimestamp(item.message.date).date()):
        yield f'<p class="day"><span>{day.day} {day:%B}</span></p>\n'
        for _, together in groupby(of_day, lambda item: item.message.album or item.message.id):
            yield _bubble(list(together), by_id, me)


def _bubble(items: list[Shown], by_id: dict[int, Shown], me: int) -> str:
    """One message, or the messages of one album, as a bubble."""
    first, last = items[0].message, items[-1].message
    side = "out" if first.sent_by == me else "in"
    media = [item for item in items if item.message.kind in ("photo", "video")]
    files = [item for item in items if item.message.kind == "document"]
    words = next((text for item in items if (text := item.message.caption or item.message.text)), "")
    stamp = f'<span class="time">{_edited(first)}{_clock(last.date)}{TICKS if side == "out" else ""}</span>'
    parts = [
        _quote(by_id.get(first.reply_to) if first.reply_to else None),
        _album(media) if media else "",
        "".join(_file_row(item) for item in files),
        f'<div class="text">{escape(words)}{stamp}</div>' if words else stamp,
    ]
    kind = "media" if media and not words else "captioned" if media else "plain"
    return (
        f'<article id="m{first.id}" class="{side}"><div class="bubble {kind}">{"".join(parts)}</div>'
        f"{_buttons(first.buttons)}</article>\n"
    )


def _album(media: list[Shown]) -> str:
    rows, waiting = [], iter(media)
    for row in mosaic([item.ratio for item in media]):
        tiles = "".join(_tile(item, ratio) for ratio, item in zip(row, waiting, strict=False))
        rows.append(f'<div class="row" style="aspect-ratio:{sum(row):.4f}">{tiles}</div>')
    tall = " tall" if len(media) == 1 and media[0].ratio < 0.8 else ""
    return f'<div class="album{tall}">{"".join(rows)}</div>'


def _tile(item: Shown, ratio: float) -> str:
    message = item.message
    name = escape(message.name or message.caption)
    size = f"{message.width or 0} × {message.height or 0}"
    opening = (
        f'<a class="tile {message.kind}" style="flex:{ratio * 100:.0f} 1 0" href="{item.file}"'
        f' data-title="{name}" title="{" · ".join(part for part in (name, size) if part)}"'
        f' aria-label="{_spoken(message)}">'
    )
    if message.kind == "photo":
        return f'{opening}<img src="{item.file}" alt="{name}"></a>'
    poster = f' poster="{item.thumb}"' if item.thumb else ""
    return (
        f'{opening}<video src="{item.file}"{poster} preload="none" playsinline muted'
        ' aria-hidden="true" tabindex="-1"></video>'
        f'<span class="play"></span><span class="length">{_length(message.duration)}</span></a>'
    )


def _spoken(message: StoredMessage) -> str:
    """What a screen reader says of a picture or video."""
    kind = "Photo" if message.kind == "photo" else f"Video of {_length(message.duration)}"
    name = escape(message.name or message.caption.partition("\n")[0])
    return f"{kind}: {name}" if name else kind


def _file_row(item: Shown) -> str:
    message = item.message
    kind = Path(message.name).suffix.lstrip(".")[:4] or "file"
    name = escape(message.name or "file")
    return (
        f'<a class="file" href="{item.file}" download="{name}"><span class="badge">{escape(kind)}</span>'
        f"<span><b>{name}</b><small>{_bytes(message.size)}</small></span></a>"
    )


def _quote(of: Shown | None) -> str:
    if of is None:
        return ""
    words = of.message.name or of.message.text or of.message.caption
    return f'<a class="quote" href="#m{of.message.id}">{escape(words.partition(chr(10))[0])}</a>'


def _buttons(rows: Sequence[Sequence[str]]) -> str:
    """Inline buttons; they were for the time of the chat, so they do nothing here."""
    return "".join(
        f'<div class="buttons">{"".join(f"<span>{escape(label)}</span>" for label in row)}</div>'
        for row in rows
    )


def _edited(message: StoredMessage) -> str:
    return "edited " if message.edited else ""


def _clock(date: float) -> str:
    return f"{datetime.fromtimestamp(date):%H:%M}"


def _length(seconds: float | None) -> str:
    whole = round(seconds or 0)
    return f"{whole // 60}:{whole % 60:02}"


def _bytes(size: int) -> str:
    value = float(size)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
