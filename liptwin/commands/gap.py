"""`liptwin gap`: how far twin and hardware differ, from the log of a deployment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liptwin import gl
from liptwin.errors import CommandError
from liptwin.files import check_can_write, replacing
from liptwin.replays import (
    BusOption,
    CalibrationOption,
    CommandedArgument,
    MeasuredArgument,
    Replay,
    load_replay,
    write_plot,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sim.servo_table import ServoTable
    from sim2real.identification import Gap, GapFigures


def gap(
    commanded: CommandedArgument,
    measured: MeasuredArgument,
    bus: BusOption = "lx16a",
    calibration: CalibrationOption = None,
    servos: Annotated[
        Path | None,
        typer.Option(help="Servo table of the twin, instead of the face model's own."),
    ] = None,
    identified: Annotated[
        Path | None, typer.Option(help="Another servo table, of `liptwin identify`, to compare.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw measured and simulated shafts here, .png.")
    ] = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write all figures here, .json.")
    ] = None,
) -> None:
    """Say how far the hardware is from the twin, servo by servo.

    Replays what was commanded in the twin and compares with what was measured: root mean square,
    95th percentile and most, in degrees of the shaft and in hundredths of its range, and by how
    much the hardware is later than the twin.

    Examples:

      liptwin gap run.commanded.csv run.readings.csv

      liptwin gap run.commanded.csv run.readings.csv --identified servos.yaml --plot gap.png
    """
    if plot is not None:
        check_can_write(plot, ".png")
    if as_json is not None:
        check_can_write(as_json, ".json")
    gl.prepare(rendering=False)
    from sim.servo_table import ServoTableError, load_servo_table

    replay = load_replay(commanded, measured, bus, calibration, servos)
    tables = {"twin": replay.table}
    if identified is not None:
        try:
            tables["identified"] = load_servo_table(identified)
        except ServoTableError as error:
            raise CommandError(str(error)) from error
    gaps = _gaps(replay, tables)
    _show(gaps)
    if as_json is not None:
        content = {name: found.to_json() for name, found in gaps.items()}
        with replacing(as_json) as partial:
            partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        typer.echo(f"wrote {as_json}")
    if plot is not None:
        write_plot(plot, gaps)


def _gaps(replay: Replay, tables: Mapping[str, ServoTable]) -> dict[str, Gap]:
    from liptwin.progress import tracked
    from sim2real.identification import gap_of

    try:
        return {
            name: gap_of(replay.log, table, replay.calibration)
            for name, table in tracked(tables.items(), len(tables), "simulating")
        }
    except FloatingPointError as error:
        raise CommandError(f"{error}; check the servo table", exit_status=1) from error


def _show(gaps: Mapping[str, Gap]) -> None:
    from rich.console import Console
    from rich.table import Table

    from sim.dof import DOF_NAMES

    table = Table(box=None, pad_edge=False)
    table.add_column("servo", no_wrap=True)
    for name in gaps:
        for column in ("rms", "95 %", "most, deg", "rms", "95 %", "most, %", "lag, ms"):
            table.add_column(column, justify="right", no_wrap=True)
        table.columns[-7].header = f"{name}: rms"
    for dof, servo in enumerate(DOF_NAMES):
        table.add_row(servo, *(cell for found in gaps.values() for cell in _row(found, dof)))
    Console(highlight=False).print(table)


def _row(found: Gap, dof: int) -> list[str]:
    figures: GapFigures | None = found.figures[dof]
    if figures is None:
        return ["no answers", *[""] * 6]
    degrees = (figures.rms_deg, figures.p95_deg, figures.worst_deg)
    shares = (figures.rms, figures.p95, figures.worst)
    lag = "-" if figures.lag_ms is None else f"{figures.lag_ms:+.0f}"
    return [*(f"{v:.2f}" for v in degrees), *(f"{100 * v:.2f}" for v in shares), lag]
