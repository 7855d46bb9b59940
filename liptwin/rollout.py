"""Step the twin through a run of commands, one video frame at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from sim.measurements import LipMeasurements


class Face(Protocol):
    """What a roll-out needs of `sim.FaceTwin`."""

    def measure(self) -> LipMeasurements:
        """What the lips do now."""

    def step(self, commands: npt.NDArray[np.float64], duration_s: float) -> None:
        """Hold commands (10,) for a while."""


@dataclass(frozen=True)
class FaceFrame:
    """What the lips do at one video frame."""

    index: int
    time_s: float
    measurements: LipMeasurements


def roll_out(twin: Face, commands: npt.NDArray[np.float64], fps: float) -> Iterator[FaceFrame]:
    """Yield every video frame of the face following `commands`, from the twin's present state.

    Frame k shows the face at k/fps seconds, so frame 0 is the state before any command; while the
    caller holds frame k, the twin is in that state and can be rendered. The servos' lag is part of
    the result: nothing is sent early to hide it.

    Args:
        twin: the twin, reset.
        commands: (n, 10), in [0, 1]; row k is held from k/fps to (k + 1)/fps.
        fps: video frames per second.

    Raises:
        ValueError: the twin refuses a command (not a number, out of range, wrong shape).
        FloatingPointError: the simulation diverged.
    """
    for index, command in enumerate(commands):
        yield FaceFrame(index, index / fps, twin.measure())
        twin.step(command, 1.0 / fps)
