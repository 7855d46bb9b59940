"""`liptwin excite`: commands from which servos can be identified."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liptwin import gl
from liptwin.errors import CommandError
from liptwin.files import check_can_write


def excite(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Trajectory file to write, .csv or .npz.")
    ],
    seconds: Annotated[
        float, typer.Option(min=10.0, max=300.0, help="How long; longer is more precise.")
    ] = 30.0,
    servos: Annotated[
        Path | None, typer.Option(help="Servo table, .yaml, instead of the face model's own.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other moves.")] = 0,
) -> None:
    """Write the commands that `liptwin identify` needs to see.

    Every servo moves to random places at nearly its full speed, waits there for a moment and hops
    to and fro by a few degrees. The trajectory passes `liptwin validate` with the face model's
    servos. It is lively: run it on the mounted face only after speech has run well.

    Examples:

      liptwin excite -o excite.csv

      liptwin deploy excite.csv --port /dev/ttyUSB0 --log run.csv

      liptwin identify run.commanded.csv run.readings.csv -o servos.yaml
    """
    from sim2real.trajectory import SUFFIXES

    suffix = output.suffix.lower()
    check_can_write(output, suffix if suffix in SUFFIXES else SUFFIXES[0])
    gl.prepare(rendering=False)
    from sim.servo_table import ServoTableError, load_servo_table
    from sim2real.identification import excitation
    from sim2real.trajectory import TrajectoryError, write_trajectory

    try:
        write_trajectory(output, excitation(load_servo_table(servos), seconds, seed))
    except ServoTableError as error:
        raise CommandError(str(error)) from error
    except TrajectoryError as error:
        raise CommandError(str(error), exit_status=1) from error
    typer.echo(f"wrote {output}")
