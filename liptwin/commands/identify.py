"""`liptwin identify`: servo parameters from the log of a deployment."""

from __future__ import annotations

import math
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
    from sim2real.identification.fitting import Estimate, Identification

# What a fit usually takes, in simulations of the log; only the progress bar depends on it.
_USUAL_RUNS = 120

_VAGUE_SHARE = 0.1


def identify(
    commanded: CommandedArgument,
    measured: MeasuredArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Servo table to write, .yaml.")],
    bus: BusOption = "lx16a",
    calibration: CalibrationOption = None,
    servos: Annotated[
        Path | None,
        typer.Option(help="Servo table to start from, instead of the face model's own."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write parameters, bounds and correlations here, .html.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw measured and simulated shafts here, .png.")
    ] = None,
) -> None:
    """Find out what your servos really are, from the log of a deployment.

    Fits speed, gain, delay, friction and backlash of every servo that moved, so that the twin moves
    as the hardware did, and writes a servo table in which each of them has its own type. Takes a
    minute or two.

    Examples:

      liptwin excite -o excite.csv

      liptwin deploy excite.csv --port /dev/ttyUSB0 --log run.csv

      liptwin identify run.commanded.csv run.readings.csv -o servos.yaml --plot fit.png

      liptwin gap run.commanded.csv run.readings.csv --identified servos.yaml
    """
    check_can_write(output, ".yaml")
    if report is not None:
        check_can_write(report, ".html")
    if plot is not None:
        check_can_write(plot, ".png")
    gl.prepare(rendering=False)
    replay = load_replay(commanded, measured, bus, calibration, servos)
    found = _fit(replay, f"identified from {commanded.name} and {measured.name}, {bus}")
    _show(found)
    _write_table(output, found, replay, servos)
    if report is not None:
        from sim2real.identification.report import write_report

        with replacing(report) as partial:
            write_report(partial, found)
        typer.echo(f"wrote {report}")
    if plot is not None:
        from sim2real.identification import gap_of

        tables = {"before": replay.table, "identified": found.table}
        gaps = {name: gap_of(replay.log, t, replay.calibration) for name, t in tables.items()}
        write_plot(plot, gaps)


def _fit(replay: Replay, source: str) -> Identification:
    from liptwin.progress import tracked
    from sim2real.identification import IdentificationError
    from sim2real.identification.fitting import identify as fit

    bar = iter(tracked(range(_USUAL_RUNS), _USUAL_RUNS, "simulating"))
    try:
        return fit(replay.log, replay.table, replay.calibration, source, lambda: next(bar, None))
    except IdentificationError as error:
        raise CommandError(str(error)) from error
    except FloatingPointError as error:
        raise CommandError(f"{error}; check --servos", exit_status=1) from error
    finally:
        for _ in bar:  # takes the bar off the screen
            pass


def _show(found: Identification) -> None:
    from rich.console import Console
    from rich.table import Table

    from sim.dof import DOF_NAMES
    from sim2real.identification import QUANTITIES

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("servo", no_wrap=True)
    for quantity in QUANTITIES:
        table.add_column(f"{quantity.name}\n{quantity.unit}", justify="right", no_wrap=True)
    table.add_column("twin off\ndeg rms", justify="right", no_wrap=True)
    for dof, estimates in found.estimates.items():
        table.add_row(
            DOF_NAMES[dof],
            *(_text(estimates[quantity.column]).replace(" ", "\n", 1) for quantity in QUANTITIES),
            f"{found.rms_before_deg[dof]:.2f}\nnow {found.rms_after_deg[dof]:.2f}",
        )
    console = Console(highlight=False)
    console.print(table)
    encoder = found.encoder
    console.print(
        f"readings: {encoder.noise:.2f} counts of noise, last digit off in "
        f"{200 * encoder.flicker:.0f} %, times vague by {1e3 * encoder.clock_s:.1f} ms"
    )
    for dof, reason in found.kept.items():
        console.print(f"{DOF_NAMES[dof]} keeps its values: {reason}", markup=False)
    vague = [
        f"{DOF_NAMES[dof]} {quantity.name}"
        for dof, estimates in found.estimates.items()
        for quantity in QUANTITIES
        if estimates[quantity.column].half_width
        > _VAGUE_SHARE * abs(estimates[quantity.column].value)
    ]
    if vague:
        console.print(
            f"more than 10 % uncertain: {', '.join(vague)}; a longer `liptwin excite` helps",
            markup=False,
        )


def _text(estimate: Estimate) -> str:
    """Value and half-width of its interval."""
    width = "?" if math.isinf(estimate.half_width) else f"{estimate.half_width:.1g}"
    return f"{estimate.value:.4g} ± {width}"


def _write_table(path: Path, found: Identification, replay: Replay, servos: Path | None) -> None:
    from sim.dof import DOF_NAMES
    from sim2real.identification import QUANTITIES, write_servo_table

    remarks = [
        "Servos of the face, identified by `liptwin identify`.",
        f"Started from {servos.name if servos is not None else 'the servo table of the model'}.",
        "Identified columns, with half-widths of their 95 % intervals; the rest is unchanged:",
    ]
    for dof, estimates in found.estimates.items():
        values = (f"{q.column} {_text(estimates[q.column])} {q.unit}" for q in QUANTITIES)
        remarks.append(f"  {DOF_NAMES[dof]}: {', '.join(values)}")
    remarks += [f"  {DOF_NAMES[dof]}: unchanged, {why}" for dof, why in found.kept.items()]
    with replacing(path) as partial:
        write_servo_table(partial, found.table, remarks)
    typer.echo(f"wrote {path}")
