"""`liptwin validate`: whether a trajectory is safe for servos and skin, and the nearest that is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liptwin import gl
from liptwin.checking import checked, with_lag
from liptwin.errors import CommandError
from liptwin.files import check_can_write, replacing
from liptwin.mending import mended
from liptwin.options import Skin, SkinOption

if TYPE_CHECKING:
    from envs.speech.audio import Audio
    from sim import FaceTwin
    from sim2real.trajectory import Trajectory
    from sim2real.validation import Limits, Repair, Report


def validate(
    source: Annotated[
        Path, typer.Argument(metavar="TRAJECTORY", help="Trajectory file, .csv or .npz.")
    ],
    audio: Annotated[
        Path | None, typer.Option(help="Sound that the lips go with; checks how late they are.")
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write the nearest trajectory that passes to -o.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where --fix writes, .csv or .npz.")
    ] = None,
    skin: SkinOption = "condensed",
    limits: Annotated[
        Path | None,
        typer.Option(help="Limits of your supply and skin, .yaml, instead of the usual ones."),
    ] = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write all verdicts here, .json.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw commands and limits over time here, .png.")
    ] = None,
) -> None:
    """Check a trajectory in the twin before servos play it.

    Range, speed, acceleration and jerk of every servo; torque, heat when played for ever, current,
    tracking, strain of the skin; with --skin shell also how deep the lips press into each other,
    with --audio how late they are. Exit status 1 if a check fails, 2 for bad input.

    With --fix a failing trajectory is changed as little as it takes, closures of the lips first; a
    passing one is written as it is.

    Examples:

      liptwin validate commands.csv

      liptwin validate commands.csv --audio speech.wav --skin shell --plot report.png

      liptwin validate commands.csv --fix -o safe.csv --json report.json
    """
    _check_outputs(source, fix, output, as_json, plot)
    gl.prepare(rendering=False)
    from envs.speech.audio import AudioError, load_audio
    from sim import FaceTwin
    from sim2real.trajectory import TrajectoryError, read_trajectory
    from sim2real.validation import LimitsError, load_limits

    try:
        trajectory = read_trajectory(source)
        sound = load_audio(audio) if audio is not None else None
        allowed = load_limits(limits)
    except (TrajectoryError, AudioError, LimitsError) as error:
        raise CommandError(str(error)) from error
    _warn_of_strangers(source, trajectory, audio, sound)
    twin = FaceTwin(skin)
    report = checked(trajectory, sound, twin, allowed)
    _show(report)
    repaired = None
    if output is not None:
        repaired = _repair(trajectory, report, sound, twin, allowed)
        if repaired.trajectory is trajectory:
            _save_unchanged(output, source, trajectory)
        else:
            _save(output, repaired)
    final = report if repaired is None else repaired.report
    if as_json is not None:
        _write_json(as_json, source, skin, report, repaired)
    if plot is not None:
        _write_plot(plot, trajectory, repaired, final)
    if not final.passed:
        raise typer.Exit(1)


def _check_outputs(
    source: Path, fix: bool, output: Path | None, as_json: Path | None, plot: Path | None
) -> None:
    if fix != (output is not None):
        raise CommandError("--fix and -o FIXED go together; give both, or neither")
    if output is not None:
        from sim2real.trajectory import SUFFIXES

        suffix = output.suffix.lower()
        check_can_write(output, suffix if suffix in SUFFIXES else SUFFIXES[0])
    if as_json is not None:
        check_can_write(as_json, ".json")
    if plot is not None:
        check_can_write(plot, ".png")
    named = [path.absolute() for path in (source, output, as_json, plot) if path is not None]
    if len(set(named)) < len(named):
        raise CommandError("two files have the same name; give each its own")


def _warn_of_strangers(
    source: Path, trajectory: Trajectory, audio: Path | None, sound: Audio | None
) -> None:
    """Warn where the file says that it is for another face or another sound."""
    from sim2real.trajectory import audio_sha256, face_model_version

    about = trajectory.metadata
    if about.face_model is not None and about.face_model != face_model_version():
        _warn(f"{source} is for face model {about.face_model}, this is {face_model_version()}")
    if audio is None or sound is None:
        return
    if about.audio_sha256 is not None and about.audio_sha256 != audio_sha256(audio):
        _warn(f"{source} was made for another sound than {audio}")
    for warning in sound.warnings:
        _warn(warning)
    if abs(sound.duration_s - trajectory.duration_s) > 0.5:
        _warn(
            f"{audio} lasts {sound.duration_s:.1f} s, the trajectory {trajectory.duration_s:.1f} s"
        )


def _warn(warning: str) -> None:
    typer.echo(f"liptwin: warning: {warning}", err=True)


def _repair(
    trajectory: Trajectory, report: Report, sound: Audio | None, twin: FaceTwin, limits: Limits
) -> Repair:
    """The nearest trajectory that passes; one whose lips are late or early is moved in time."""
    from sim2real.trajectory import advance

    late = [check for check in report.failures if check.name == "audio-lip lag"]
    if late and late[0].value is not None:
        lead_s = late[0].value / 1e3
        typer.echo(f"moved by {-late[0].value:+.0f} ms, to bring lips to the sound")
        trajectory = advance(trajectory, lead_s)
        report = checked(trajectory, sound, twin, limits)
    found = mended(trajectory, report, twin, limits)
    return replace(found, report=with_lag(found.report, sound))


def _save_unchanged(path: Path, source: Path, trajectory: Trajectory) -> None:
    """A passing trajectory, to the byte where the form is the same."""
    if path.suffix.lower() == source.suffix.lower():
        with replacing(path) as partial:
            partial.write_bytes(source.read_bytes())
    else:
        _write(path, trajectory)
    typer.echo(f"wrote {path}: it passes as it is, nothing was changed")


def _save(path: Path, repaired: Repair) -> None:
    _write(path, repaired.trajectory)
    typer.echo()
    _show_changes(repaired)
    _show(repaired.report)
    kept = repaired.closures
    lost = ", ".join(f"{time_s:.2f} s" for time_s in kept.lost_at_s)
    typer.echo(
        f"wrote {path}: {kept.kept} of {kept.total} closures kept"
        + (f" (lost at {lost})" if lost else "")
    )


def _write(path: Path, trajectory: Trajectory) -> None:
    from sim2real.trajectory import TrajectoryError, write_trajectory

    try:
        write_trajectory(path, trajectory)
    except TrajectoryError as error:
        raise CommandError(str(error), exit_status=1) from error


def _show(report: Report) -> None:
    from rich.console import Console
    from rich.table import Table

    from sim2real.validation.report import figure_text

    table = Table(box=None, pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    table.add_column("worst", justify="right", no_wrap=True)
    table.add_column("limit", no_wrap=True)
    table.add_column("where and when", no_wrap=True)
    colours = {"pass": "green", "fail": "bold red"}
    for check in report.checks:
        colour = colours.get(check.verdict, "dim")
        moment = "" if check.time_s is None else f"{check.time_s:.2f} s"
        table.add_row(
            check.name,
            f"[{colour}]{check.verdict}[/]",
            figure_text(check.value),
            f"{figure_text(check.limit)} {check.unit}",
            f"{check.dof} {moment}" if check.dof else moment,
        )
    console = Console(highlight=False)
    console.print(table)
    for check in report.checks:
        if check.note:
            console.print(f"{check.name}: {check.note}", style="dim", markup=False)
    n = len(report.failures)
    verdict = "passed" if report.passed else f"failed: {n} check{'s' if n > 1 else ''}"
    console.print(verdict, style="green" if report.passed else "bold red")


def _show_changes(repaired: Repair) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("changed")
    for column in ("most", "when", "on average"):
        table.add_column(column, justify="right")
    for change in repaired.changes:
        table.add_row(
            change.dof, f"{change.largest:.3f}", f"{change.time_s:.2f} s", f"{change.mean:.4f}"
        )
    Console(highlight=False).print(table)


def _write_json(
    path: Path, source: Path, skin: Skin, report: Report, repaired: Repair | None
) -> None:
    from dataclasses import asdict

    content: dict[str, Any] = {"trajectory": str(source), "skin": skin, **report.to_json()}
    if repaired is not None:
        content["fixed"] = {
            **repaired.report.to_json(),
            "changes": [asdict(change) for change in repaired.changes],
            "closures": asdict(repaired.closures),
        }
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    typer.echo(f"wrote {path}")


def _write_plot(path: Path, source: Trajectory, repaired: Repair | None, report: Report) -> None:
    from sim2real.validation.plot import PlotError, plot_report

    shown = source if repaired is None else repaired.trajectory
    try:
        with replacing(path) as partial:
            plot_report(partial, shown, report, source if shown is not source else None)
    except PlotError as error:
        raise CommandError(f"--plot: {error}") from error
    typer.echo(f"wrote {path}")
