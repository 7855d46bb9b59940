"""The nearest trajectory that servos can follow, for every command that is asked to `--fix` one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from liptwin.checking import checked
from liptwin.errors import CommandError
from liptwin.options import Skin

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from sim import FaceTwin
    from sim2real.trajectory import Trajectory
    from sim2real.validation import Limits, Repair, Report


def mended(trajectory: Trajectory, report: Report, twin: FaceTwin, limits: Limits) -> Repair:
    """The nearest trajectory that passes the checks of which `report` tells.

    Raises:
        CommandError: none was found.
    """
    from liptwin.progress import tracked
    from sim2real.validation import RepairError, repair

    try:
        return repair(trajectory, report, twin, limits, tracked)
    except (RepairError, FloatingPointError) as error:
        raise CommandError(f"--fix: {error}", exit_status=1) from error


def mended_commands(
    commands: npt.NDArray[np.float64], fps: float, skin: Skin
) -> npt.NDArray[np.float64]:
    """The nearest commands (n, 10) that pass `liptwin validate` at `fps` rows per second.

    Raises:
        CommandError: there are none, or the simulation diverged.
    """
    from envs.speech import frame_times
    from sim import FaceTwin
    from sim2real.trajectory import Trajectory
    from sim2real.validation import load_limits

    twin, limits = FaceTwin(skin), load_limits()
    trajectory = Trajectory(frame_times(len(commands), fps), commands)
    report = checked(trajectory, None, twin, limits)
    found = mended(trajectory, report, twin, limits)
    failed = ", ".join(check.name for check in report.failures)
    kept = found.closures
    typer.echo(
        f"fixed {failed}: {kept.kept} of {kept.total} closures kept"
        if failed
        else "nothing to fix: servos can follow it as it is"
    )
    return found.trajectory.commands
