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
    PhonesOutputOption,
    QualityOption,
    SizeOption,
    Skin,
    SkinOption,
    TrajectoryOption,
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
    save_phones,
)

if TYPE_CHECKING:
    from policies import Speech

PolicyOption = Annotated[
    str,
    typer.Option(
        help="What turns speech into commands: amplitude opens by loudness; nearest takes the "
        "most similar babbled lips, and needs the phones or a capture."
    ),
]


def speak(
    recording: RecordingArgument = None,
    text: TextOption = None,
    voice: VoiceOption = "en-us",
    phones: PhonesOption = None,
    capture: CaptureOption = None,
    policy: PolicyOption = "amplitude",
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="The target and every policy side by side, --size each; needs -o."
        ),
    ] = False,
    output: VideoOption = None,
    trajectory: TrajectoryOption = None,
    measurements: MeasurementsOption = None,
    write_phones: PhonesOutputOption = None,
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

      liptwin speak speech.wav --phones speech.csv --policy nearest --measurements lips.csv

      liptwin speak --text "Blue moon, pale fire." --compare --size 384 -o compare.mp4
    """
    outputs = Outputs(output, trajectory, measurements, write_phones)
    view = View(camera, parse_size(size), quality)
    if compare and (output is None or trajectory is not None or measurements is not None):
        raise CommandError(
            "--compare makes a video and nothing else: give -o VIDEO.mp4, and neither "
            "--trajectory nor --measurements"
        )

    gl.prepare(rendering=outputs.video is not None)
    from liptwin.planning import commands_for
    from liptwin.production import produce
    from policies import POLICIES

    if policy not in POLICIES:
        raise CommandError(f"--policy {policy!r} does not exist; there is {', '.join(POLICIES)}")
    speech = load_speech(recording, text, voice, phones, capture)
    if write_phones is not None:
        save_phones(write_phones, speech)
    if compare and output is not None:
        _compare(output, speech, fps, skin, view)
    else:
        produce(commands_for(policy, speech, fps), fps, speech.audio, skin, view, outputs)


def _compare(path: Path, speech: Speech, fps: float, skin: Skin, view: View) -> None:
    from liptwin.panels import (
        over_strip,
        side_by_side,
        strip_height,
        target_pictures,
        twin_pictures,
    )
    from liptwin.planning import commands_for, wanted_shapes
    from liptwin.progress import tracked
    from liptwin.strip import SpeechStrip
    from liptwin.video import write_video
    from policies import POLICIES

    shapes = wanted_shapes(speech, fps)
    panels = {"target": target_pictures(shapes, fps, view)}
    for name in POLICIES:
        panels[name] = twin_pictures(commands_for(name, speech, fps), fps, skin, view)
    width = len(panels) * view.size[0]
    strip = SpeechStrip(speech.audio, speech.phones or (), width, strip_height(view))
    pictures = tracked(side_by_side(panels), len(shapes), "filming")
    whole = (width, view.size[1] + strip_height(view))
    write_video(path, over_strip(pictures, strip, fps), len(shapes), whole, fps, speech.audio)
    typer.echo(f"wrote {path}: {len(shapes)} frames, {len(shapes) / fps:.2f} s")
