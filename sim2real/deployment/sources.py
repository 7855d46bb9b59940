"""Where a deployment's commands come from."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sim2real.trajectory import Trajectory

Floats = NDArray[np.float64]


class CommandSource(Protocol):
    """Commands over time, asked for once a period, times never going back."""

    def first(self) -> Floats:
        """Commands (10,) from which playback starts."""

    def at(self, time_s: float) -> Floats:
        """Commands (10,) at a time.

        Raises:
            StreamError: what comes in is not a trajectory.
        """

    def ended(self, time_s: float) -> bool:
        """Whether there is nothing more to play at that time."""

    def notes(self) -> list[str]:
        """What is worth telling after the playback; empty if nothing is."""


class TrajectorySource:
    """A trajectory, interpolated linearly, its ends held.

    Args:
        trajectory: what to play.
        at_least_s: play on for this long, holding the last command, such as to the end of a sound.
    """

    def __init__(self, trajectory: Trajectory, at_least_s: float = 0.0) -> None:
        self._times_s = trajectory.times_s
        self._commands = trajectory.commands
        self.duration_s = max(trajectory.duration_s, at_least_s)
        """Seconds to play."""

    def first(self) -> Floats:
        """The first row."""
        return self._commands[0]

    def at(self, time_s: float) -> Floats:
        """Commands (10,) at a time."""
        after = int(np.searchsorted(self._times_s, time_s, side="right"))
        if after == 0:
            return self._commands[0]
        if after == len(self._times_s):
            return self._commands[-1]
        start_s, end_s = self._times_s[after - 1 : after + 1]
        share = (time_s - start_s) / (end_s - start_s)
        start, end = self._commands[after - 1 : after + 1]
        blended: Floats = start + share * (end - start)
        return blended

    def ended(self, time_s: float) -> bool:
        """Whether the last row has had its time."""
        return time_s > self.duration_s

    def notes(self) -> list[str]:
        """Nothing: a file is always there in time."""
        return []
