"""Step the twin through a run of commands, one video frame at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from sim.measurements import LipMeasurements


class Steppable(Protocol):
    """What a roll-out needs of `sim.FaceTwin`."""

    def step(self, commands: npt.NDArray[np.float64], duration_s: float) -> None:
        """Hold commands (10,) for a while."""


class Measurable(Protocol):
    """A face whose lips can be measured."""

    def measure(self) -> LipMeasurements:
        """What the lips do now."""


@dataclass(frozen=True)
class MeasuredFrame:
    """What the lips do at one video frame."""

    time_s: float
    measurements: LipMeasurements


def roll_out(twin: Steppable, commands: npt.NDArray[np.float64], fps: float) -> Iterator[float]:
    """Yield the time of every video frame of the face following `commands`, from the twin's
    present state.

    Frame k shows the face at k/fps seconds, so frame 0 is the state before any command; while the
    caller holds frame k, the twin is in that state and can be rendered or measured. The servos' lag
    is part of the result: nothing is sent early to hide it.

    Args:
        twin: the twin, reset.
        commands: (n, 10), in [0, 1]; row k is held from k/fps to (k + 1)/fps.
        fps: video frames per second.

    Raises:
        ValueError: the twin refuses a command (not a number, out of range, wrong shape).
        FloatingPointError: the simulation diverged.
    """
    for index, command in enumerate(commands):
        yield index / fps
        twin.step(command, 1.0 / fps)


def measured(face: Measurable, times_s: Iterable[float]) -> Iterator[MeasuredFrame]:
    """What the lips of a face do at each of the frames that it goes through."""
    for time_s in times_s:
        yield MeasuredFrame(time_s, face.measure())
