"""The page. Text from elsewhere is escaped; nothing comes from another place than this server."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from utils.owner.history import History
from utils.owner.plots import plots
from utils.owner.sight import ConversionView, JobView, Kept, MachineView, OverView, Sight
from utils.owner.watch import Alert, Said, SentAlbum, Watch
from utils.owner.words import share_words, size_words


@dataclass(frozen=True)
class Seen:
    """What the page shows. ``token`` goes with whatever is done from it."""

    sight: Sight
    watch: Watch
    history: History
    token: str


def page(seen: Seen) -> str:
    """The whole page."""
    state, parts = _state(seen.sight), _parts(seen)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Archive bot</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="style.css"></head>
<body><header><h1>Archive bot</h1>{state}<p id="said" role="status"></p></header><main>{parts}</main>
<script src="page.js"></script></body></html>
"""


def part(seen: Seen) -> str:
    """What changes."""
    return _state(seen.sight) + _parts(seen)


def _state(sight: Sight) -> str:
    if sight.trouble:
        told = f"🔌 Telegram cannot be reached: {escape(sight.trouble)}"
        return f'<p id="state" role="status" class="bad">{told}</p>'
    return '<p id="state" role="status" class="good">Connected to Telegram</p>'


def _parts(seen: Seen) -> str:
    sight, watch, token = seen.sight, seen.watch, seen.token
    paused = _act("go-on" if sight.paused else "pause", "", _PAUSE[sight.paused], token, key="pause")
    conversions = (
        _list(map(_conversion, sight.conversions), "None waits.") + f'<div class="acts">{paused}</div>'
    )
    return "".join(
        (
            _section("figures", "Figures", _figures(seen), wide=True),
            _section("alerts", "What went wrong", _list(map(_alert, reversed(watch.alerts))), wide=True)
            if watch.alerts
            else "",
            _section(
                "jobs",
                "Archives under way",
                _list((_job(job, token) for job in sight.jobs), "Nothing to do."),
            ),
            _section("conversions", "Conversions", conversions),
            _section("machines", "Other machines", _list(map(_machine, sight.machines)))
            if sight.machines
            else "",
            _section("albums", "Sent lately", _list(map(_album, reversed(watch.albums))), wide=True),
            _section("day", "The last day", plots(seen.history), wide=True),
            _section("over", "Done lately", _list(_over(one, token) for one in sight.over)),
            _section("quarantine", "Quarantine", _list(map(_kept, sight.quarantine), "Empty.")),
            _section(
                "warnings", "Warnings in the log", _list(map(_said, reversed(watch.warnings))), wide=True
            ),
        )
    )


def _machine(machine: MachineView) -> str:
    of = f" of {', '.join(machine.films)}" if machine.films else ""
    told = f"{machine.working} of {machine.slots} segments{escape(of)}, {machine.done} done, "
    told += f"{machine.failed} failed"
    speed = f", {machine.speed:.0f} frames a second" if machine.speed else ""
    refused = f" – gets nothing to do: {machine.refused}" if machine.refused else ""
    return f"<li>{escape(machine.name)}: {told}{speed}{escape(refused)}</li>"


_PAUSE = {False: "Pause conversions", True: "Go on with conversions"}


def _section(name: str, title: str, body: str, *, wide: bool = False) -> str:
    kind = ' class="wide"' if wide else ""
    return (
        f'<section id="{name}" aria-labelledby="{name}-title"{kind}>'
        f'<h2 id="{name}-title" tabindex="-1">{title}</h2>{body}</section>'
    )


def _list(items: Iterable[str], nothing: str = "None since the start.") -> str:
    listed: Sequence[str] = tuple(items)
    return f"<ul>{''.join(listed)}</ul>" if listed else f'<p class="faint">{nothing}</p>'


def _figures(seen: Seen) -> str:
    sight, watch = seen.sight, seen.watch
    disk = sight.disk
    shown = (
        ("Free disk", f"{size_words(disk.free)} of {size_words(disk.total)}", disk.fills_up),
        ("Sent", size_words(sight.sent), False),
        ("Fetched", size_words(sight.received), False),
        ("Converted", f"{watch.counts['completed']} of {watch.counts['deferred']} deferred", False),
        ("Success", share_words(watch.success), watch.keeps_failing),
        ("Average time", "–" if watch.average is None else f"{watch.average:.0f} s", False),
        ("Recovered", share_words(watch.recovery), False),
    )
    cells = "".join(
        f"<div><dt>{name}</dt><dd{' class=bad' if bad else ''}>{value}</dd></div>"
        for name, value, bad in shown
    )
    return f"<dl>{cells}</dl>"


def _job(job: JobView, token: str) -> str:
    name = escape(job.name, quote=True)
    act, label = ("resume-job", "Go on") if job.paused else ("pause-job", "Pause")
    acts = _act(act, job.id, label, token, name, "pause-job")
    acts += _act("cancel-job", job.id, "Cancel", token, name)
    told = escape(job.status)
    from_whom = f'<div class="faint">from {escape(job.who)}, {_when(job.since)}</div>'
    return f'<li><div class="told">{told}</div>{from_whom}<div class="acts">{acts}</div></li>'


def _over(one: OverView, token: str) -> str:
    name = escape(one.name, quote=True)
    kind = ' class="bad"' if one.trouble else ' class="faint"'
    told = escape(one.trouble or "All of it was sent.")
    again = _act("retry", one.id, "Do it again", token, name)
    heading = f'{_when(one.when)} <b>{name}</b> <span class="faint">from {escape(one.who)}</span>'
    return f'<li>{heading}<div{kind}>{told}</div><div class="acts">{again}</div></li>'


def _conversion(one: ConversionView) -> str:
    name = escape(one.name, quote=True)
    state = f"{one.percent:.0f} %" if one.runs else f"waits, {one.percent:.0f} % done"
    return (
        f'<li>{name} <span class="faint">({state})</span>'
        f'<progress aria-label="{name}" max="100" value="{one.percent:.0f}"></progress></li>'
    )


def _album(album: SentAlbum) -> str:
    name, count = escape(album.archive, quote=True), len(album.media)
    pictures = "".join(
        f'<li><img src="thumb/{album.number}/{place}" alt="{place + 1} of {count}" loading="lazy" '
        'width="80" height="80"></li>'
        for place in range(count)
    )
    return f'<li>{_when(album.when)} <b>{name}</b><ul class="album" aria-label="{name}">{pictures}</ul></li>'


def _kept(kept: Kept) -> str:
    size = size_words(kept.size)
    left = "" if kept.days is None else f", goes in {max(1, round(kept.days))} d"
    return (
        f'<li><b>{escape(kept.name)}</b> <span class="faint">({size}{left})</span>'
        f'<div class="told">{escape(kept.reason)}</div></li>'
    )


def _said(said: Said) -> str:
    kind = "faint" if said.level == "WARNING" else "bad"
    return (
        f'<li>{_when(said.when)} <span class="{kind}">{escape(said.level)}:</span> {escape(said.words)}</li>'
    )


def _alert(alert: Alert) -> str:
    return f"<li>{_when(alert.when)} {escape(alert.words)}</li>"


def _when(when: float) -> str:
    machine = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))
    return f'<time datetime="{machine}">{time.strftime("%d %b %H:%M", time.localtime(when))}</time>'


def _act(act: str, value: str, label: str, token: str, what: str = "", key: str = "") -> str:
    """A button; ``what``, which is escaped, says to whom only hears it what it is for.

    ``key``: the button that has taken the place of another one has the same.
    """
    of, value = f' aria-label="{label}: {what}"' if what else "", escape(value, quote=True)
    return (
        f'<form method="post" action="{act}" data-key="{key or act} {value}">'
        f'<input type="hidden" name="token" value="{escape(token)}">'
        f'<input type="hidden" name="value" value="{value}"><button{of}>{escape(label)}</button></form>'
    )
