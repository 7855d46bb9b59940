"""A trajectory in, a report out."""

from __future__ import annotations

from sim.twin import FaceTwin
from sim2real.trajectory import Trajectory
from sim2real.validation import checks
from sim2real.validation.limits import Limits, load_limits, motion_limits
from sim2real.validation.playback import Progress, play, untracked
from sim2real.validation.report import Report


def validate(
    trajectory: Trajectory,
    twin: FaceTwin | None = None,
    limits: Limits | None = None,
    progress: Progress = untracked,
) -> Report:
    """Play a trajectory on the twin and hold it against every limit.

    Args:
        trajectory: What the servos are to do.
        twin: The face, by default the condensed one; its servo table gives the servos' limits.
        limits: What the face as a whole may be asked for, by default `limits.yaml`.
        progress: Told how the simulation goes.

    Raises:
        FloatingPointError: the simulation diverged.
    """
    twin = FaceTwin() if twin is None else twin
    limits = load_limits() if limits is None else limits
    table = twin.servos
    motion = motion_limits(table)
    playback = play(trajectory, twin, progress)
    return Report(
        (
            checks.check_range(trajectory),
            *checks.check_motion(trajectory, table, motion),
            checks.check_torque(playback, table, limits),
            checks.check_temperature(trajectory, playback, table),
            checks.check_current(playback, limits),
            checks.check_tracking(trajectory, playback, motion, limits),
            checks.check_strain(playback, limits),
            checks.check_overlap(playback, limits),
        ),
        playback,
    )
