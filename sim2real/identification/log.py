"""What a deployment left behind, read again: what was commanded, and where the servos were.

`liptwin deploy --log` writes three files. `commanded` holds every frame that was sent. `readings`
holds every answer of a servo as it came; `measured` holds the same answers interpolated to the
frames, in the trajectory's own format. Readings are the better source: on a bus that asks servos in
turn, straight lines between the answers cut off what happened in between. Both are accepted.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.dof import DOF_NAMES, N_DOF
from sim2real.identification.errors import IdentificationError
from sim2real.trajectory import Trajectory, TrajectoryError, read_trajectory

Floats = NDArray[np.float64]

READINGS_COLUMNS: Final = ("time_s", "dof", "command")
"""Columns of a file of readings, as `liptwin deploy --log` writes it."""

SHORTEST_S: Final = 5.0
"""Least time that a log must span: a few slow and a few fast moves of every servo."""

FEWEST_READINGS: Final = 50
"""Answers that a servo needs: ten for each of five parameters."""

ANSWER_S: Final = 0.0017
"""Time from one servo's answer to the next one's where they are asked in turn, and all logged when
the last has answered: LX-16A, question and answer 14 bytes at 115200 baud, 0.5 ms between them."""

LEAST_TRAVEL: Final = 0.05
"""Span of a servo's commands, as a share of its range, below which it did not move: 3 degrees for
a 60 degree servo, a few times what backlash and encoder hide."""

OVERLAP_S: Final = 0.5
"""How far the two files may differ in length and still be of one deployment."""

_LONGEST_LAG_S: Final = 0.3
_LEAST_LIKENESS: Final = 0.8
"""Correlation that the best servo of a deployment passes by far; that of two unlike deployments
can come to 0.6, where it is the best of ten servos and of many lags."""


@dataclass(frozen=True, eq=False)
class Readings:
    """The answers of one servo.

    Attributes:
        times_s: (n,) seconds since the first frame, not decreasing.
        commands: (n,) where it was, as a command; beyond [0, 1] where the servo was.
    """

    times_s: Floats
    commands: Floats

    def later_than(self, time_s: float) -> Readings:
        """Those from a time on."""
        late = self.times_s >= time_s
        return Readings(self.times_s[late], self.commands[late])


@dataclass(frozen=True, eq=False)
class DeploymentLog:
    """One deployment.

    Attributes:
        commanded: the frames that were sent, time 0 at the first one.
        readings: the answers of each servo, canonical order; none where it never answered.
    """

    commanded: Trajectory
    readings: tuple[Readings, ...]


def read_log(commanded: Path, measured: Path) -> DeploymentLog:
    """Read the log of a deployment.

    Args:
        commanded: LOG.commanded.csv, or another trajectory file.
        measured: LOG.readings.csv, or LOG.measured.csv.

    Raises:
        IdentificationError: a file cannot be read or is none of these, or the two are not of one
            deployment; the message names the file, and the line where one is wrong.
    """
    try:
        sent = read_trajectory(commanded)
        if _is_readings(measured):
            readings = _read_readings(measured)
        else:
            readings = _as_readings(sent, read_trajectory(measured))
    except TrajectoryError as error:
        raise IdentificationError(str(error)) from error
    log = DeploymentLog(sent, readings)
    _check_belong(log, commanded, measured)
    return log


def why_unfit(log: DeploymentLog, dof: int) -> str | None:
    """Why nothing can be said about a servo from a log; None if something can."""
    if np.ptp(log.commanded.commands[:, dof]) < LEAST_TRAVEL:
        return "it was not told to move"
    found = log.readings[dof]
    if len(found.times_s) < FEWEST_READINGS:
        return f"it answered {len(found.times_s)} times, {FEWEST_READINGS} are needed"
    if np.ptp(found.commands) < 0.25 * LEAST_TRAVEL:
        return "it did not move"
    return None


def _is_readings(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8-sig") as stream:
            return stream.readline().strip() == ",".join(READINGS_COLUMNS)
    except (OSError, UnicodeDecodeError):
        return False  # reading it as a trajectory says what is wrong


def _read_readings(path: Path) -> tuple[Readings, ...]:
    """The answers in a file of readings, whose header is known to be right."""
    answers: list[tuple[int, float, float]] = []
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.reader(stream)
        next(rows)
        try:
            for cells in rows:
                answers.append(_reading(f"{path}, line {rows.line_num}", cells))
        except (csv.Error, UnicodeDecodeError) as error:
            raise IdentificationError(f"{path}: is not CSV ({error})") from error
    found: list[list[tuple[float, float]]] = [[] for _ in range(N_DOF)]
    periods = [list(together) for _, together in groupby(answers, key=lambda answer: answer[1])]
    in_turn = max(map(len, periods), default=0) < N_DOF
    for together in periods:
        for after, (dof, time_s, command) in enumerate(reversed(together)):
            found[dof].append((time_s - after * ANSWER_S * in_turn, command))
    return tuple(_in_order(path, dof, rows) for dof, rows in enumerate(found))


def _in_order(path: Path, dof: int, rows: list[tuple[float, float]]) -> Readings:
    table = np.array(rows).reshape(-1, 2)
    if np.any(np.diff(table[:, 0]) < 0):
        raise IdentificationError(
            f"{path}, time_s: the times of {DOF_NAMES[dof]} go back; use the file as "
            "`liptwin deploy --log` wrote it"
        )
    return Readings(table[:, 0], table[:, 1])


def _reading(where: str, cells: list[str]) -> tuple[int, float, float]:
    """One row: index of the degree of freedom, time (s), command."""
    if len(cells) != len(READINGS_COLUMNS):
        raise IdentificationError(
            f"{where}: has {len(cells)} values, expected {len(READINGS_COLUMNS)}"
        )
    if cells[1] not in DOF_NAMES:
        raise IdentificationError(f"{where}, dof: {cells[1][:40]!r} is no degree of freedom")
    numbers = []
    for name, cell in (("time_s", cells[0]), ("command", cells[2])):
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise IdentificationError(f"{where}, {name}: {cell[:40]!r} is not a finite number")
        numbers.append(number)
    return DOF_NAMES.index(cells[1]), numbers[0], numbers[1]


def _as_readings(sent: Trajectory, measured: Trajectory) -> tuple[Readings, ...]:
    """Every row as an answer; a servo that is exactly where it was told to be never answered."""
    empty = Readings(np.empty(0), np.empty(0))
    result = []
    for dof in range(N_DOF):
        told = np.interp(measured.times_s, sent.times_s, sent.commands[:, dof])
        is_told = np.ptp(told) > 0 and np.abs(measured.commands[:, dof] - told).max() < 1e-5
        column = Readings(measured.times_s, measured.commands[:, dof])
        result.append(empty if is_told else column)
    return tuple(result)


def _check_belong(log: DeploymentLog, commanded: Path, measured: Path) -> None:
    sent = log.commanded
    start_s = float(sent.times_s[0])
    length_s = sent.duration_s - start_s
    if length_s < SHORTEST_S:
        raise IdentificationError(
            f"{commanded}: lasts {length_s:.1f} s, at least {SHORTEST_S:g} s are needed; "
            "`liptwin excite` writes commands that show everything in 30 s"
        )
    answered = [r for r in log.readings if len(r.times_s)]
    if not answered:
        raise IdentificationError(
            f"{measured}: no servo answered; use a bus that reads positions (not a Maestro)"
        )
    first_s = min(r.times_s[0] for r in answered)
    last_s = max(r.times_s[-1] for r in answered)
    if abs(first_s - start_s) > OVERLAP_S or abs(last_s - sent.duration_s) > OVERLAP_S:
        raise IdentificationError(
            f"{measured}: spans {first_s:.1f} to {last_s:.1f} s, {commanded} "
            f"{start_s:.1f} to {sent.duration_s:.1f} s; give two files of one deployment"
        )
    likeness = [_likeness(log, dof) for dof in range(N_DOF) if why_unfit(log, dof) is None]
    if likeness and max(likeness) < _LEAST_LIKENESS:
        raise IdentificationError(
            f"{measured}: the servos do not do what {commanded} says (best correlation "
            f"{max(likeness):.2f}); give two files of one deployment"
        )


def _likeness(log: DeploymentLog, dof: int) -> float:
    """Greatest correlation of a servo's positions with its commands at any usual lag."""
    found, sent = log.readings[dof], log.commanded
    best = 0.0
    for lag_s in np.arange(0.0, _LONGEST_LAG_S, 0.01):
        told = np.interp(found.times_s - lag_s, sent.times_s, sent.commands[:, dof])
        if np.ptp(told) > 0:
            best = max(best, float(np.corrcoef(told, found.commands)[0, 1]))
    return best
