"""Rows of a trajectory file as they arrive, in pieces of any size."""

from __future__ import annotations

import codecs
import csv

import numpy as np
from numpy.typing import NDArray

from sim2real.trajectory.csv_file import column_order, row_values
from sim2real.trajectory.errors import TrajectoryError
from sim2real.trajectory.trajectory import TIME_COLUMN, time_problem

Floats = NDArray[np.float64]
Row = tuple[float, Floats]

LONGEST_LINE = 4096
"""Bytes; a row needs about 100. What is longer is no row, and is not kept waiting for its end."""


class RowParser:
    """Takes bytes, gives rows; the same rules as for files, except that lines that begin with "#"
    may stand anywhere.

    Args:
        name: of the stream, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._line = 0
        self._order: list[int] | None = None
        self._last_s: float | None = None

    def feed(self, data: bytes) -> list[Row]:
        """The rows (seconds, commands (10,)) that these bytes complete.

        Raises:
            TrajectoryError: they are not rows of a trajectory; names line, column and value.
        """
        return self._take(data, final=False)

    def finish(self) -> list[Row]:
        """The row that ends with the stream instead of a line end, if there is one.

        Raises:
            TrajectoryError: it is no row, or there was not even a header.
        """
        rows = self._take(b"\n", final=True)
        if self._order is None:
            raise TrajectoryError(f"{self._name}: ended before its header, the line of columns")
        return rows

    def _take(self, data: bytes, *, final: bool) -> list[Row]:
        try:
            self._text += self._decoder.decode(data, final)
        except UnicodeDecodeError as error:
            raise TrajectoryError(
                f"{self._name}, line {self._line + 1}: is not UTF-8 text"
            ) from error
        *lines, self._text = self._text.split("\n")
        if len(self._text) > LONGEST_LINE:
            raise TrajectoryError(
                f"{self._name}, line {self._line + len(lines) + 1}: is longer than "
                f"{LONGEST_LINE} characters; is this a trajectory?"
            )
        rows = (self._row(line.rstrip("\r")) for line in lines)
        return [row for row in rows if row is not None]

    def _row(self, line: str) -> Row | None:
        """One line; None if it is no row: the header, a remark, an empty line."""
        self._line += 1
        where = f"{self._name}, line {self._line}"
        if not line.strip() or line.startswith("#"):
            return None
        try:
            cells = next(csv.reader([line], strict=True))
        except csv.Error as error:
            raise TrajectoryError(f"{where}: not CSV ({error})") from error
        if self._order is None:
            self._order = column_order(where, cells)
            return None
        time_s, *commands = row_values(where, cells, self._order)
        problem = time_problem(time_s, self._last_s)
        if problem:
            raise TrajectoryError(f"{where}, {TIME_COLUMN}: {problem}")
        self._last_s = time_s
        return time_s, np.array(commands)
