"""`liptwin speak`: recorded, synthesised or live speech becomes a talking face."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liptwin import gl
from liptwin.errors import CommandError
from liptwin.options import (
    CameraOption,
    FixOption,
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
    from policies import Policy, Speech

PolicyOption = Annotated[
    str,
    typer.Option(
        help="What turns speech into commands: learned hears the sound alone, of any language; "
        "amplitude opens by loudness; nearest takes the most similar babbled lips, and needs the "
        "phones or a capture."
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the learned policy's weights, such as that of your own training; without "
        "it those of the package."
    ),
]
_LEARNED = "learned"
_STREAM_FPS = 30.0


def speak(
    recording: RecordingArgument = None,
    text: TextOption = None,
    voice: VoiceOption = "en-us",
    phones: PhonesOption = None,
    capture: CaptureOption = None,
    policy: PolicyOption = _LEARNED,
    weights: WeightsOption = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare", help="The target and every policy side by side, --size each; needs -o."
        ),
    ] = False,
    output: VideoOption = None,
    trajectory: TrajectoryOption = None,
    measurements: MeasurementsOption = None,
    fix: FixOption = False,
    write_phones: PhonesOutputOption = None,
    skin: SkinOption = "condensed",
    camera: CameraOption = "portrait",
    fps: FpsOption = _STREAM_FPS,
    size: SizeOption = "512",
    quality: QualityOption = "beautiful",
    stream: Annotated[
        bool,
        typer.Option(
            "--stream",
            help="Speak the sound that arrives on stdin, as it arrives; commands go to stdout.",
        ),
    ] = False,
    rate: Annotated[
        int | None,
        typer.Option(
            help="Samples per second of --stream, 16000 if not said; a WAV file tells its own."
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=3,
            help="Frames of 33 ms that --stream waits on top of its look-ahead, 0 if not said: "
            "with more, lips close more often where they should.",
        ),
    ] = None,
) -> None:
    """Make the twin speak an audio file, or a text, or what it hears right now.

    Writes a video with -o, the servo commands with --trajectory, and what the lips did with
    --measurements; at least one of them. Without -o nothing is rendered. Lips that are as quick as
    they can be ask more of servos than `liptwin deploy` allows; --fix mends that.

    With --stream, signed 16-bit samples (one channel, or a WAV file) on standard input become rows
    of a trajectory file on standard output, 30 per second, for `liptwin deploy --stream`.

    Examples:

      liptwin speak speech.wav -o face.mp4

      liptwin speak --text "Good morning." --voice en-gb --camera mouth -o mouth.mp4

      liptwin speak speech.wav --fix --trajectory commands.csv

      liptwin speak speech.wav --phones speech.csv --policy nearest --measurements lips.csv

      liptwin speak --text "Blue moon, pale fire." --compare --size 384 -o compare.mp4

      arecord -t raw -f S16_LE -r 16000 | liptwin speak --stream >commands.csv
    """
    if stream:
        given = {
            "AUDIO": recording,
            "--text": text,
            "--phones": phones,
            "--capture": capture,
            "--policy": None if policy == _LEARNED else policy,
            "--compare": compare or None,
            "-o": output,
            "--trajectory": trajectory,
            "--measurements": measurements,
            "--fix": fix or None,
            "--write-phones": write_phones,
            "--fps": None if fps == _STREAM_FPS else fps,
        }
        beside = [name for name, value in given.items() if value is not None]
        _speak_live(beside, rate, weights, patience or 0)
        return
    if rate is not None:
        raise CommandError("--rate goes with --stream; a file tells its own rate")
    if patience is not None:
        raise CommandError("--patience goes with --stream; for a file there is all of it anyway")
    outputs = Outputs(output, trajectory, measurements, write_phones)
    view = View(camera, parse_size(size), quality)
    if compare and (output is None or trajectory is not None or measurements is not None or fix):
        raise CommandError(
            "--compare makes a video of what the policies do, and nothing else: give -o VIDEO.mp4, "
            "and neither --trajectory nor --measurements nor --fix"
        )

    gl.prepare(rendering=outputs.video is not None)
    from liptwin.mending import mended_commands
    from liptwin.planning import chosen_policy, commands_for
    from liptwin.production import produce

    chosen = chosen_policy(policy, weights)
    speech = load_speech(recording, text, voice, phones, capture)
    if write_phones is not None:
        save_phones(write_phones, speech)
    if compare and output is not None:
        _compare(output, speech, weights, fps, skin, view)
        return
    commands = commands_for(chosen, speech, fps)
    _tell_cost(chosen)
    if fix:
        commands = mended_commands(commands, fps, skin)
    produce(commands, fps, speech.audio, skin, view, outputs)


def _compare(
    path: Path, speech: Speech, weights: Path | None, fps: float, skin: Skin, view: View
) -> None:
    from liptwin.panels import (
        over_strip,
        side_by_side,
        strip_height,
        target_pictures,
        twin_pictures,
    )
    from liptwin.planning import chosen_policy, commands_for, wanted_shapes
    from liptwin.progress import tracked
    from liptwin.strip import SpeechStrip
    from liptwin.video import write_video
    from policies import POLICIES

    shapes = wanted_shapes(speech, fps)
    panels = {"target": target_pictures(shapes, fps, view)}
    for name in POLICIES:
        policy = chosen_policy(name, weights if name == _LEARNED else None)
        panels[name] = twin_pictures(commands_for(policy, speech, fps), fps, skin, view)
    width = len(panels) * view.size[0]
    strip = SpeechStrip(speech.audio, speech.phones or (), width, strip_height(view))
    pictures = tracked(side_by_side(panels), len(shapes), "filming")
    whole = (width, view.size[1] + strip_height(view))
    write_video(path, over_strip(pictures, strip, fps), len(shapes), whole, fps, speech.audio)
    typer.echo(f"wrote {path}: {len(shapes)} frames, {len(shapes) / fps:.2f} s")


def _tell_cost(policy: Policy) -> None:
    """How far ahead the learned policy hears and what it cost."""
    from policies import LearnedPolicy

    if isinstance(policy, LearnedPolicy):
        from liptwin.streaming import mean_figure
        from policies.learned.patience import MOST
        from policies.learned.speaker import look_ahead_s

        typer.echo(
            f"{policy.name}: hears {1e3 * look_ahead_s(MOST):.0f} ms ahead; compute per frame: "
            f"{mean_figure(policy.effort)}"
        )


def _speak_live(beside: list[str], rate: int | None, weights: Path | None, patience: int) -> None:
    """Standard input to standard output; `beside` are options that do not go with that."""
    if beside:
        raise CommandError(
            f"--stream speaks standard input to standard output at {_STREAM_FPS:g} commands a "
            f"second, with the learned policy; leave out {', '.join(beside)}"
        )
    if sys.stdin is None or sys.stdin.isatty():
        raise CommandError(
            "--stream reads sound from standard input: pipe it in, such as "
            "arecord -t raw -f S16_LE -r 16000 | liptwin speak --stream"
        )
    gl.prepare(rendering=False)
    from liptwin.streaming import run_live

    with os.fdopen(sys.stdin.fileno(), "rb", closefd=False) as pipe:
        run_live(pipe, sys.stdout, rate, weights, patience)
