"""`liptwin speak`: recorded or synthesised speech becomes a talking face."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from envs.speech.audio import Audio


def speak(
    recording: Annotated[
        Path | None,
        typer.Argument(metavar="[AUDIO]", help="Any audio file, or a video's sound track."),
    ] = None,
    text: Annotated[str | None, typer.Option(help="Say this instead of an audio file.")] = None,
    voice: Annotated[
        str, typer.Option(help="espeak-ng voice for --text, such as en-us, fr, de, cmn.")
    ] = "en-us",
    policy: Annotated[
        str, typer.Option(help="What turns sound into commands; amplitude opens by loudness.")
    ] = "amplitude",
    output: VideoOption = None,
    trajectory: TrajectoryOption = None,
    measurements: MeasurementsOption = None,
    skin: SkinOption = "condensed",
    camera: CameraOption = "portrait",
    fps: FpsOption = 30.0,
    size: SizeOption = "512",
    quality: QualityOption = "beautiful",
) -> None:
    """Make the twin speak an audio file, or a text.

    Writes a video with -o, the servo commands with --trajectory, and what the lips did with
    --measurements; at least one of them. Without -o nothing is rendered.

    Examples:

      liptwin speak speech.wav -o face.mp4

      liptwin speak --text "Good morning." --voice en-gb --camera mouth -o mouth.mp4

      liptwin speak speech.wav --trajectory commands.csv --measurements lips.csv
    """
    outputs = Outputs(output, trajectory, measurements)
    view = View(camera, parse_size(size), quality)
    if (recording is None) == (text is None):
        raise CommandError("say what to speak: an audio file, or --text with a sentence, not both")

    gl.prepare(rendering=outputs.video is not None)
    from liptwin.production import produce
    from policies import POLICIES

    if policy not in POLICIES:
        raise CommandError(f"--policy {policy!r} does not exist; there is {', '.join(POLICIES)}")
    audio = _load(recording) if recording is not None else _synthesise(text or "", voice)
    for warning in audio.warnings:
        typer.echo(f"liptwin: warning: {warning}", err=True)
    commands = POLICIES[policy]().commands(audio, fps)
    produce(commands, fps, audio, skin, view, outputs)


def _load(path: Path) -> Audio:
    from envs.speech.audio import AudioError, load_audio

    try:
        return load_audio(path)
    except AudioError as error:
        raise CommandError(str(error)) from error


def _synthesise(text: str, voice: str) -> Audio:
    from envs.speech import SynthesisError, synthesise

    try:
        return synthesise(text, voice=voice).audio
    except SynthesisError as error:
        raise CommandError(str(error)) from error
