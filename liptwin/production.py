"""From commands to files: the part that speaking and replaying share."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import typer

from envs.speech.frames import frame_times
from liptwin.errors import CommandError
from liptwin.files import replacing
from liptwin.options import Outputs, Skin, View
from liptwin.progress import tracked
from liptwin.rollout import MeasuredFrame, measured, roll_out

if TYPE_CHECKING:
    from envs.speech.audio import Sound
    from sim import FaceTwin
    from sim.render import Face, FaceRenderer

MEASUREMENT_COLUMNS = (
    "time_s",
    "aperture_mm",
    "width_mm",
    "protrusion_mm",
    "jaw_deg",
    "lips_touching",
    "lower_lip_on_teeth",
)


def produce(
    commands: npt.NDArray[np.float64],
    fps: float,
    audio: Sound | None,
    skin: Skin,
    view: View,
    outputs: Outputs,
) -> None:
    """Send `commands` to the twin and write what `outputs` asks for; render only for a video.

    Args:
        commands: (n, 10) in [0, 1], one row per video frame.
        fps: video frames per second.
        audio: sound of the video, if any.
        skin: how the skin is simulated.
        view: what the video shows.
        outputs: the files to write.

    Raises:
        CommandError: something cannot be rendered or written; says what to do.
    """
    if outputs.trajectory is not None:
        _write_trajectory(outputs.trajectory, commands, fps, audio)
    if outputs.video is None and outputs.measurements is None:
        return
    from sim import FaceTwin

    twin = FaceTwin(skin=skin)
    times_s = _explained(roll_out(twin, commands, fps))
    with contextlib.ExitStack() as open_files:
        if outputs.measurements is not None:
            write = open_files.enter_context(measurement_writer(outputs.measurements))
            times_s = _noted(measured(twin, times_s), write)
        if outputs.video is None:
            for _ in tracked(times_s, len(commands), "simulating"):
                pass
        else:
            _film(twin, times_s, len(commands), fps, audio, view, outputs.video)


@contextlib.contextmanager
def open_renderer(face: Face, view: View) -> Iterator[FaceRenderer]:
    """The renderer of `view` for a twin or a target face.

    Raises:
        CommandError: this machine cannot render, or not in that size.
    """
    from sim.render import FaceRenderer

    width, height = view.size
    try:
        renderer = FaceRenderer(face, width, height, quality=view.quality)
    except ValueError as error:
        raise CommandError(str(error)) from error
    except Exception as error:  # each back end fails in its own way
        raise CommandError(
            f"cannot render on this machine ({error}); run `liptwin doctor` to see why",
            exit_status=1,
        ) from error
    with renderer:
        yield renderer


def _film(
    twin: FaceTwin,
    times_s: Iterator[float],
    n_frames: int,
    fps: float,
    audio: Sound | None,
    view: View,
    path: Path,
) -> None:
    from liptwin.video import write_video

    with open_renderer(twin, view) as renderer:
        pictures = (renderer.render(view.camera) for _ in tracked(times_s, n_frames, "filming"))
        write_video(path, pictures, n_frames, view.size, fps, audio)
    typer.echo(f"wrote {path}: {n_frames} frames, {n_frames / fps:.2f} s")


def _explained(times_s: Iterator[float]) -> Iterator[float]:
    try:
        yield from times_s
    except FloatingPointError as error:
        raise CommandError(f"{error}; try slower commands, or --skin condensed") from error


def _noted(
    frames: Iterable[MeasuredFrame], write: Callable[[MeasuredFrame], None]
) -> Iterator[float]:
    for frame in frames:
        write(frame)
        yield frame.time_s


def _write_trajectory(
    path: Path, commands: npt.NDArray[np.float64], fps: float, audio: Sound | None
) -> None:
    from sim2real.trajectory import (
        Metadata,
        Trajectory,
        TrajectoryError,
        audio_sha256,
        face_model_version,
        write_trajectory,
    )

    heard = Path(audio.source) if audio is not None else None
    try:
        about = Metadata(
            fps=float(fps),
            face_model=face_model_version(),
            audio_sha256=audio_sha256(heard) if heard is not None and heard.is_file() else None,
            source="liptwin",
        )
        write_trajectory(path, Trajectory(frame_times(len(commands), fps), commands, about))
    except TrajectoryError as error:
        raise CommandError(str(error), exit_status=1) from error
    typer.echo(f"wrote {path}: {len(commands)} rows")


@contextlib.contextmanager
def measurement_writer(path: Path) -> Iterator[Callable[[MeasuredFrame], None]]:
    """Give a function that writes what the lips did at a frame as a row, `MEASUREMENT_COLUMNS`.

    The file appears at the end, with all rows that were written, or not at all on any error.

    Raises:
        CommandError: the file cannot be written.
    """
    n_rows = 0
    with replacing(path) as partial, partial.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(MEASUREMENT_COLUMNS)

        def write(frame: MeasuredFrame) -> None:
            nonlocal n_rows
            lips = frame.measurements
            lengths = (lips.aperture_mm, lips.width_mm, lips.protrusion_mm, lips.jaw_deg)
            writer.writerow(
                [
                    f"{frame.time_s:.6f}",
                    *(f"{value:.4f}" for value in lengths),
                    int(lips.lips_touching),
                    int(lips.lower_lip_on_teeth),
                ]
            )
            n_rows += 1

        yield write
    typer.echo(f"wrote {path}: {n_rows} rows")


def write_measurements(path: Path, frames: Iterable[MeasuredFrame]) -> None:
    """Write what the lips did, a row per frame, as the frames come.

    Raises:
        CommandError: the file cannot be written.
    """
    with measurement_writer(path) as write:
        for frame in frames:
            write(frame)
