"""A control loop's beat: absolute deadlines, met by sleeping and a short spin."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

RATE_RANGE_HZ = (10.0, 400.0)
"""Control rates that make sense: from slower than film to what a serial bus carries."""

SPIN_S = 0.0002
"""The last of a wait is spent looking at the clock: Linux wakes a sleeper 0.05 to 0.15 ms late."""

SWITCH_S = 0.0005
"""How long a busy thread, such as the twin's in a dry run, may keep the loop waiting; Python's own
5 ms would be a quarter of a period."""


@dataclass(frozen=True)
class Timer:
    """Where time comes from: the machine, unless a test brings its own.

    Attributes:
        now: seconds on a clock that never goes back.
        sleep: waits for seconds.
    """

    now: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], None] = time.sleep

    def wait_until(self, deadline_s: float) -> float:
        """Wait for a time; returns the time it is then. Late is at once."""
        while (left := deadline_s - self.now()) > SPIN_S:
            self.sleep(left - SPIN_S)
        while (woke_s := self.now()) < deadline_s:
            pass
        return woke_s


@dataclass(frozen=True)
class Beat:
    """One period of a loop.

    Attributes:
        deadline_s: when it was due, on the timer's clock.
        woke_s: when it came.
        lost: periods that were left out before it because the one before took too long.
    """

    deadline_s: float
    woke_s: float
    lost: int

    @property
    def lateness_s(self) -> float:
        """How much too late it came."""
        return self.woke_s - self.deadline_s


def beats(rate_hz: float, timer: Timer) -> Iterator[Beat]:
    """Beats without end, the first one now. Deadlines lie on one grid, so nothing drifts; a period
    that is missed is left out, never made up for by two commands in a hurry."""
    period_s = 1.0 / rate_hz
    start_s = timer.now()
    index = 0
    yield Beat(start_s, start_s, 0)
    while True:
        index += 1
        lost = max(0, int((timer.now() - start_s) * rate_hz) - index)
        index += lost
        deadline_s = start_s + index * period_s
        yield Beat(deadline_s, timer.wait_until(deadline_s), lost)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep Python from pausing a loop: no garbage collection (a full one takes 0.1 to 0.2 s
    with the twin loaded, and playback makes no garbage worth it), and other threads give way
    after `SWITCH_S`."""
    was_enabled, switch_s = gc.isenabled(), sys.getswitchinterval()
    gc.collect()
    gc.freeze()
    gc.disable()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(switch_s)
        gc.unfreeze()
        if was_enabled:
            gc.enable()
