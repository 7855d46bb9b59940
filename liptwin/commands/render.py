"""`liptwin render`: a trajectory file becomes a video, measurements, or both."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liptwin import gl
from liptwin.errors import CommandError
from liptwin.options import (
    CameraOption,
    FpsOption,
    MeasurementsOption,
    Outputs,
    QualityOption,
    SizeOption,
    SkinOption,
    TrajectoryOption,
    VideoOption,
    View,
    parse_size,
)


def render(
    source: Annotated[
        Path, typer.Argument(metavar="TRAJECTORY", help="Trajectory file, .csv or .npz.")
    ],
    audio: Annotated[
        Path | None,
        typer.Option(help="Sound of the video; any audio file, or a video's sound track."),
    ] = None,
    output: VideoOption = None,
    trajectory: TrajectoryOption = None,
    measurements: MeasurementsOption = None,
    skin: SkinOption = "condensed",
    camera: CameraOption = "portrait",
    fps: FpsOption = 30.0,
    size: SizeOption = "512",
    quality: QualityOption = "beautiful",
) -> None:
    """Play a trajectory file on the twin.

    The file's columns are time_s and one per degree of freedom, each command from 0 to 1. It is
    resampled to --fps; --trajectory writes the resampled commands. Without -o nothing is rendered.

    Examples:

      liptwin render commands.csv -o face.mp4

      liptwin render commands.csv --audio speech.wav --camera mouth -o mouth.mp4

      liptwin render commands.csv --measurements lips.csv
    """
    outputs = Outputs(output, trajectory, measurements)
    view = View(camera, parse_size(size), quality)

    gl.prepare(rendering=outputs.video is not None)
    from envs.speech.audio import AudioError
    from envs.speech.recording import open_recording
    from liptwin.production import produce
    from sim2real.trajectory import TrajectoryError, read_trajectory, resample

    try:
        commands = resample(read_trajectory(source), fps).commands
        sound = open_recording(audio) if audio is not None else None
    except (TrajectoryError, AudioError) as error:
        raise CommandError(str(error)) from error
    produce(commands, fps, sound, skin, view, outputs)
