"""How close the fast tier is to the settled shell: .venv/bin/python -m benchmarks.tiers"""

import argparse

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from sim import FaceTwin
from sim.landmarks import REGIONS

SEED = 20262
"""Not the seed of the model build: none of these commands was fitted."""


def landmark_errors_mm(n_commands: int) -> tuple[NDArray[np.float64], int]:
    """Distances (n, 40) mm between the tiers' landmarks, settled under uniform random commands
    with ideal servos, and the number of MuJoCo warnings of the fast tier."""
    rng = np.random.default_rng(SEED)
    fast, shell = (FaceTwin(skin, ideal_servos=True) for skin in ("condensed", "shell"))
    rows, warnings = [], 0
    for _ in track(range(n_commands), "comparing"):
        commands = rng.uniform(size=10)
        seen = []
        for twin in (fast, shell):
            twin.reset()
            for share in np.linspace(0, 1, 9)[1:]:
                twin.step(twin.rest_commands + share * (commands - twin.rest_commands), 1 / 30)
            twin.step(commands, 0.4)
            seen.append(twin.landmarks())
        rows.append(np.linalg.norm(seen[0] - seen[1], axis=1) * 1e3)
        warnings += sum(int(warning.number) for warning in fast.data.warning)
    return np.array(rows), warnings


def main() -> None:
    """Print a table per region of the lips."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", type=int, default=200, help="random command vectors")
    arguments = parser.parse_args()
    errors, warnings = landmark_errors_mm(arguments.commands)
    table = Table(title=f"fast tier against settled shell, {arguments.commands} random commands")
    for column in ("landmarks", "mean, mm", "median, mm", "p95, mm", "max, mm"):
        table.add_column(column, justify="right")
    regions = {"all 40": tuple(range(errors.shape[1]))} | REGIONS
    for name, rows in regions.items():
        part = errors[:, rows]
        figures = (part.mean(), np.median(part), np.percentile(part, 95), part.max())
        table.add_row(name, *(f"{figure:.2f}" for figure in figures))
    Console().print(table)
    print(f"MuJoCo warnings in the fast tier: {warnings}")


if __name__ == "__main__":
    main()
