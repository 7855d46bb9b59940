"""`liptwin target`: the lips that a speech asks for, on a face free of servos."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from liptwin import gl
from liptwin.options import (
    CameraOption,
    FpsOption,
    MeasurementsOption,
    Outputs,
    QualityOption,
    SizeOption,
    VideoOption,
    View,
    parse_size,
)
from liptwin.speech import (
    CaptureOption,
    PhonesOption,
    RecordingArgument,
    TextOption,
    VoiceOption,
    load_speech,
)

if TYPE_CHECKING:
    from pathlib import Path

    from envs.target import LipShape
    from policies import Speech


def target(
    recording: RecordingArgument = None,
    text: TextOption = None,
    voice: VoiceOption = "en-us",
    phones: PhonesOption = None,
    capture: CaptureOption = None,
    output: VideoOption = None,
    measurements: MeasurementsOption = None,
    camera: CameraOption = "portrait",
    fps: FpsOption = 30.0,
    size: SizeOption = "512",
    quality: QualityOption = "beautiful",
) -> None:
    """Show how human lips would say it: the target that policies aim at.

    The same face as the twin's, but its skin takes the wanted shape directly. Waveform and phones
    run underneath; --size is that of the face alone. An audio file needs its
    --phones or a --capture.

    Examples:

      liptwin target --text "My mother moved the blue boat." -o target.mp4

      liptwin target speech.wav --phones speech.csv --camera lip_crop --size 128 -o crop.mp4

      liptwin target --text "Good morning." --measurements wanted.csv
    """
    outputs = Outputs(output, None, measurements)
    view = View(camera, parse_size(size), quality)

    gl.prepare(rendering=outputs.video is not None)
    from liptwin.planning import wanted_shapes

    speech = load_speech(recording, text, voice, phones, capture)
    shapes = wanted_shapes(speech, fps)
    if outputs.video is not None:
        _film(outputs.video, speech, shapes, fps, view)
    if outputs.measurements is not None:
        _measure(outputs.measurements, shapes, fps)


def _film(path: Path, speech: Speech, shapes: list[LipShape], fps: float, view: View) -> None:
    """Write the video of the target face over its strip."""
    from liptwin.panels import over_strip, strip_height, target_pictures
    from liptwin.progress import tracked
    from liptwin.strip import SpeechStrip
    from liptwin.video import write_video

    width, height = view.size
    strip = SpeechStrip(speech.audio, speech.phones or (), width, strip_height(view))
    pictures = tracked(target_pictures(shapes, fps, view), len(shapes), "filming")
    whole = (width, height + strip_height(view))
    write_video(path, over_strip(pictures, strip, fps), len(shapes), whole, fps, speech.audio)
    typer.echo(f"wrote {path}: {len(shapes)} frames, {len(shapes) / fps:.2f} s")


def _measure(path: Path, shapes: list[LipShape], fps: float) -> None:
    from envs.target import TargetFace
    from liptwin.panels import show_shapes
    from liptwin.production import write_measurements
    from liptwin.progress import tracked
    from liptwin.rollout import measured

    face = TargetFace()
    times_s = tracked(show_shapes(face, shapes, fps), len(shapes), "measuring")
    write_measurements(path, measured(face, times_s))
