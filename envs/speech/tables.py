"""Strict CSV reading: what is wrong in a file is named by file, line and column."""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SHOWN = 40
"""Letters of a wrong value that a message shows."""


class TableError(ValueError):
    """A table cannot be read or written; the message names the file, the line and the column."""


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        where: file and line, for messages.
        cells: the values by column, stripped of blanks around them.
    """

    where: str
    cells: dict[str, str]

    def number(self, column: str) -> float:
        """The finite number in a column.

        Raises:
            TableError: there is something else.
        """
        cell = self.cells[column]
        value = float(cell) if _NUMBER.fullmatch(cell) else math.nan
        if not math.isfinite(value):
            raise self.error(column, f"{cell[:_SHOWN]!r} is not a finite number")
        return value

    def error(self, column: str, problem: str) -> TableError:
        """The error to raise about a column."""
        return TableError(f"{self.where}, {column}: {problem}")


class Table:
    """A CSV file with a header, opened and decoded.

    Args:
        path: the file, UTF-8 with or without byte order mark.
        required: columns that must be there; their order does not matter.

    Raises:
        TableError: it cannot be read, is not text, is empty, or lacks or repeats a column.
    """

    def __init__(self, path: str | os.PathLike[str], required: tuple[str, ...] = ()) -> None:
        self.path = Path(path)
        text = _text(self.path)
        self._reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(self._lines(), None)
        if header is None:
            raise TableError(f"{self.path}: the file is empty; its first line must name columns")
        self.columns = tuple(name.strip() for name in header)
        missing = [name for name in required if name not in self.columns]
        repeated = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if missing or repeated:
            kind, names = ("missing", missing) if missing else ("repeated", repeated)
            raise TableError(
                f"{self.path}, line 1: columns {kind}: "
                f"{', '.join(repr(name[:_SHOWN]) for name in names[:12])}"
            )

    def rows(self, *, ragged: bool = False) -> Iterator[Row]:
        """The lines below the header, once; blank lines at the end are left out.

        Args:
            ragged: whether a line may be shorter than the header; what it lacks is then "".

        Raises:
            TableError: a line of the wrong length, a blank line between others, or none at all.
        """
        blank: int | None = None
        count = 0
        for cells in self._lines():
            line = self._reader.line_num
            if not cells:
                blank = blank or line
                continue
            if blank is not None:
                raise TableError(f"{self.path}, line {blank}: is blank; remove it")
            where = f"{self.path}, line {line}"
            short = len(self.columns) - len(cells)
            if short < 0 or (short and not ragged):
                raise TableError(
                    f"{where}: has {len(cells)} values, the header has {len(self.columns)}"
                )
            padded = [cell.strip() for cell in cells] + [""] * short
            count += 1
            yield Row(where, dict(zip(self.columns, padded, strict=True)))
        if count == 0:
            raise TableError(f"{self.path}: there are no rows below the header")

    def _lines(self) -> Iterator[list[str]]:
        try:
            yield from self._reader
        except csv.Error as error:
            raise TableError(
                f"{self.path}, line {self._reader.line_num}: not CSV ({error})"
            ) from error


def increasing_time(row: Row, column: str, previous_s: float | None) -> float:
    """A time in seconds, from 0 up and after the row before.

    Raises:
        TableError: it is not.
    """
    time_s = row.number(column)
    if time_s < 0:
        raise row.error(column, f"{time_s} is negative; times start at 0")
    if previous_s is not None and time_s <= previous_s:
        raise row.error(column, f"{time_s} does not come after {previous_s}; times must increase")
    return time_s


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TableError(
            f"{path}: byte {error.start} is not UTF-8 text; save the file as CSV, UTF-8"
        ) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise TableError(f"{path}: cannot be read ({reason}); check the path") from error
