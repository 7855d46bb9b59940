"""`liptwin convert`: trajectories between text, binary, other robots' files and ROS 2."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liptwin.errors import CommandError
from liptwin.files import check_can_write

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sim2real.trajectory import Trajectory

_ROS_SUFFIX = ".yaml"


def convert(
    source: Annotated[
        Path,
        typer.Argument(metavar="FROM", help="Trajectory, .csv or .npz; any file with --columns."),
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="TO", help="What to write: .csv (text), .npz (binary) or .yaml (ROS 2)."
        ),
    ],
    columns: Annotated[
        Path | None,
        typer.Option(help="What the columns of another robot's file mean, .yaml."),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(min=1.0, max=1000.0, help="Rows per second; by default as they are."),
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(help="Sound that it goes with; its hash is noted in the file.")
    ] = None,
    servos: Annotated[
        Path | None, typer.Option(help="Servo table, .yaml, by default the face model's own.")
    ] = None,
) -> None:
    """Convert a trajectory file.

    Text and binary hold the same. A .yaml is a ROS 2 trajectory_msgs/msg/JointTrajectory with joint
    positions (rad, m) and velocities. Files of other robots, rows of numbers at a fixed rate, are
    read with --columns, a small file that says what the columns are (docs/trajectories.md).

    Examples:

      liptwin convert commands.csv commands.npz

      liptwin convert commands.csv commands100.csv --fps 100

      liptwin convert robot.txt commands.csv --columns robot.yaml --audio speech.wav

      liptwin convert commands.csv commands.yaml
    """
    from sim2real.trajectory import (
        SUFFIXES,
        TrajectoryError,
        audio_sha256,
        resample,
        write_joint_trajectory_yaml,
        write_trajectory,
    )

    suffix = target.suffix.lower()
    if suffix not in (*SUFFIXES, _ROS_SUFFIX):
        raise CommandError(f"cannot write {target}: its name must end in .csv, .npz or .yaml")
    check_can_write(target, suffix)
    if source.absolute() == target.absolute():
        raise CommandError("FROM and TO are the same file; give the result its own name")
    from sim.servo_table import ServoTableError, load_servo_table

    try:
        table = load_servo_table(servos)
        trajectory = _read(source, columns, table.rest_commands)
        if fps is not None:
            trajectory = resample(trajectory, fps)
        if audio is not None:
            about = replace(trajectory.metadata, audio_sha256=audio_sha256(audio))
            trajectory = replace(trajectory, metadata=about)
    except (TrajectoryError, ServoTableError) as error:
        raise CommandError(str(error)) from error
    try:
        if suffix == _ROS_SUFFIX:
            write_joint_trajectory_yaml(target, trajectory, table)
        else:
            write_trajectory(target, trajectory)
    except TrajectoryError as error:
        raise CommandError(str(error), exit_status=1) from error
    n = len(trajectory.times_s)
    typer.echo(f"wrote {target}: {n} rows, {trajectory.duration_s:.2f} s")


def _read(source: Path, columns: Path | None, rest_commands: NDArray[np.float64]) -> Trajectory:
    from sim2real.trajectory import load_column_map, read_foreign, read_trajectory

    if columns is None:
        return read_trajectory(source)
    found = read_foreign(source, load_column_map(columns), rest_commands)
    return replace(found, metadata=replace(found.metadata, source=f"imported from {source.name}"))
