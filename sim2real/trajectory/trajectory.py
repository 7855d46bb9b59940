"""The trajectory type: servo commands over time, checked when made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.dof import DOF_NAMES, N_DOF
from sim2real.trajectory.errors import TrajectoryError
from sim2real.trajectory.metadata import NO_METADATA, Metadata

TIME_COLUMN: Final = "time_s"
COLUMNS: Final[tuple[str, ...]] = (TIME_COLUMN, *DOF_NAMES)
"""What a trajectory is made of, in the order in which it is written."""

MAX_TIME_S: Final = 24 * 3600.0
"""Latest time that is accepted; beyond it the times are most likely not in seconds."""

TIME_TOLERANCE_S: Final = 2e-6
"""Files hold times to a microsecond; a frame is not added, nor a grid doubted, for less."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Commands over time.

    Attributes:
        times_s: (n,) float64 seconds, n >= 1, from 0 up, strictly increasing.
        commands: (n, 10) float64 in [0, 1], columns in the order of `sim.dof.DOF_NAMES`.
        metadata: what is known about it.

    Raises:
        TrajectoryError: anything else, or times that are not on the grid of `metadata.fps`; the
            message names the row, counted from 0.
    """

    times_s: NDArray[np.float64]
    commands: NDArray[np.float64]
    metadata: Metadata = NO_METADATA

    def __post_init__(self) -> None:
        n = len(self.times_s) if self.times_s.ndim == 1 else 0
        if n == 0:
            raise TrajectoryError(
                f"a trajectory needs times of shape (n,), n >= 1, not {self.times_s.shape}"
            )
        if self.commands.shape != (n, N_DOF):
            raise TrajectoryError(
                f"{n} times need commands of shape ({n}, {N_DOF}), not {self.commands.shape}"
            )
        previous_s = np.concatenate([[-np.inf], self.times_s[:-1]])
        in_time = (self.times_s >= 0.0) & (self.times_s <= MAX_TIME_S) & (self.times_s > previous_s)
        if not in_time.all():
            row = int(np.flatnonzero(~in_time)[0])
            before_s = float(self.times_s[row - 1]) if row else None
            problem = time_problem(float(self.times_s[row]), before_s)
            raise TrajectoryError(f"row {row}, {TIME_COLUMN}: {problem}")
        wrong = np.argwhere(~((self.commands >= 0.0) & (self.commands <= 1.0)))
        if len(wrong):
            row, dof = (int(index) for index in wrong[0])
            problem = command_problem(float(self.commands[row, dof]))
            raise TrajectoryError(f"row {row}, {DOF_NAMES[dof]}: {problem}")
        self._check_rate()

    def _check_rate(self) -> None:
        fps = self.metadata.fps
        if fps is None:
            return
        grid_s = self.times_s[0] + np.arange(len(self.times_s)) / fps
        off = np.flatnonzero(np.abs(self.times_s - grid_s) > TIME_TOLERANCE_S)
        if len(off):
            row = int(off[0])
            raise TrajectoryError(
                f"row {row}, {TIME_COLUMN}: {self.times_s[row]:.6f} is not on the grid of {fps:g} "
                f"rows per second that the metadata tells of (expected {grid_s[row]:.6f}); "
                "correct fps, or leave it out"
            )

    @property
    def duration_s(self) -> float:
        """Time of the last row."""
        return float(self.times_s[-1])


def time_problem(time_s: float, previous_s: float | None) -> str | None:
    """What is wrong with the time of a row after that of the row before it, if anything is."""
    if not 0.0 <= time_s <= MAX_TIME_S:
        return f"{time_s} is not a time in seconds from 0 to {MAX_TIME_S:.0f}"
    if previous_s is not None and time_s <= previous_s:
        return f"{time_s} does not come after {previous_s}; times must increase"
    return None


def command_problem(value: float) -> str | None:
    """What is wrong with a command, if anything is."""
    if not 0.0 <= value <= 1.0:
        return f"{value} is not a command in [0, 1]"
    return None
