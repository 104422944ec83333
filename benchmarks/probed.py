"""The bot with a clock beside it: ``python -m benchmarks.probed FILE …`` runs it as it is.

When it ends, FILE holds how late its event loop was, as JSON: 99.9th percentile and worst in milliseconds,
and of that (``own``) what the loop's own thread computed meanwhile, as on a busy machine others have the
processor. Beside it, FILE.stacks says what the loop's thread was at each time that it was later than
``_MUCH``, the most frequent first.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import runpy
import sys
import threading
import time
import traceback
from array import array
from collections import Counter
from pathlib import Path

from utils.constants import ROOT

_EACH = 0.01
#: Seconds of delay from which on it is noted what is done, and between two looks at that.
_MUCH, _LOOK = 0.03, 0.005
_FRAMES = 14


class Probe:
    """Asks to be called every ten milliseconds, and notes how late that is."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due = self._used = 0.0
        self.stacks = Counter[str]()
        self.late = array("d")
        self.own = array("d")
        loop.call_soon(self._begin)

    def watch(self) -> None:
        """Note where the thread of the loop is whenever that is late; for a thread of its own."""
        noted = 0.0
        while True:
            time.sleep(_LOOK)
            due = self._due
            if due and due != noted and time.perf_counter() - due > _MUCH:
                noted = due
                frame = sys._current_frames().get(threading.main_thread().ident or 0)
                self.stacks["".join(traceback.format_stack(frame)[-_FRAMES:])] += 1

    def _begin(self) -> None:
        self._due, self._used = time.perf_counter() + _EACH, time.thread_time()
        self._loop.call_later(_EACH, self._tick)

    def _tick(self) -> None:
        late = max(0.0, time.perf_counter() - self._due)
        self.late.append(late)
        self.own.append(min(late, time.thread_time() - self._used))
        self._begin()


class _Policy(asyncio.DefaultEventLoopPolicy):
    """Each loop gets a probe."""

    def __init__(self) -> None:
        super().__init__()
        self.probes: list[Probe] = []

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()
        self.probes.append(probe := Probe(loop))
        threading.Thread(target=probe.watch, daemon=True).start()
        return loop


def _figures(delays: array[float]) -> dict[str, float]:
    ordered = sorted(delays) or [0.0]
    return {"p999": 1000 * ordered[int(0.999 * (len(ordered) - 1))], "worst": 1000 * ordered[-1]}


def delay_words(path: Path) -> str:
    """What stands in the file of a probe, in words. Blocking."""
    told = json.loads(path.read_text())
    return "; ".join(
        f"{what} {told[name]['p999']:.0f} ms (99.9 %), {told[name]['worst']:.0f} ms (worst)"
        for what, name in (("event loop late by", "late"), ("of that computing itself", "own"))
    )


def main() -> None:
    policy = _Policy()
    asyncio.set_event_loop_policy(policy)
    target = Path(sys.argv[1])

    def write() -> None:
        longest = max(policy.probes, key=lambda probe: len(probe.late), default=None)
        if longest is not None:
            target.write_text(json.dumps({"late": _figures(longest.late), "own": _figures(longest.own)}))
            stacks = [f"{count} times:\n{stack}" for stack, count in longest.stacks.most_common()]
            target.with_name(f"{target.name}.stacks").write_text("\n".join(stacks))

    atexit.register(write)
    script = ROOT / "extract-compressed-files.py"
    sys.argv = [str(script), *sys.argv[2:]]
    runpy.run_path(str(script), run_name="__main__")


if __name__ == "__main__":
    main()
