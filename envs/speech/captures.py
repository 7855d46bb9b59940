"""Captured human faces: CSV files of ARKit blend shapes over time.

Two forms are read. A plain one has a column `time_s`; a file of Apple's Live Link Face app has
`Timecode` and `BlendShapeCount`. Both name the shapes in any usual spelling, and may have columns
for the head and the eyes, which are left alone.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech.arkit import REQUIRED_SHAPES, canonical_name, lip_curves
from envs.speech.lips import LipCurves
from envs.speech.tables import Row, Table, TableError, increasing_time

Floats = NDArray[np.float64]

TIME_COLUMN: Final = "time_s"
TIMECODE_COLUMN: Final = "Timecode"
COUNT_COLUMN: Final = "BlendShapeCount"

TIMECODE_RATES: Final = (24, 25, 30, 48, 50, 60)
"""Frame rates that a timecode may count in."""

VALUE_SLACK: Final = 0.05
"""How far beyond 0..1 an activation may be, as interpolation leaves it; it is then cut off."""

_TIMECODE = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})[:;](\d{1,2}(?:\.\d{1,6})?)", re.ASCII)
_DAY_S = 24 * 3600
_TOLERANCE_S = 1e-6


@dataclass(frozen=True, eq=False)
class Capture:
    """A captured mouth.

    Attributes:
        times_s: (n,) seconds, n >= 1, from 0 up, strictly increasing.
        shapes: activations (n,) in 0..1 by Apple's name of the shape.
        other_columns: columns that are no blend shapes (head, eyes), which were left alone.
        lost_frames: rows in which the app had lost the face; they are not among the n.
    """

    times_s: Floats
    shapes: dict[str, Floats]
    other_columns: tuple[str, ...]
    lost_frames: int

    @property
    def fps(self) -> float:
        """Frames per second, lost ones counted; 30 where there is but one frame."""
        if self.times_s.size < 2:
            return 30.0
        steps = np.diff(self.times_s)
        return float(np.rint(steps / np.median(steps)).sum() / steps.sum())

    @property
    def rounding(self) -> Floats:
        """The larger of mouthPucker and mouthFunnel, (n,)."""
        return np.maximum(self.shapes["mouthPucker"], self.shapes["mouthFunnel"])

    def lips(self) -> LipCurves:
        """The lips of this capture at its own times, through the map of `envs.speech.arkit`."""
        return lip_curves(self.times_s, self.shapes)


def read_capture_csv(path: str | os.PathLike[str]) -> Capture:
    """Read a capture.

    A timecode counts frames without saying how many make a second. Where a second ends inside the
    file, its last frame tells; a shorter file is taken for the lowest rate that its frames fit.
    Times begin at 0 with the first row; a plain file's times stay as they are.

    Raises:
        TableError: the file cannot be read or is no capture; the message names the file, the line
            and the column.
    """
    table = Table(path)
    is_live_link = TIMECODE_COLUMN in table.columns
    if not is_live_link and TIME_COLUMN not in table.columns:
        raise TableError(
            f"{table.path}, line 1: there is neither {TIME_COLUMN!r} nor {TIMECODE_COLUMN!r}; "
            "is this a file of ARKit blend shapes?"
        )
    columns, other = _shape_columns(table)
    values: list[list[float]] = []
    times: list[float] = []
    codes: list[_Timecode] = []
    kept: list[bool] = []
    for row in table.rows(ragged=is_live_link):
        if is_live_link:
            codes.append(_timecode(row))
            kept.append(_has_face(row))
            if not kept[-1]:
                continue
        else:
            times.append(increasing_time(row, TIME_COLUMN, times[-1] if times else None))
        values.append([_activation(row, column) for column in columns])
    if not values:
        raise TableError(f"{table.path}: the face is lost in every row; record it again")
    times_s = _seconds(codes)[np.array(kept)] if is_live_link else np.array(times)
    activations = np.array(values)
    return Capture(
        times_s=times_s,
        shapes={name: activations[:, index] for index, name in enumerate(columns.values())},
        other_columns=other,
        lost_frames=kept.count(False),
    )


def _shape_columns(table: Table) -> tuple[dict[str, str], tuple[str, ...]]:
    """Apple's name by column, and the columns that are no blend shapes."""
    columns: dict[str, str] = {}
    other: list[str] = []
    for column in table.columns:
        name = canonical_name(column)
        if name is None:
            if column not in (TIME_COLUMN, TIMECODE_COLUMN, COUNT_COLUMN):
                other.append(column)
        elif name in columns.values():
            raise TableError(f"{table.path}, line 1: {column!r}: {name} is there twice")
        else:
            columns[column] = name
    missing = [name for name in REQUIRED_SHAPES if name not in columns.values()]
    if missing:
        raise TableError(
            f"{table.path}, line 1: there is no {', '.join(missing)}; "
            "is this a file of ARKit blend shapes?"
        )
    return columns, tuple(other)


def _activation(row: Row, column: str) -> float:
    value = row.number(column)
    if not -VALUE_SLACK <= value <= 1 + VALUE_SLACK:
        raise row.error(column, f"{value} is not in 0..1; divide percentages by 100")
    return min(1.0, max(0.0, value))


@dataclass(frozen=True)
class _Timecode:
    """A row's time: whole seconds, and frames within the second."""

    row: Row
    second: int
    frame: float


def _timecode(row: Row) -> _Timecode:
    match = _TIMECODE.fullmatch(row.cells[TIMECODE_COLUMN])
    if match is None:
        shown = row.cells[TIMECODE_COLUMN][:40]
        raise row.error(TIMECODE_COLUMN, f"{shown!r} is not a timecode, HH:MM:SS:FF.fff")
    hours, minutes, seconds = (int(match[part]) for part in (1, 2, 3))
    frame = float(match[4])
    if hours >= 24 or minutes >= 60 or seconds >= 60 or frame >= TIMECODE_RATES[-1]:
        raise row.error(
            TIMECODE_COLUMN,
            f"{match[0]!r} is no time of day; there are at most {TIMECODE_RATES[-1]} frames in a "
            "second",
        )
    return _Timecode(row, 3600 * hours + 60 * minutes + seconds, frame)


def _has_face(row: Row) -> bool:
    """Whether the row holds shapes; the app counts none where it has lost the face."""
    return row.cells.get(COUNT_COLUMN, "").rstrip("0") != "" or (
        COUNT_COLUMN not in row.cells and any(row.cells.values())
    )


def _seconds(codes: list[_Timecode]) -> Floats:
    """Seconds (n,) since the first timecode; midnight may lie between."""
    last_frame = max(int(code.frame) for code in codes)
    rate = next(rate for rate in TIMECODE_RATES if rate > last_frame)
    first = codes[0].second + codes[0].frame / rate
    times: list[float] = []
    for code in codes:
        time_s = code.second + code.frame / rate - first
        if time_s < -_DAY_S / 2:
            time_s += _DAY_S
        if times and time_s <= times[-1] + _TOLERANCE_S:
            raise code.row.error(
                TIMECODE_COLUMN,
                f"{code.row.cells[TIMECODE_COLUMN]!r} does not come after the row before",
            )
        times.append(time_s)
    return np.array(times)
