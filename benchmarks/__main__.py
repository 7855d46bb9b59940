"""Measure and tell: `python -m benchmarks --help`."""

import argparse
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from liptwin import gl

GROUPS: Final = ("physics", "calls", "pictures", "live", "speak")


def main() -> None:
    """Parse the command line, run, print."""
    arguments = _arguments()
    gl.prepare(rendering=True)
    # after the rendering back end is chosen: these import MuJoCo
    from benchmarks import case, live, physics, pictures, report, speaking

    cases = {
        "physics": physics.CASES,
        "calls": pictures.CALL_CASES,
        "pictures": pictures.PICTURE_CASES,
        "live": live.CASES,
        "speak": speaking.CASES,
    }
    chosen = [group for group in GROUPS if group in (arguments.only or GROUPS)]
    effort = case.QUICK if arguments.quick else case.FULL
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    figures: list[case.Figure] = []
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        runs = (effort.repeats + 1) * sum(len(cases[group]) for group in chosen)
        task = progress.add_task("", total=runs)
        for group in chosen:
            figures += case.run_group(
                group,
                cases[group],
                effort,
                lambda name: progress.update(task, description=name, advance=1),
            )
    if arguments.markdown:
        print(report.markdown(figures))
    else:
        width = None if sys.stdout.isatty() else report.WIDTH
        Console(width=width).print(report.table(figures))
    if arguments.json is not None:
        report.write_json(arguments.json, figures)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure how fast LipTwin is on this machine."
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs; noisy")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--json", type=Path, metavar="PATH", help="also write every run here")
    parser.add_argument("--only", nargs="+", choices=GROUPS, help="measure only these")
    return parser.parse_args()


if __name__ == "__main__":
    main()
