"""Command files as other robots write them: rows of numbers at a fixed rate, without a header.

A small YAML file, the column map, says what the numbers mean. See docs/trajectories.md.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sim.dof import DOF_NAMES
from sim2real.trajectory.csv_file import number
from sim2real.trajectory.errors import TrajectoryError
from sim2real.trajectory.files import read_bytes
from sim2real.trajectory.metadata import FPS_RANGE, Metadata
from sim2real.trajectory.trajectory import Trajectory

Floats = NDArray[np.float64]

_ROUNDING = 1e-9
"""By how much a mapped value may miss the range through rounding alone."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ColumnRule(_Row):
    """What one column of a foreign file moves.

    Commands are linear in the file's values: `commands[0]` at `values[0]`, `commands[1]` at
    `values[1]`. Values that fall as the command grows say so by their order.
    """

    dofs: Annotated[tuple[str, ...], Field(min_length=1)]
    """Degrees of freedom that the column drives, such as both mouth corners."""
    values: tuple[float, float]
    commands: tuple[Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)]] = (
        0.0,
        1.0,
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.values[0] == self.values[1]:
            raise ValueError("values are the same at both ends; give two different ones")
        unknown = [name for name in self.dofs if name not in DOF_NAMES]
        if unknown:
            raise ValueError(
                f"{unknown[0]!r} is no degree of freedom; use one of {', '.join(DOF_NAMES)}"
            )
        if len(set(self.dofs)) < len(self.dofs):
            raise ValueError("dofs names one twice")
        return self

    def map(self, values: Floats) -> Floats:
        """Commands (n,) of file values (n,)."""
        start, end = self.values
        share = (values - start) / (end - start)
        return self.commands[0] + share * (self.commands[1] - self.commands[0])


class ColumnMap(_Row):
    """How the numbers of a foreign file become commands.

    A degree of freedom that no column drives rests. Where several columns drive the same one, such
    as one for up and one for down, their departures from rest add up.
    """

    rate_hz: Annotated[float, Field(ge=FPS_RANGE[0], le=FPS_RANGE[1])]
    """Rows per second."""
    separator: Literal["comma", "semicolon", "tab", "space"] = "comma"
    skip_rows: Annotated[int, Field(ge=0)] = 0
    """Lines above the first row."""
    clip: bool = False
    """Whether values beyond the range are moved to its end; otherwise they are refused."""
    columns: Annotated[tuple[ColumnRule | None, ...], Field(min_length=1)]
    """One per column of the file, in its order; null leaves a column out."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if all(rule is None for rule in self.columns):
            raise ValueError("columns drive nothing; name a degree of freedom for at least one")
        return self


_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " "}


def load_column_map(path: str | os.PathLike[str]) -> ColumnMap:
    """Read a column map.

    Raises:
        TrajectoryError: the file cannot be read or is no column map; names the entry.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(read_bytes(path).decode("utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise TrajectoryError(f"{path}: is not valid YAML; {error}") from error
    if not isinstance(content, dict):
        raise TrajectoryError(f"{path}: is no column map; it needs the keys rate_hz and columns")
    try:
        return ColumnMap.model_validate(content)
    except ValidationError as error:
        lines = [_explain(detail) for detail in error.errors(include_url=False)]
        raise TrajectoryError("\n".join(f"{path}: {line}" for line in lines)) from error


def read_foreign(
    path: str | os.PathLike[str], columns: ColumnMap, rest_commands: Floats
) -> Trajectory:
    """Read rows of numbers as a trajectory.

    Args:
        path: The file.
        columns: What its numbers mean.
        rest_commands: Commands (10,) at which the face rests.

    Raises:
        TrajectoryError: the file cannot be read, a cell is no number, or a command would leave
            [0, 1]; the message names file, line, column and value.
    """
    path = Path(path)
    lines, numbers = _numbers(path, columns)
    commands = np.tile(rest_commands, (len(numbers), 1))
    for index, rule in enumerate(columns.columns):
        if rule is None:
            continue
        mapped = rule.map(numbers[:, index])
        if not columns.clip:
            _refuse_beyond(path, lines, index, rule, numbers[:, index], mapped)
        for name in rule.dofs:
            dof = DOF_NAMES.index(name)
            commands[:, dof] += mapped - rest_commands[dof]
    if not columns.clip:
        beyond = np.argwhere((commands < -_ROUNDING) | (commands > 1 + _ROUNDING))
        if len(beyond):
            row, dof = (int(k) for k in beyond[0])
            raise TrajectoryError(
                f"{path}, line {lines[row]}: the columns of {DOF_NAMES[dof]} add up to the command "
                f"{commands[row, dof]:.6g}, beyond [0, 1]; correct the map, or set clip: true"
            )
    metadata = Metadata(fps=columns.rate_hz)
    times_s = np.arange(len(commands)) / columns.rate_hz
    return Trajectory(times_s, np.clip(commands, 0.0, 1.0), metadata)


def _refuse_beyond(
    path: Path, lines: list[int], index: int, rule: ColumnRule, values: Floats, mapped: Floats
) -> None:
    low, high = min(rule.commands), max(rule.commands)
    beyond = np.flatnonzero((mapped < low - _ROUNDING) | (mapped > high + _ROUNDING))
    if len(beyond):
        row = int(beyond[0])
        raise TrajectoryError(
            f"{path}, line {lines[row]}, column {index + 1} ({', '.join(rule.dofs)}): "
            f"{values[row]:g} is beyond {min(rule.values):g} to {max(rule.values):g}; "
            "correct the map, or set clip: true"
        )


def _numbers(path: Path, columns: ColumnMap) -> tuple[list[int], Floats]:
    """Line numbers of the rows, and their cells (n, columns); cells left out are not read."""
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TrajectoryError(f"{path}: byte {error.start} is not UTF-8 text") from error
    lines: list[int] = []
    rows: list[list[float]] = []
    for line, content in enumerate(text.splitlines(), start=1):
        if line <= columns.skip_rows or not content.strip():
            continue
        cells = _cells(content, columns.separator)
        if len(cells) != len(columns.columns):
            raise TrajectoryError(
                f"{path}, line {line}: has {len(cells)} values, the column map has "
                f"{len(columns.columns)} columns"
            )
        rows.append(
            [
                0.0 if rule is None else number(f"{path}, line {line}, column {k + 1}", cell)
                for k, (rule, cell) in enumerate(zip(columns.columns, cells, strict=True))
            ]
        )
        lines.append(line)
    if not rows:
        raise TrajectoryError(f"{path}: there are no rows")
    return lines, np.array(rows)


def _cells(line: str, separator: str) -> list[str]:
    if separator == "space":
        return re.split(r"[ \t]+", line.strip())
    return line.split(_SEPARATORS[separator])


def _explain(detail: Any) -> str:
    """One pydantic error as place, value and remedy."""
    message: str = detail["msg"].removeprefix("Value error, ")
    place = ""
    for part in detail["loc"]:
        place += f"[{part + 1}]" if isinstance(part, int) else f"{'.' if place else ''}{part}"
    shown = "" if isinstance(detail["input"], dict) else f"{detail['input']!r}: "
    return f"{place}{': ' if place else ''}{shown}{message}"
