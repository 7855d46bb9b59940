"""Speaking live: sound in, rows of a trajectory file out, each as soon as it is known."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

import typer

from envs.speech.audio import AudioError
from envs.speech.streaming import LIVE_BLOCK_S
from liptwin.errors import CommandError
from liptwin.live_sound import LiveSound, Pipe
from liptwin.planning import learned_policy
from policies import PolicyError
from policies.learned.effort import Effort
from sim2real.trajectory import COLUMNS, Metadata, face_model_version
from sim2real.trajectory.csv_file import DECIMALS

if TYPE_CHECKING:
    from policies.learned.speaker import Speaker

ENOUGH_MS: Final = 5.0
"""Processor time of a frame below which a computer has time for everything else too."""


def run_live(
    pipe: Pipe, rows: TextIO, rate_hz: int | None, weights: Path | None, patience: int = 0
) -> None:
    """Speak what comes through a pipe until it ends, or until nobody reads the rows any more.

    Figures about time go to stderr at the end, however it ends.

    Args:
        pipe: standard input.
        rows: standard output.
        rate_hz: samples per second; None for the usual, or what a WAV file says.
        weights: folder of the learned policy's weights; None for those shipped.
        patience: frames to wait for better plans, 0 to 3.

    Raises:
        CommandError: the learned policy cannot be had here, or what comes is no sound.
    """
    policy = learned_policy(weights)
    try:
        speaker = policy.speaker(patience)
        _tell("listening ...")
        sound = LiveSound(pipe, rate_hz)
    except (AudioError, PolicyError) as error:
        raise CommandError(str(error)) from error
    try:
        write_rows(sound, speaker, rows)
    except AudioError as error:
        raise CommandError(str(error)) from error
    except BrokenPipeError:
        # Python flushes its standard output once more as it leaves.
        os.dup2(os.open(os.devnull, os.O_WRONLY), rows.fileno())
    finally:
        for line in live_figures(sound, speaker, policy.effort):
            _tell(line)


def write_rows(sound: LiveSound, speaker: Speaker, rows: TextIO) -> None:
    """Write the commands for a sound while it comes, as `liptwin deploy --stream` reads them.

    Raises:
        AudioError: what comes is no sound.
        BrokenPipeError: nobody reads the rows any more.
    """
    about = Metadata(speaker.fps, face_model_version(), source="liptwin")
    remarks = (f"# {key}: {value}\n" for key, value in about.to_text().items())
    rows.write("".join((*remarks, ",".join(COLUMNS), "\n")))
    rows.flush()
    for frame, commands in enumerate(speaker.speak(sound.blocks())):
        values = (frame / speaker.fps, *commands)
        rows.write(",".join(f"{value:.{DECIMALS}f}" for value in values) + "\n")
        rows.flush()


def live_figures(sound: LiveSound, speaker: Speaker, effort: Effort) -> Iterator[str]:
    """How late commands are and what they cost, in words; nothing where there were none."""
    if not effort.frames:
        return
    late = [f"look-ahead {1e3 * speaker.look_ahead_s:.0f} ms"]
    late.append(f"blocks of at most {1e3 * LIVE_BLOCK_S:.0f} ms")
    if sound.delay_s:
        late.append(f"{1e3 * sound.delay_s:.0f} ms for resampling from {sound.rate_hz} Hz")
    yield f"spoke {effort.frames} frames; {', '.join(late)}"
    yield f"compute per frame: {mean_figure(effort)}, 99 % under {effort.p99_ms:.1f} ms"
    if effort.p99_ms > ENOUGH_MS:
        yield (
            f"warning: that is over {ENOUGH_MS:g} ms; this computer is slow or busy, and commands "
            "may come late"
        )


def mean_figure(effort: Effort) -> str:
    """What a frame cost, in words."""
    return f"{effort.mean_ms:.1f} ms of one core on average"


def _tell(line: str) -> None:
    typer.echo(f"liptwin: {line}", err=True)
