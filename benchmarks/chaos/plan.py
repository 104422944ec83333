"""What one round is to be: its archive and its faults, all drawn from one seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

#: Faults of one round, and how likely each number of them is.
COUNTS = {0: 1, 1: 3, 2: 5, 3: 6, 4: 5, 5: 3, 7: 2}
#: Seconds after the archive was sent within which a fault comes that waits for no request.
LATEST = 4.0

#: Requests of the bot that something can happen at.
READS = ("upload.getFile", "messages.getMessages")
UPLOADS = ("upload.saveFilePart", "messages.uploadMedia")
SENDS = ("messages.sendMultiMedia", "messages.sendMedia", "messages.sendMessage")
REQUESTS = (*READS, *UPLOADS, *SENDS, *SENDS, "messages.editMessage")


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    It comes ``at`` so many seconds after the archive was sent or, where a ``request`` is named, at the bot's
    ``nth`` one of that name; ``after`` says that the server has acted on it by then. ``amount`` is what
    the kind needs: seconds, bytes a second, a share, a number.
    """

    kind: str
    at: float = 0.0
    request: str = ""
    nth: int = 0
    after: bool = False
    amount: float = 0.0

    def __str__(self) -> str:
        when = f"{self.request} {self.nth}{'+' if self.after else ''}" if self.request else f"{self.at:.2f} s"
        return f"{self.kind}({self.amount:.2f}) at {when}"


@dataclass(frozen=True)
class Plan:
    """One round: an archive of this ``form`` in ``pieces`` volumes, the bot's ``settings``, the faults."""

    seed: int
    number: int
    form: str
    pieces: int
    password: bool
    folders: Sequence[Mapping[str, int]]
    settings: Mapping[str, str]
    faults: tuple[Fault, ...]
    chosen: tuple[int, ...] | None = None

    def only(self, chosen: Sequence[int]) -> Plan:
        """The same with no other faults than those of these places."""
        return replace(self, faults=tuple(self.faults[n] for n in chosen), chosen=tuple(chosen))

    def has(self, *kinds: str) -> bool:
        """Whether a fault of one of these ``kinds`` is in it."""
        return any(fault.kind in kinds for fault in self.faults)

    @property
    def replay(self) -> str:
        """The command that does this round again."""
        some = "" if self.chosen is None else f" --faults {','.join(map(str, self.chosen)) or 'none'}"
        return f"python -m benchmarks chaos --seed {self.seed} --only {self.number}{some}"

    def __str__(self) -> str:
        sizes = "; ".join(
            ", ".join(f"{count} {kind}" for kind, count in folder.items()) for folder in self.folders
        )
        volumes = f" in {self.pieces} volumes" if self.pieces > 1 else ""
        settings = "".join(f" {name}={value}" for name, value in self.settings.items())
        faults = "".join(f"\n    {fault}" for fault in self.faults)
        locked = " with a password" if self.password else ""
        return f"{self.form}{locked}{volumes} ({sizes}){settings}{faults}"


Dice = random.Random


def _timed(dice: Dice, kind: str, amount: float = 0.0) -> Fault:
    """At an instant, or at a request: most of a bot's time is spent elsewhere than before an answer."""
    if dice.random() < 0.5:
        return Fault(kind, at=dice.uniform(0.0, LATEST), amount=amount)
    return _called(dice, kind, REQUESTS, amount)


def _called(dice: Dice, kind: str, requests: Sequence[str], amount: float = 0.0) -> Fault:
    request = dice.choice(requests)
    most = 12 if request in UPLOADS else 4
    return Fault(kind, request=request, nth=dice.randint(1, most), after=dice.random() < 0.5, amount=amount)


#: How likely each kind of fault is, and how one is drawn.
KINDS: Mapping[str, tuple[int, Callable[[Dice, str], Fault]]] = {
    # The bot's process and its machine.
    "kill": (6, _timed),
    "power": (4, lambda dice, kind: _timed(dice, kind, dice.random())),
    "stop": (2, _timed),
    "freeze": (2, lambda dice, kind: _timed(dice, kind, dice.uniform(0.2, 2.0))),
    "clock": (2, lambda dice, kind: _timed(dice, kind, dice.choice((-7200, -400, -20, 20, 400, 7200)))),
    "child": (3, lambda dice, kind: Fault(kind, at=dice.uniform(0.0, LATEST))),
    "full": (2, lambda dice, kind: _timed(dice, kind, dice.uniform(0.2, 2.0))),
    # The line.
    "slow": (3, lambda dice, kind: Fault(kind, amount=dice.choice((0.03, 0.1, 0.3)))),
    "narrow": (2, lambda dice, kind: Fault(kind, amount=dice.choice((50_000, 200_000)))),
    "cut": (3, _timed),
    "away": (2, lambda dice, kind: _timed(dice, kind, dice.uniform(0.1, 2.0))),
    "bytes": (2, lambda dice, kind: Fault(kind, amount=dice.randint(1, 200_000))),
    "-429": (2, lambda dice, kind: _timed(dice, kind, dice.randint(1, 4))),
    "silent": (2, lambda dice, kind: _timed(dice, kind, dice.uniform(0.2, 2.0))),
    # The server.
    "trouble": (2, lambda dice, kind: Fault(kind, dice.uniform(0.0, LATEST), amount=dice.uniform(0.2, 2.0))),
    # In the middle of its work: with the log-in goes the bot's place among the updates.
    "revoke": (1, lambda dice, kind: _called(dice, kind, (*UPLOADS, *SENDS))),
    "duplicate key": (1, lambda dice, kind: _called(dice, kind, (*UPLOADS, *SENDS))),
    "move": (1, lambda dice, kind: _called(dice, kind, (*UPLOADS, *SENDS))),
    "restart": (2, _timed),
    "salts": (1, _timed),
    "expire": (2, _timed),
    "parts": (1, lambda dice, kind: Fault(kind, at=dice.uniform(0.0, 1.5))),
    "part": (2, lambda dice, kind: Fault(kind, amount=dice.randrange(1, 1024))),
    "torn": (2, lambda dice, kind: Fault(kind, amount=dice.randrange(10))),
    "once": (1, lambda dice, kind: Fault(kind)),
    "short answers": (1, lambda dice, kind: Fault(kind)),
    "strict replies": (1, lambda dice, kind: Fault(kind)),
    # The chat.
    "delete": (1, _timed),
    "delete status": (1, _timed),
    # One request.
    "flood": (4, lambda dice, kind: _called(dice, kind, REQUESTS, dice.randint(1, 3))),
    "error": (3, lambda dice, kind: _called(dice, kind, REQUESTS, dice.randint(1, 3))),
    "lose": (4, lambda dice, kind: _called(dice, kind, REQUESTS)),
    "drop": (3, lambda dice, kind: _called(dice, kind, REQUESTS)),
    "hold": (3, lambda dice, kind: _called(dice, kind, REQUESTS, dice.uniform(0.1, 2.0))),
    "hold and cut": (3, lambda dice, kind: _called(dice, kind, SENDS, dice.uniform(0.1, 3.0))),
    "lost call": (3, lambda dice, kind: _called(dice, kind, REQUESTS, dice.uniform(0.1, 1.0))),
    "refuse": (2, lambda dice, kind: Fault(kind, amount=dice.randrange(1000))),
}

#: Each of these is for a whole round.
ONCE = ("slow", "narrow", "refuse", "once", "short answers", "strict replies", "delete", "delete status")
#: Of these a round has one: the account has one log-in, and one data centre.
LOG_INS = ("revoke", "duplicate key", "move")
#: With these the bot dies.
DEATHS = ("kill", "power")


def draw(seed: int, number: int) -> Plan:
    """The round of that ``number``; the same each time."""
    dice = random.Random(f"chaos {seed} {number}")  # noqa: S311
    form = dice.choice(("zip", "zip", "zip", "tar", "tar.gz", "7z"))
    many = dice.choices(list(COUNTS), list(COUNTS.values()))[0]
    kinds = dice.choices(list(KINDS), [weight for weight, _ in KINDS.values()], k=many)
    kinds = [kind for place, kind in enumerate(kinds) if kind not in ONCE or kind not in kinds[:place]]
    first = next((place for place, kind in enumerate(kinds) if kind in LOG_INS), many)
    kinds = [kind for place, kind in enumerate(kinds) if place <= first or kind not in LOG_INS]
    # A step in which the bot died three times is passed over, as it should be.
    deaths = [place for place, kind in enumerate(kinds) if kind in DEATHS]
    kinds = [kind for place, kind in enumerate(kinds) if place not in deaths[2:]]
    # Of a set in several messages, what comes after one was deleted is another set.
    whole = "delete" in kinds
    folders = [_folder(dice) for _ in range(dice.choice((1, 1, 2, 3)))]
    return Plan(
        seed=seed,
        number=number,
        form=form,
        pieces=dice.choice((2, 3)) if form in ("zip", "7z") and dice.random() < 0.15 and not whole else 1,
        password=form == "7z" and dice.random() < 0.3,
        folders=folders,
        settings=_settings(dice),
        faults=tuple(KINDS[kind][1](dice, kind) for kind in kinds),
    )


def _folder(dice: Dice) -> dict[str, int]:
    """How many of each kind of file are in one folder."""
    found = {"photo": dice.choice((1, 2, 3, 5, 8, 10, 11, 13))}
    for kind, likely, most in (
        ("webp", 0.3, 2),
        ("ready", 0.5, 3),
        ("convert", 0.35, 1),
        ("cut photo", 0.1, 1),
        ("cut video", 0.1, 1),
        ("no photo", 0.1, 1),
        ("other", 0.4, 2),
        ("system", 0.1, 1),
    ):
        if dice.random() < likely:
            found[kind] = dice.randint(1, most)
    return found


def _settings(dice: Dice) -> dict[str, str]:
    found: dict[str, str] = {}
    if dice.random() < 0.15:
        found["SPOOL_LIMIT_MB"] = "0"
    if dice.random() < 0.2:
        found["DEFERRED_VIDEO_CONVERSION"] = "False"
    if dice.random() < 0.3:
        found["TRANSFER_CONNECTIONS"] = "1"
    return found
