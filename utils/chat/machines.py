"""What the owner is told of the machines that convert as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from utils.cluster.orders import Machine
from utils.texts import tr


class Machines(Protocol):
    """Other machines; ``trouble`` is why there can be none, or ""."""

    @property
    def trouble(self) -> str: ...
    @property
    def machines(self) -> Sequence[Machine]: ...


def words_of(farm: Machines) -> str:
    """A line for each, and what it does."""
    if farm.trouble:
        return tr("🖥️ Other machines cannot be used: {reason}", reason=farm.trouble)
    if not farm.machines:
        return tr("🖥️ No other machine is there to convert.")
    return "\n".join((tr("🖥️ Other machines:"), *map(_line, farm.machines)))


def _line(machine: Machine) -> str:
    if machine.refused:
        return tr("• {name} gets nothing to do: {reason}", name=machine.name, reason=machine.refused)
    name, done, failed = machine.name, machine.done, machine.failed
    if not machine.working:
        return tr(
            "• {name} waits; segments done: {done}, failed: {failed}", name=name, done=done, failed=failed
        )
    film, speed = ", ".join(machine.films), machine.speed
    if not speed:
        return tr(
            "• {name} encodes {film}; segments done: {done}, failed: {failed}",
            name=name,
            film=film,
            done=done,
            failed=failed,
        )
    return tr(
        "• {name} encodes {film}, {speed:.0f} frames a second; segments done: {done}, failed: {failed}",
        name=name,
        film=film,
        speed=speed,
        done=done,
        failed=failed,
    )
