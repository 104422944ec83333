"""The settings as texts: the example file, and the tables of docs/settings.md."""

from __future__ import annotations

from utils.constants import SECRETS_NAME, SETTINGS
from utils.owner.reloading import AT_START


def example_text() -> str:
    """The content of ``secrets.properties.example``."""
    lines = [
        f"# Copy this file to {SECRETS_NAME} and fill in what is under Telegram.",
        "# Lines that begin with # are comments; each setting shows its default.",
    ]
    group = ""
    for info in SETTINGS:
        if info.group != group:
            group = info.group
            lines += ["", f"# ---- {group} ----"]
        value = ",".join(info.default) if isinstance(info.default, tuple) else info.default
        shown = "" if info.required else value
        lines += ["", f"# {info.meaning}", f"{'' if info.required else '#'}{info.name}={shown}"]
    return "\n".join(lines) + "\n"


def settings_table() -> str:
    """The settings as the Markdown tables of docs/settings.md, one for each group."""
    lines: list[str] = []
    group = ""
    for info in SETTINGS:
        if info.group != group:
            group = info.group
            lines += [
                "",
                f"**{group}**",
                "",
                "| setting | default | meaning | in force |",
                "|---|---|---|---|",
            ]
        value = ",".join(info.default) if isinstance(info.default, tuple) else str(info.default)
        shown = "*required*" if info.required else f"`{value}`" if value else "*empty*"
        force = "after a restart" if info.name in AT_START else "from the next"
        lines.append(f"| `{info.name}` | {shown} | {info.meaning} | {force} |")
    return "\n".join(lines[1:]) + "\n"
