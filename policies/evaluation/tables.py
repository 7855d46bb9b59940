"""Tables of figures: Markdown to read, JSON beside it to compute with."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

from envs.speech.scoring import Count
from policies.evaluation.distances import Spread
from policies.self_observation.dataset import write_whole

Cell = str | float | int | Count | Spread | None


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: of its files.
        title: what it is.
        notes: what the reader has to know about it.
        rows: by column; all have the same columns, in the same order.
    """

    name: str
    title: str
    notes: str
    rows: tuple[dict[str, Cell], ...]

    def markdown(self) -> str:
        """The table to read."""
        lines = [f"## {self.title}", "", self.notes, ""]
        if self.rows:
            columns = tuple(self.rows[0])
            lines += [_line(columns), "|" + "---|" * len(columns)]
            lines += [_line(tuple(map(shown, row.values()))) for row in self.rows]
        else:
            lines.append("Nothing was evaluated.")
        return "\n".join(lines) + "\n"

    def json(self) -> str:
        """The table to compute with; a count has hits, total and share."""
        content = {
            "title": self.title,
            "notes": self.notes,
            "rows": [{key: _plain(cell) for key, cell in row.items()} for row in self.rows],
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"

    def write(self, folder: Path) -> None:
        """Leave both forms in a folder, each whole or not at all.

        Raises:
            OSError: they cannot be written.
        """
        write_whole(folder / f"{self.name}.md", self.markdown().encode())
        write_whole(folder / f"{self.name}.json", self.json().encode())


def shown(cell: Cell) -> str:
    """A cell to read: three digits, counts with their share, a spread as mean ± deviation."""
    if cell is None:
        return "-"
    if isinstance(cell, Count):
        return "none" if cell.share is None else f"{cell.hits} of {cell.total}, {cell.share:.1%}"
    if isinstance(cell, Spread):
        return f"{figure(cell.mean)} ± {figure(cell.std)}"
    return figure(cell) if isinstance(cell, float) else str(cell)


def figure(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _plain(cell: Cell) -> Any:
    if isinstance(cell, Count):
        return {**asdict(cell), "share": cell.share}
    return asdict(cell) if is_dataclass(cell) else cell
