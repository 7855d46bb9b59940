"""`liptwin deploy`: a trajectory or a stream of commands on real servos, or on virtual ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liptwin import gl
from liptwin.errors import CommandError
from liptwin.files import check_can_write

if TYPE_CHECKING:
    from envs.speech.audio import Audio
    from sim.servo_table import ServoTable
    from sim2real.buses.bus import BusProfile
    from sim2real.calibration import Calibration
    from sim2real.deployment.clock import MediaClock
    from sim2real.deployment.player import Outcome
    from sim2real.deployment.sources import CommandSource
    from sim2real.trajectory import Trajectory
    from sim2real.validation import Check

_AUDIO_RATE_HZ = 48_000
_STOPPED = 130
# The twin shares a computer with everything else that runs there, and may be late.
_TWIN_PATIENCE_S = 0.1


def deploy(
    source: Annotated[
        Path | None,
        typer.Argument(metavar="[TRAJECTORY]", help="Trajectory file, .csv or .npz."),
    ] = None,
    port: Annotated[
        str | None, typer.Option(help="Serial port of the servos, such as /dev/ttyUSB0.")
    ] = None,
    bus: Annotated[
        str, typer.Option(help="Protocol: lx16a, dynamixel, feetech, maestro or maestro-crc.")
    ] = "lx16a",
    audio: Annotated[
        Path | None, typer.Option(help="Sound to play with it; the lips follow its clock.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(help="Commands per second; by default 50, or 100 where the bus allows it."),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(help="File of `liptwin calibrate`; without it the documented mounting."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Play into the twin, through the protocol's own bytes."),
    ] = False,
    stream: Annotated[
        bool,
        typer.Option("--stream", help="Play the rows of a trajectory file that arrive on stdin."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Play even what `liptwin validate` refuses.")
    ] = False,
    log: Annotated[
        Path | None,
        typer.Option(help="LOG.csv: writes LOG.commanded.csv, .measured.csv and .readings.csv."),
    ] = None,
    baud: Annotated[
        int | None, typer.Option(help="Speed of the bus; by default what the protocol usually has.")
    ] = None,
    echo: Annotated[
        bool, typer.Option("--echo", help="The adapter hears itself (bare half-duplex wiring).")
    ] = False,
    patience: Annotated[
        float | None,
        typer.Option(
            min=1.0, max=100.0, help="How long a servo may take to answer, ms; by default 10."
        ),
    ] = None,
) -> None:
    """Play a trajectory on the servos of a face.

    First the trajectory is validated. Then the servos go slowly from wherever they are to its
    start, play it, go slowly to rest, and lose their torque. Ctrl-C, a lost or hot servo, and
    every other trouble end in rest and torque off too; a second Ctrl-C leaves out the slow way. If
    this program hangs or is killed, a watchdog does the same.

    Examples:

      liptwin deploy commands.csv --dry-run

      liptwin deploy commands.csv --port /dev/ttyUSB0 --audio speech.wav --log run.csv

      liptwin deploy commands.csv --bus feetech --port /dev/ttyACM0 --calibration face.yaml

      cat commands.csv | liptwin deploy --stream --port /dev/ttyUSB0
    """
    if stream == (source is not None):
        raise CommandError("say what to play: a trajectory file, or --stream for rows on stdin")
    if stream and audio is not None:
        raise CommandError("--audio goes with a file; who sends a stream plays its own sound")
    if dry_run == (port is not None):
        raise CommandError("say where to play: --port of the servos, or --dry-run for the twin")
    from sim2real.buses.registry import BUSES

    if echo and bus in BUSES and not BUSES[bus].profile.shares_wire:
        raise CommandError(f"a {bus} does not share its wire with servos; leave out --echo")
    if log is not None:
        check_can_write(log, ".csv")
    gl.prepare(rendering=False)
    from liptwin.deployment import Connection, run
    from sim.servo_table import load_servo_table

    connection = Connection(bus, port, baud, echo, _patience_s(patience, dry_run))
    profile = _profile(bus)
    rate_hz = _rate(rate, profile)
    table = load_servo_table()
    trajectory, sound = _load(source, audio)
    known = _calibration(calibration, table, profile)
    if trajectory is not None:
        _validate(trajectory, sound, table, force)
    commands = _source(trajectory, sound, table)
    clock = _clock(sound)
    outcome = run(connection, known, table, rate_hz, commands, clock)
    _report(outcome, log)
    _leave(outcome)


def _patience_s(patience_ms: float | None, dry_run: bool) -> float:
    from sim2real.buses.exchange import PATIENCE_S

    if patience_ms is not None:
        return patience_ms / 1e3
    return _TWIN_PATIENCE_S if dry_run else PATIENCE_S


def _profile(bus: str) -> BusProfile:
    from sim2real.buses.registry import profile_of

    try:
        return profile_of(bus)
    except ValueError as error:
        raise CommandError(f"--bus: {error}") from error


def _rate(rate: float | None, profile: BusProfile) -> float:
    from sim2real.deployment.pacing import RATE_RANGE_HZ

    if rate is None:
        return 100.0 if profile.reads_all_at_once else 50.0
    low, high = RATE_RANGE_HZ
    if not low <= rate <= high:
        raise CommandError(f"--rate {rate:g}: give {low:g} to {high:g} commands per second")
    return rate


def _load(source: Path | None, audio: Path | None) -> tuple[Trajectory | None, Audio | None]:
    from envs.speech.audio import AudioError, load_audio
    from sim2real.trajectory import TrajectoryError, read_trajectory

    try:
        trajectory = read_trajectory(source) if source is not None else None
        return trajectory, load_audio(audio, _AUDIO_RATE_HZ) if audio is not None else None
    except (TrajectoryError, AudioError) as error:
        raise CommandError(str(error)) from error


def _calibration(path: Path | None, table: ServoTable, profile: BusProfile) -> Calibration:
    from sim2real.calibration import load_calibration, nominal_calibration

    try:
        if path is None:
            return nominal_calibration(table, profile)
        return load_calibration(path, table, profile)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _validate(trajectory: Trajectory, sound: Audio | None, table: ServoTable, force: bool) -> None:
    """Refuse what fails; with `force` only tell."""
    from liptwin.checking import checked
    from sim import FaceTwin
    from sim2real.validation import load_limits

    report = checked(trajectory, sound, FaceTwin(servos=table), load_limits())
    if report.passed:
        return
    failed = "; ".join(map(_in_words, report.failures))
    if not force:
        raise CommandError(
            f"this trajectory is not safe: {failed}; see `liptwin validate`, mend it with "
            "`liptwin validate --fix`, or play it all the same with --force",
            exit_status=1,
        )
    typer.echo(f"liptwin: warning: played by --force though not safe: {failed}", err=True)


def _in_words(check: Check) -> str:
    words = check.name
    if check.value is not None and check.limit is not None:
        words += f" {check.value:.3g} {check.unit}, limit {check.limit:.3g}"
    if check.dof is not None and check.time_s is not None:
        words += f" ({check.dof}, {check.time_s:.2f} s)"
    return words


def _source(trajectory: Trajectory | None, sound: Audio | None, table: ServoTable) -> CommandSource:
    from sim2real.deployment.sources import TrajectorySource
    from sim2real.deployment.stream import StreamSource

    if trajectory is None:
        return StreamSource(sys.stdin.fileno(), table.rest_commands)
    return TrajectorySource(trajectory, sound.duration_s if sound is not None else 0.0)


def _clock(sound: Audio | None) -> MediaClock:
    from liptwin.playback import LoudspeakerClock
    from sim2real.deployment.clock import MonotonicClock

    return MonotonicClock() if sound is None else LoudspeakerClock(sound)


def _report(outcome: Outcome, log: Path | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from sim2real.trajectory import TrajectoryError

    if log is not None:
        try:
            for path in outcome.recording.save(log):
                typer.echo(f"wrote {path}")
        except (TrajectoryError, OSError) as error:
            outcome.problems.append(f"the log was not written: {error}")
    figures = Table(box=None, pad_edge=False, show_header=False)
    for name, value in _figures(outcome):
        figures.add_row(name, value)
    Console(highlight=False).print(figures)


def _figures(outcome: Outcome) -> list[tuple[str, str]]:
    found, counters = outcome.recording.statistics(), outcome.recording.counters
    lateness = (found.lateness_median_ms, found.lateness_p99_ms, found.lateness_max_ms)
    return [
        ("frames", f"{found.frames} sent, {found.lost} lost, {found.late} late"),
        ("lateness", "median {:.2f}, 99 % under {:.2f}, most {:.2f} ms".format(*lateness)),
        ("period jitter", f"99 % under {found.jitter_p99_ms:.2f} ms"),
        ("drift", f"{found.drift_ms:.2f} ms at most from the sound or the clock"),
        ("held back", f"{found.limited} frames that asked for more than limits or speed allow"),
        (
            "bus",
            f"{counters.writes} packets, {counters.reads} questions, {counters.retries} repeated, "
            f"{counters.corrupt} damaged, {counters.lost} unanswered",
        ),
        *(("note", note) for note in outcome.notes),
    ]


def _leave(outcome: Outcome) -> None:
    """Say how it ended; raise unless all is well."""
    if outcome.succeeded:
        typer.echo(f"played; {outcome.retreat}")
        return
    reasons = [*outcome.problems]
    if outcome.stopped_by:
        reasons.append(f"stopped by {outcome.stopped_by}")
    stopped_only = outcome.stopped_by and not outcome.problems and not outcome.retreat.problems
    raise CommandError(
        f"{'; '.join(reasons)}{' ' if reasons else ''}(while {outcome.phase}); {outcome.retreat}",
        exit_status=_STOPPED if stopped_only else 1,
    )
