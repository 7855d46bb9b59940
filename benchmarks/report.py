"""The figures as a table, as Markdown and as JSON."""

import json
import os
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Final

from rich.table import Table

from benchmarks.case import Figure

WIDTH: Final = 130
"""Characters of a table that goes to a file."""
_COLUMNS: Final = ("what", "median", "min to max", "unit", "compared", "wanted")


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    return {
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "python": platform.python_version(),
        "mujoco": version("mujoco"),
    }


def table(figures: list[Figure]) -> Table:
    """For a terminal."""
    shown = Table(title=", ".join(f"{key} {value}" for key, value in machine().items()))
    for column in _COLUMNS:
        shown.add_column(column, justify="right" if column == "median" else "left")
    group = None
    for figure in figures:
        if group not in (None, figure.group):
            shown.add_section()
        group = figure.group
        shown.add_row(*_row(figure))
    return shown


def markdown(figures: list[Figure]) -> str:
    """For a document."""
    rows = [_COLUMNS, ("---",) * len(_COLUMNS), *map(_row, figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write_json(path: Path, figures: list[Figure]) -> None:
    """For a program; the file appears whole."""
    partial = path.with_name(f".{path.name}.partial")
    content = {"machine": machine(), "figures": [asdict(figure) for figure in figures]}
    partial.write_text(json.dumps(content, indent=2) + "\n")
    partial.replace(path)


def _row(figure: Figure) -> tuple[str, ...]:
    compared = ""
    if figure.ratio is not None:
        compared = f"{_number(figure.ratio)} x {figure.baseline}"
    return (
        figure.name,
        _number(figure.median),
        f"{_number(min(figure.runs))} to {_number(max(figure.runs))}",
        figure.unit,
        compared,
        figure.wanted or "",
    )


def _number(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
