"""The page. Text from elsewhere is escaped; nothing comes from another place than this server."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from html import escape

from utils.owner.sight import ConversionView, JobView, Kept, Sight
from utils.owner.watch import Said, Watch

STYLE = """
:root { color-scheme: light dark; --line: #8886; --bar: #2a7; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --bad: #ffb4ab; } }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 64rem; margin: 0 auto; padding: 0 1rem 2rem; }
h1 { font-size: 1.4rem; margin: 1rem 0 .5rem; } h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
ul { list-style: none; padding: 0; margin: 0; }
li { border-bottom: 1px solid var(--line); padding: .5rem 0; overflow-wrap: anywhere; white-space: pre-line; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .5rem; margin: 0; }
dl div { border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .75rem; }
dt { font-size: .85rem; } dd { margin: 0; font-size: 1.2rem; font-variant-numeric: tabular-nums; }
progress { width: 100%; height: .75rem; accent-color: var(--bar); }
button { font: inherit; min-height: 2.75rem; padding: .25rem 1rem; border-radius: .5rem; cursor: pointer; }
:focus-visible { outline: 3px solid Highlight; outline-offset: 2px; }
.bad { color: var(--bad); } time { font-variant-numeric: tabular-nums; }
form { margin: .5rem 0 0; }
"""
#: Renews what is shown, but not while somebody is on a button that would be gone.
SCRIPT = """
const main = document.querySelector("main");
async function renew() {
  if (document.hidden || main.contains(document.activeElement)) return;
  try {
    const answer = await fetch("part", {credentials: "same-origin"});
    if (answer.ok) main.innerHTML = await answer.text();
    document.body.classList.toggle("away", !answer.ok);
  } catch { document.querySelector("h1").textContent = "The bot does not answer"; }
}
setInterval(renew, 2000);
"""


def page(sight: Sight, watch: Watch, token: str) -> str:
    """The whole page; ``token`` goes with whatever is done from it."""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Archive bot</title><link rel="icon" href="data:,"><link rel="stylesheet" href="style.css"></head>
<body><h1>Archive bot</h1><main>{part(sight, watch, token)}</main><script src="page.js"></script></body>
</html>
"""


def part(sight: Sight, watch: Watch, token: str) -> str:
    """What changes."""
    state = f'<p role="status" class="bad">🔌 Telegram cannot be reached: {escape(sight.trouble)}</p>'
    if not sight.trouble:
        state = '<p role="status">✅ Connected to Telegram</p>'
    return "".join(
        (
            state,
            _figures(sight, watch),
            _section("Archives under way", (_job(job, token) for job in sight.jobs), "Nothing to do."),
            _section("Conversions", map(_conversion, sight.conversions), "None."),
            _act("go-on" if sight.paused else "pause", "", _PAUSE[sight.paused], token),
            _section(
                "Quarantine",
                (
                    f"<li><b>{escape(kept.name)}</b> ({_kept(kept)})\n{escape(kept.reason)}</li>"
                    for kept in sight.quarantine
                ),
                "Empty.",
            ),
            _section("Warnings in the log", map(_said, reversed(watch.warnings)), "None since the start."),
        )
    )


def _kept(kept: Kept) -> str:
    size = _size(kept.size)
    return size if kept.days is None else f"{size}, goes in {max(1, round(kept.days))} d"


_PAUSE = {False: "Pause conversions", True: "Go on with conversions"}


def _figures(sight: Sight, watch: Watch) -> str:
    disk = sight.disk
    shown = (
        ("Free disk", f"{_size(disk.free)} of {_size(disk.total)}", disk.fills_up),
        ("Sent", _size(sight.sent), False),
        ("Fetched", _size(sight.received), False),
        ("Converted", f"{watch.counts['completed']} of {watch.counts['deferred']} deferred", False),
        ("Success", _share(watch.success), watch.keeps_failing),
        ("Average time", "–" if watch.average is None else f"{watch.average:.0f} s", False),
        ("Recovered", _share(watch.recovery), False),
    )
    cells = "".join(
        f"<div><dt>{name}</dt><dd{' class=bad' if bad else ''}>{value}</dd></div>"
        for name, value, bad in shown
    )
    return f"<dl>{cells}</dl>"


def _section(title: str, items: Iterable[str], nothing: str) -> str:
    listed: Sequence[str] = tuple(items)
    body = f"<ul>{''.join(listed)}</ul>" if listed else f"<p>{nothing}</p>"
    return f"<section><h2>{title}</h2>{body}</section>"


def _job(job: JobView, token: str) -> str:
    cancel = _act("cancel", str(job.chat), f"Cancel what chat {job.chat} sent", token)
    return f"<li>{escape(job.status)}{cancel}</li>"


def _conversion(one: ConversionView) -> str:
    name = escape(one.name, quote=True)
    state = f"{one.percent:.0f} %" if one.runs else f"waits, {one.percent:.0f} % done"
    return (
        f'<li>{name} <span>({state})</span><progress aria-label="{name}" max="100" value="{one.percent:.0f}">'
        "</progress></li>"
    )


def _said(said: Said) -> str:
    when = time.strftime("%d %b %H:%M:%S", time.localtime(said.when))
    return f"<li><time>{when}</time> {escape(said.level)}: {escape(said.words)}</li>"


def _act(act: str, value: str, label: str, token: str) -> str:
    return (
        f'<form method="post" action="{act}"><input type="hidden" name="token" value="{escape(token)}">'
        f'<input type="hidden" name="value" value="{escape(value)}"><button>{escape(label)}</button></form>'
    )


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _size(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
