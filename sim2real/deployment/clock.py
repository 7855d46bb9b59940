"""Clocks that a playback follows: what time it is in the trajectory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class MediaClock(Protocol):
    """The time that is being heard or shown now."""

    def start(self) -> None:
        """Begin; what is at time 0 is heard as soon as the device can."""

    def time_s(self) -> float:
        """Seconds of the trajectory; negative until time 0 is heard, and never going back.

        Raises:
            ClockError: the device that keeps this time has stopped.
        """

    def stop(self) -> None:
        """End, at once; safe to call again, and without `start`."""

    def notes(self) -> list[str]:
        """What is worth telling afterwards; empty if nothing is."""


class ClockError(RuntimeError):
    """What keeps the time has failed; the message says what and what to do."""


class MonotonicClock:
    """The machine's own clock, for playback without sound."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._start_s = now()

    def start(self) -> None:
        """Begin at 0."""
        self._start_s = self._now()

    def time_s(self) -> float:
        """Seconds since the start."""
        return self._now() - self._start_s

    def stop(self) -> None:
        """Nothing is to be ended."""

    def notes(self) -> list[str]:
        """Nothing."""
        return []
