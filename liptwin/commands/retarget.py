"""`liptwin retarget`: a captured human face moves the twin's lips."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liptwin import gl
from liptwin.options import (
    CameraOption,
    FixOption,
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
from liptwin.speech import load_speech


def retarget(
    capture: Annotated[
        Path,
        typer.Argument(metavar="CAPTURE", help="ARKit blend shapes over time, .csv, as captured."),
    ],
    audio: Annotated[
        Path, typer.Option(help="Sound of the capture; any audio file, or a video's sound track.")
    ],
    output: VideoOption = None,
    trajectory: TrajectoryOption = None,
    measurements: MeasurementsOption = None,
    fix: FixOption = False,
    skin: SkinOption = "condensed",
    camera: CameraOption = "portrait",
    fps: FpsOption = 30.0,
    size: SizeOption = "512",
    quality: QualityOption = "beautiful",
) -> None:
    """Make the twin follow a captured human mouth, as the servos can.

    Each frame takes the most similar babbled lips, sent ahead of time by the servos' lag.

    Reads files of Live Link Face, and plain ones with a column time_s. Writes a video with -o, the
    servo commands with --trajectory, and what the lips did with --measurements.

    Examples:

      liptwin retarget take.csv --audio take.wav -o take.mp4

      liptwin retarget take.csv --audio take.wav --fix --trajectory commands.csv
    """
    outputs = Outputs(output, trajectory, measurements)
    view = View(camera, parse_size(size), quality)

    gl.prepare(rendering=outputs.video is not None)
    from liptwin.mending import mended_commands
    from liptwin.production import produce
    from liptwin.progress import tracked
    from policies.nearest import SERVO_LAG_S, NearestPolicy

    speech = load_speech(audio, None, "", capture=capture)
    commands = NearestPolicy(tracked, lead_s=SERVO_LAG_S).commands(speech, fps)
    if fix:
        commands = mended_commands(commands, fps, skin)
    produce(commands, fps, speech.audio, skin, view, outputs)
