"""What the farm hands out, to whom, and what became of it. Its word goes to the bot, through ``tell``."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from utils.cluster.orders import Json

log = logging.getLogger(__name__)

#: Failures in a row after which a machine gets nothing more of a conversion.
_MOST_FAILURES = 3
#: Machines that may join and did not come yet.
_TO_COME = 100
#: What is kept of what a machine says.
_LONGEST = 300

Tell = Callable[[Json], None]


class Board(Protocol):
    """Where tasks are put up for machines: see :class:`utils.cluster.scheduling.Scheduling`."""

    def submit(self, key: str, order: Json, machines: list[str]) -> None:
        """Have ``order`` done by one of ``machines``."""

    def release(self, key: str) -> None:
        """It is done with."""


@dataclass
class Hand:
    """A machine that joined, and is there. ``keys`` are those of what it works on."""

    id: str
    name: str
    slots: int
    ffmpeg: str
    here: bool = False
    working: set[str] = field(default_factory=set)
    done: int = 0
    failed: int = 0
    speed: float = 0.0


@dataclass
class Offer:
    """A conversion: its trial, and what each machine made of that ("": the same as the bot)."""

    id: str
    trial: Json
    source: Path
    digest: str
    verdicts: dict[str, str] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)


@dataclass
class Task:
    """Something that machines may do now; its key is known to these only.

    ``piece`` is the bot's number of it. A trial has none, and its result is looked at and thrown away.
    """

    key: str
    offer: Offer
    piece: str
    source: Path
    output: Path
    order: Json
    hands: set[str]
    started: float = 0.0
    frames: int = 0


class Foreman:
    """Knows the machines and what they do. ``folder`` is for what comes in of trials."""

    def __init__(self, board: Board, folder: Path, tell: Tell) -> None:
        self._board = board
        self._folder = folder
        self._tell = tell
        self._hands: dict[str, Hand] = {}
        self._offers: dict[str, Offer] = {}
        self._tasks: dict[str, Task] = {}

    # -- from the bot -------------------------------------------------------------------------------

    def hear(self, said: Json) -> None:
        """One line of the bot's."""
        match said["do"]:
            case "offer":
                offer = Offer(said["offer"], said["trial"], Path(said["source"]), said["digest"])
                self._offers[offer.id] = offer
                for hand in self._hands.values():
                    self._try(hand, offer)
                self._tell_offer(offer)
            case "withdraw":
                self._offers.pop(said["offer"], None)
                for task in self._of(said["offer"]):
                    self._drop(task)
            case "encode":
                self._encode(said)
            case "cancel":
                for task in list(self._tasks.values()):
                    if task.piece == said["piece"]:
                        self._drop(task)
            case "refuse":
                if offer_known := self._offers.get(said["offer"]):
                    self._count_failure(offer_known, said["machine"], said["why"])

    def _encode(self, said: Json) -> None:
        offer = self._offers.get(said["offer"])
        good = set(self._good(offer)) if offer else set()
        hands = good - set(said["without"])
        if offer is None or not hands:
            lost = {"is": "lost", "piece": said["piece"], "machine": "", "untried": not good}
            self._tell({**lost, "why": "no other machine is there"})
            return
        self._put_up(offer, said["piece"], said["order"], hands, Path(said["source"]), Path(said["output"]))

    def _try(self, hand: Hand, offer: Offer) -> None:
        if hand.here and hand.id not in offer.verdicts:
            output = self._folder / f"trial-{secrets.token_hex(8)}"
            self._put_up(offer, "", offer.trial, {hand.id}, offer.source, output)

    def _put_up(
        self, offer: Offer, piece: str, order: Json, hands: set[str], source: Path, output: Path
    ) -> None:
        key = secrets.token_hex(16)
        self._tasks[key] = Task(key, offer, piece, source, output, order, set(hands))
        self._board.submit(key, {**order, "key": key}, sorted(hands))

    # -- from the machines --------------------------------------------------------------------------

    def admit(self, id: str, name: str, slots: int, ffmpeg: str) -> None:
        """A machine may join. Of those that did not come yet, only the last ones are remembered."""
        to_come = [hand.id for hand in self._hands.values() if not hand.here]
        for forgotten in to_come[:-_TO_COME]:
            del self._hands[forgotten]
        self._hands[id] = Hand(id, name, slots, ffmpeg)

    def task(self, key: str, machine: str) -> Task | None:
        """What ``machine`` is to do under this ``key``, if it is."""
        task = self._tasks.get(key)
        if task is None or machine not in task.hands:
            return None
        hand = self._hands[machine]
        if key not in hand.working:
            hand.working.add(key)
            self._tell_machines()
        return task

    def progress(self, task: Task, machine: str, frames: int, seconds: float) -> None:
        """So much of it is encoded."""
        if task.piece:
            said = {"is": "progress", "piece": task.piece, "machine": self._hands[machine].name}
            self._tell({**said, "frames": frames, "seconds": seconds})

    def delivered(self, task: Task, machine: str, speed: float) -> None:
        """Its result lies where it is to be. Blocking for a trial, whose result is small."""
        hand = self._hands[machine]
        if task.piece:
            hand.done += 1
            hand.speed = speed
            task.offer.failures.pop(machine, None)
            self._tell({"is": "done", "piece": task.piece, "machine": machine})
        else:
            same = hashlib.sha256(task.output.read_bytes()).hexdigest() == task.offer.digest
            why = "" if same else f"its ffmpeg ({hand.ffmpeg}) makes other bytes of it than the bot's"
            self._judge(task.offer, machine, why)
        self._drop(task)

    def trouble(self, task: Task, machine: str, why: str) -> None:
        """It could not be done."""
        why = " ".join(why.split())[:_LONGEST]
        if task.piece:
            self._count_failure(task.offer, machine, why)
            named = f"{self._hands[machine].name}: {why}" if machine in self._hands else why
            self._tell({"is": "lost", "piece": task.piece, "machine": machine, "why": named})
        else:
            self._judge(task.offer, machine, f"the trial failed there: {why}")
        self._drop(task)

    # -- from the scheduler -------------------------------------------------------------------------

    def arrived(self, machine: str, address: str) -> None:
        """A machine is there."""
        hand = self._hands.get(machine)
        if hand is None:
            return
        hand.name = self._free_name(hand.name)
        hand.here = True
        self._tell({"is": "arrived", "machine": machine})
        self._tell_machines()
        for offer in self._offers.values():
            self._try(hand, offer)

    def _free_name(self, name: str) -> str:
        """Machines may be called alike: many phones are "localhost"."""
        taken = {hand.name for hand in self._hands.values() if hand.here}
        names = (name, *(f"{name} ({number})" for number in range(2, len(taken) + 2)))
        return next(free for free in names if free not in taken)

    def left(self, machine: str) -> None:
        """It is gone; Dask gives what it had to others, if there are any for it."""
        hand = self._hands.pop(machine, None)
        if hand is None:
            return
        for offer in self._offers.values():
            # Before what it had comes back, which else would be sent here again at once.
            offer.verdicts.pop(machine, None)
            self._tell_offer(offer)
        for task in list(self._tasks.values()):
            task.hands.discard(machine)
            if not task.hands:
                if task.piece:
                    why = f"{hand.name} is gone"
                    self._tell({"is": "lost", "piece": task.piece, "machine": "", "why": why})
                self._drop(task)
        self._tell_machines()

    def ended(self, key: str, trouble: str) -> None:
        """Dask says that a task has ended. One that was delivered is not known any more."""
        task = self._tasks.get(key)
        if task is not None:
            machine = next((hand.id for hand in self._hands.values() if key in hand.working), "")
            machine = machine or next(iter(task.hands))
            self.trouble(task, machine, trouble or "it said that it was done, and sent nothing")

    # -- who may do what ----------------------------------------------------------------------------

    def _good(self, offer: Offer) -> Iterator[str]:
        for hand in self._hands.values():
            few = offer.failures.get(hand.id, 0) < _MOST_FAILURES
            if hand.here and few and offer.verdicts.get(hand.id) == "":
                yield hand.id

    def _judge(self, offer: Offer, machine: str, why: str) -> None:
        offer.verdicts[machine] = why
        self._tell({"is": "judged", "machine": machine, "why": why})
        self._tell_offer(offer)

    def _count_failure(self, offer: Offer, machine: str, why: str) -> None:
        offer.failures[machine] = offer.failures.get(machine, 0) + 1
        if machine in self._hands:
            self._hands[machine].failed += 1
        if offer.failures[machine] == _MOST_FAILURES:
            self._tell({"is": "judged", "machine": machine, "why": f"it failed again and again: {why}"})
        self._tell_machines()
        self._tell_offer(offer)

    def _of(self, offer: str) -> list[Task]:
        return [task for task in self._tasks.values() if task.offer.id == offer]

    def _drop(self, task: Task) -> None:
        """It is done, or not wanted any more."""
        if self._tasks.pop(task.key, None) is None:
            return
        self._board.release(task.key)
        if not task.piece:
            task.output.unlink(missing_ok=True)
        for hand in self._hands.values():
            hand.working.discard(task.key)
        self._tell_machines()

    def _tell_offer(self, offer: Offer) -> None:
        slots = sum(self._hands[machine].slots for machine in self._good(offer))
        self._tell({"is": "slots", "offer": offer.id, "slots": slots})

    def _tell_machines(self) -> None:
        here = [hand for hand in self._hands.values() if hand.here]
        said = [
            {
                "id": hand.id,
                "films": sorted({self._tasks[key].offer.id for key in hand.working if key in self._tasks}),
                "name": hand.name,
                "slots": hand.slots,
                "working": len(hand.working),
                "done": hand.done,
                "failed": hand.failed,
                "speed": round(hand.speed, 1),
            }
            for hand in here
        ]
        self._tell({"is": "machines", "machines": said})
