"""Trajectory files as text: CSV with a header, and what is known about it in `# key: value` lines
above the header."""

from __future__ import annotations

import csv
import io
import os
import re
from pathlib import Path
from typing import Final

import numpy as np

from sim2real.trajectory.errors import TrajectoryError
from sim2real.trajectory.files import read_bytes, replacing
from sim2real.trajectory.metadata import Metadata
from sim2real.trajectory.trajectory import (
    COLUMNS,
    TIME_COLUMN,
    Trajectory,
    command_problem,
    time_problem,
)

DECIMALS: Final = 6
"""Decimals in a file: a microsecond, and a millionth of a joint's range."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_REMARK = "#"
_KEY = re.compile(r"#\s*(\w+)\s*:(.*)")


def read_trajectory_csv(path: str | os.PathLike[str]) -> Trajectory:
    """Read a trajectory file. Columns are found by name, so their order does not matter.

    Raises:
        TrajectoryError: the file cannot be read or is not a trajectory; the message names the
            file, the line (the first one is 1), the column and the value.
    """
    path = Path(path)
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TrajectoryError(
            f"{path}: byte {error.start} is not UTF-8 text; save the file as CSV, UTF-8"
        ) from error
    remarks, table = _split_remarks(text)
    try:
        metadata = Metadata.from_text(_known(remarks))
    except TrajectoryError as error:
        raise TrajectoryError(f"{path}: {error}") from error
    reader = csv.reader(io.StringIO(table, newline=""), strict=True)
    order: list[int] | None = None
    times: list[float] = []
    commands: list[list[float]] = []
    blank_line: int | None = None
    try:
        for cells in reader:
            line = len(remarks) + reader.line_num
            if order is None:
                order = column_order(f"{path}, line {line}", cells)
            elif not cells:
                blank_line = blank_line or line
            elif blank_line is not None:
                raise TrajectoryError(f"{path}, line {blank_line}: is blank; remove it")
            else:
                where = f"{path}, line {line}"
                values = row_values(where, cells, order)
                problem = time_problem(values[0], times[-1] if times else None)
                if problem:
                    raise TrajectoryError(f"{where}, {TIME_COLUMN}: {problem}")
                times.append(values[0])
                commands.append(values[1:])
    except csv.Error as error:
        line = len(remarks) + reader.line_num
        raise TrajectoryError(f"{path}, line {line}: not CSV ({error})") from error
    if order is None:
        raise TrajectoryError(f"{path}: the file is empty; its first line must be {_header()}")
    if not times:
        raise TrajectoryError(f"{path}: there are no rows below the header")
    try:
        return Trajectory(np.array(times), np.array(commands), metadata)
    except TrajectoryError as error:
        raise TrajectoryError(f"{path}: {error}") from error


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
    with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as stream:
        for key, value in trajectory.metadata.to_text().items():
            stream.write(f"{_REMARK} {key}: {value}\n")
        stream.write(_header() + "\n")
        for row_values in table:
            stream.write(",".join(f"{value:.{DECIMALS}f}" for value in row_values) + "\n")


def _header() -> str:
    return ",".join(COLUMNS)


def _split_remarks(text: str) -> tuple[list[str], str]:
    """The remarks above the header, and what follows them."""
    remarks = []
    while text.startswith(_REMARK):
        line, _, text = text.partition("\n")
        remarks.append(line.rstrip("\r"))
    return remarks, text


def _known(remarks: list[str]) -> dict[str, str]:
    found = (_KEY.fullmatch(remark) for remark in remarks)
    return {match[1]: match[2].strip() for match in found if match is not None}


def column_order(where: str, header: list[str]) -> list[int]:
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
            f"{where}: wrong columns ({'; '.join(problems)}); expected {_header()}; "
            "files without such a header are read by `liptwin convert --columns`"
        )
    return [names.index(name) for name in COLUMNS]


def row_values(where: str, cells: list[str], order: list[int]) -> list[float]:
    """One row as numbers in the order of `COLUMNS`; its commands are in range."""
    if len(cells) != len(order):
        raise TrajectoryError(f"{where}: has {len(cells)} values, the header has {len(order)}")
    values = []
    for name, index in zip(COLUMNS, order, strict=True):
        value = number(f"{where}, {name}", cells[index])
        problem = None if name == TIME_COLUMN else command_problem(value)
        if problem:
            raise TrajectoryError(f"{where}, {name}: {problem}")
        values.append(value)
    return values


def number(where: str, cell: str) -> float:
    """A cell as a number.

    Raises:
        TrajectoryError: it is none; the message begins with `where`.
    """
    cell = cell.strip()
    if not _NUMBER.fullmatch(cell):
        raise TrajectoryError(f"{where}: {cell[:40]!r} is not a finite number")
    return float(cell)
