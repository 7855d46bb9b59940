"""What `liptwin identify` and `liptwin gap` share: the log of a deployment, and its replays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liptwin.errors import CommandError
from liptwin.files import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.servo_table import ServoTable
    from sim2real.calibration import Calibration
    from sim2real.identification import DeploymentLog, Gap

CommandedArgument = Annotated[
    Path,
    typer.Argument(
        metavar="COMMANDED", help="LOG.commanded.csv of `liptwin deploy --log LOG.csv`."
    ),
]
MeasuredArgument = Annotated[
    Path,
    typer.Argument(
        metavar="MEASURED", help="LOG.readings.csv, or LOG.measured.csv, which shows less."
    ),
]
BusOption = Annotated[
    str, typer.Option(help="Protocol of the deployment: lx16a, dynamixel or feetech.")
]
CalibrationOption = Annotated[
    Path | None, typer.Option(help="Calibration of the deployment, if it had one.")
]


@dataclass(frozen=True)
class Replay:
    """A log, and what it was made with."""

    log: DeploymentLog
    calibration: Calibration
    table: ServoTable


def load_replay(
    commanded: Path, measured: Path, bus: str, calibration: Path | None, servos: Path | None
) -> Replay:
    """Read a log, its calibration (the documented mounting without one) and the servo table.

    Raises:
        CommandError: a file cannot be used, or there is no such bus.
    """
    from sim.servo_table import load_servo_table
    from sim2real.buses.registry import profile_of
    from sim2real.calibration import load_calibration, nominal_calibration
    from sim2real.identification import read_log

    try:
        profile = profile_of(bus)
    except ValueError as error:
        raise CommandError(f"--bus: {error}") from error
    try:
        table = load_servo_table(servos)
        if calibration is None:
            known = nominal_calibration(table, profile)
        else:
            known = load_calibration(calibration, table, profile)
        return Replay(read_log(commanded, measured), known, table)
    except ValueError as error:  # every error of these files is one, and names its file
        raise CommandError(str(error)) from error


def write_plot(path: Path, gaps: Mapping[str, Gap]) -> None:
    """Draw twins against the hardware, by name.

    Raises:
        CommandError: the file cannot be written, or matplotlib is missing.
    """
    from sim2real.identification.plot import PlotError, plot_gaps

    try:
        with replacing(path) as partial:
            plot_gaps(partial, gaps)
    except PlotError as error:
        raise CommandError(f"--plot: {error}") from error
    typer.echo(f"wrote {path}")
