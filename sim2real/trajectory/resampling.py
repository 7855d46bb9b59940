"""The same motion at another rate."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from sim2real.trajectory.metadata import check_rate
from sim2real.trajectory.trajectory import TIME_TOLERANCE_S, Trajectory


def resample(trajectory: Trajectory, fps: float) -> Trajectory:
    """The same motion on the frame grid k / fps, from 0 to the first frame at or after its end.

    Before the first row its command holds, after the last row that one does. In between the
    commands are interpolated linearly: that adds no overshoot beyond [0, 1] (as a spline would)
    and no speed that was not in the file (as holding each command would), and it is what a servo
    does that is given a position and the time to reach it.

    Raises:
        TrajectoryError: a frame rate outside `FPS_RANGE`.
    """
    check_rate(fps)
    n_frames = max(0, math.ceil((trajectory.duration_s - TIME_TOLERANCE_S) * fps)) + 1
    times = np.arange(n_frames) / fps
    columns = [np.interp(times, trajectory.times_s, column) for column in trajectory.commands.T]
    metadata = replace(trajectory.metadata, fps=float(fps))
    return Trajectory(times, np.column_stack(columns), metadata)


def advance(trajectory: Trajectory, lead_s: float) -> Trajectory:
    """The same motion earlier by `lead_s` (later where that is negative), at the same rows.

    What would come before the first row is left out, and the last row holds for what is missing;
    the other way round where it comes later.
    """
    due_s = trajectory.times_s + lead_s
    columns = [np.interp(due_s, trajectory.times_s, column) for column in trajectory.commands.T]
    return replace(trajectory, commands=np.column_stack(columns))
