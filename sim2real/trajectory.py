"""Trajectory files: timed servo commands as CSV, the hand-over between any source and hardware."""

from __future__ import annotations

import csv
import io
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.dof import DOF_NAMES, N_DOF

TIME_COLUMN = "time_s"
COLUMNS: tuple[str, ...] = (TIME_COLUMN, *DOF_NAMES)
"""Header of a trajectory file, in the order in which it is written."""

DECIMALS = 6
"""Decimals in a file: a microsecond, and a millionth of a joint's range."""

MAX_TIME_S = 24 * 3600.0
"""Latest time that is accepted; beyond it the times are most likely not in seconds."""

FPS_RANGE = (1.0, 1000.0)
"""Frame rates that make sense: from slower than any film to faster than any servo bus."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_TIME_TOLERANCE_S = 2e-6
"""Files hold times to a microsecond; a frame is not added for less."""


class TrajectoryError(ValueError):
    """A trajectory, or the file that should hold one, is not valid."""


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Commands over time.

    Attributes:
        times_s: (n,) float64 seconds, n >= 1, from 0 up, strictly increasing.
        commands: (n, 10) float64 in [0, 1], columns in the order of `sim.dof.DOF_NAMES`.

    Raises:
        TrajectoryError: anything else; the message names the row, counted from 0.
    """

    times_s: NDArray[np.float64]
    commands: NDArray[np.float64]

    def __post_init__(self) -> None:
        n = len(self.times_s) if self.times_s.ndim == 1 else 0
        if n == 0:
            raise TrajectoryError(
                f"a trajectory needs times of shape (n,), n >= 1, not {self.times_s.shape}"
            )
        if self.commands.shape != (n, N_DOF):
            raise TrajectoryError(
                f"{n} times need commands of shape ({n}, {N_DOF}), not {self.commands.shape}"
            )
        for row in range(n):
            previous_s = float(self.times_s[row - 1]) if row else None
            problem = _time_problem(float(self.times_s[row]), previous_s)
            if problem:
                raise TrajectoryError(f"row {row}, {TIME_COLUMN}: {problem}")
        wrong = np.argwhere(~((self.commands >= 0.0) & (self.commands <= 1.0)))
        if len(wrong):
            row, dof = (int(index) for index in wrong[0])
            problem = _command_problem(float(self.commands[row, dof]))
            raise TrajectoryError(f"row {row}, {DOF_NAMES[dof]}: {problem}")

    @property
    def duration_s(self) -> float:
        """Time of the last row."""
        return float(self.times_s[-1])


def read_trajectory_csv(path: str | os.PathLike[str]) -> Trajectory:
    """Read a trajectory file. Columns are found by name, so their order does not matter.

    Raises:
        TrajectoryError: the file cannot be read or is not a trajectory; the message names the
            file, the line (the header is line 1), the column and the value.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TrajectoryError(
            f"{path}: byte {error.start} is not UTF-8 text; save the file as CSV, UTF-8"
        ) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise TrajectoryError(f"{path}: cannot be read ({reason}); check the path") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    order: list[int] | None = None
    times: list[float] = []
    commands: list[list[float]] = []
    blank_line: int | None = None
    try:
        for cells in reader:
            if order is None:
                order = _column_order(path, cells)
            elif not cells:
                blank_line = blank_line or reader.line_num
            elif blank_line is not None:
                raise TrajectoryError(f"{path}, line {blank_line}: is blank; remove it")
            else:
                where = f"{path}, line {reader.line_num}"
                values = _row_values(where, cells, order)
                problem = _time_problem(values[0], times[-1] if times else None)
                if problem:
                    raise TrajectoryError(f"{where}, {TIME_COLUMN}: {problem}")
                times.append(values[0])
                commands.append(values[1:])
    except csv.Error as error:
        raise TrajectoryError(f"{path}, line {reader.line_num}: not CSV ({error})") from error
    if order is None:
        raise TrajectoryError(f"{path}: the file is empty; its first line must be {_header()}")
    if not times:
        raise TrajectoryError(f"{path}: there are no rows below the header")
    return Trajectory(np.array(times), np.array(commands))


def write_trajectory_csv(path: str | os.PathLike[str], trajectory: Trajectory) -> None:
    """Write a trajectory file. It appears complete or not at all.

    Raises:
        TrajectoryError: two times are the same once rounded to microseconds, or the file cannot
            be written.
    """
    path = Path(path)
    table = np.column_stack([trajectory.times_s, trajectory.commands])
    table = np.round(table, DECIMALS) + 0.0  # + 0.0 turns -0 into 0
    same = np.flatnonzero(np.diff(table[:, 0]) <= 0)
    if len(same):
        row = int(same[0])
        raise TrajectoryError(
            f"{path}: rows {row} and {row + 1} are less than a microsecond apart "
            f"({TIME_COLUMN} {table[row, 0]:.{DECIMALS}f}); resample the trajectory first"
        )
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as stream:
            stream.write(_header() + "\n")
            for row_values in table:
                stream.write(",".join(f"{value:.{DECIMALS}f}" for value in row_values) + "\n")
        partial.replace(path)
    except OSError as error:
        raise TrajectoryError(
            f"{path}: cannot be written ({error.strerror}); "
            "check that the folder exists and is writable"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def resample(trajectory: Trajectory, fps: float) -> Trajectory:
    """The same motion on the frame grid k / fps, from 0 to the first frame at or after its end.

    Before the first row its command holds, after the last row that one does. In between the
    commands are interpolated linearly: that adds no overshoot beyond [0, 1] (as a spline would)
    and no speed that was not in the file (as holding each command would), and it is what a servo
    does that is given a position and the time to reach it.

    Raises:
        TrajectoryError: a frame rate outside `FPS_RANGE`.
    """
    if not FPS_RANGE[0] <= fps <= FPS_RANGE[1]:
        raise TrajectoryError(f"the frame rate must be from 1 to 1000 per second, not {fps}")
    n_frames = max(0, math.ceil((trajectory.duration_s - _TIME_TOLERANCE_S) * fps)) + 1
    times = np.arange(n_frames) / fps
    columns = [np.interp(times, trajectory.times_s, column) for column in trajectory.commands.T]
    return Trajectory(times, np.column_stack(columns))


def _header() -> str:
    return ",".join(COLUMNS)


def _column_order(path: Path, header: list[str]) -> list[int]:
    """Where each of `COLUMNS` stands in the file."""
    names = [name.strip() for name in header]
    problems = []
    for kind, columns in {
        "missing": [name for name in COLUMNS if name not in names],
        "unknown": [name for name in names if name not in COLUMNS],
        "duplicate": [name for name in COLUMNS if names.count(name) > 1],
    }.items():
        if columns:
            problems.append(f"{kind}: {', '.join(repr(name[:40]) for name in columns[:12])}")
    if problems:
        raise TrajectoryError(
            f"{path}, line 1: wrong columns ({'; '.join(problems)}); expected {_header()}"
        )
    return [names.index(name) for name in COLUMNS]


def _row_values(where: str, cells: list[str], order: list[int]) -> list[float]:
    """One row as numbers in the order of `COLUMNS`; its commands are in range."""
    if len(cells) != len(order):
        raise TrajectoryError(f"{where}: has {len(cells)} values, the header has {len(order)}")
    values = []
    for name, index in zip(COLUMNS, order, strict=True):
        cell = cells[index].strip()
        if not _NUMBER.fullmatch(cell):
            raise TrajectoryError(f"{where}, {name}: {cell[:40]!r} is not a finite number")
        value = float(cell)
        problem = None if name == TIME_COLUMN else _command_problem(value)
        if problem:
            raise TrajectoryError(f"{where}, {name}: {problem}")
        values.append(value)
    return values


def _time_problem(time_s: float, previous_s: float | None) -> str | None:
    if not 0.0 <= time_s <= MAX_TIME_S:
        return f"{time_s} is not a time in seconds from 0 to {MAX_TIME_S:.0f}"
    if previous_s is not None and time_s <= previous_s:
        return f"{time_s} does not come after {previous_s}; times must increase"
    return None


def _command_problem(value: float) -> str | None:
    if not 0.0 <= value <= 1.0:
        return f"{value} is not a command in [0, 1]"
    return None
