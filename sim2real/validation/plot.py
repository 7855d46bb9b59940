"""A picture of a report: what was asked for, and when it came near which limit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from sim.dof import DOF_NAMES
from sim2real.trajectory import Trajectory
from sim2real.validation.report import Check, Report, figure_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH_IN: Final = 10.0
_COMMANDS_IN: Final = 2.6
_CHECK_IN: Final = 0.85
_DPI: Final = 120
_COLOURS: Final = {"pass": "tab:green", "fail": "tab:red"}


class PlotError(RuntimeError):
    """Pictures cannot be drawn here; the message says what to install."""


def plot_report(
    path: Path, trajectory: Trajectory, report: Report, before: Trajectory | None = None
) -> None:
    """Draw a report as a PNG file.

    The commands on top, over the times at which the lips were closed; below, one row per check with
    the share of its limit that was used, and its worst moment.

    Args:
        path: Where to write.
        trajectory: What the report is about.
        report: The verdicts.
        before: The trajectory before its repair, drawn thin and grey.

    Raises:
        PlotError: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise PlotError(
            'pictures of reports need matplotlib; install it with pip install "liptwin[plots]"'
        ) from error
    traced = [check for check in report.checks if check.trace is not None]
    heights = [_COMMANDS_IN, *[_CHECK_IN] * len(traced)]
    figure = Figure(figsize=(_WIDTH_IN, sum(heights) + 0.8), dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    _draw_commands(figure, axes[0], trajectory, report, before)
    for ax, check in zip(axes[1:], traced, strict=True):
        _draw_check(ax, check)
    axes[-1].set_xlabel("time, s")
    axes[-1].set_xlim(trajectory.times_s[0], report.playback.times_s[-1])
    figure.savefig(path)


def _draw_commands(
    figure: Figure, ax: Axes, trajectory: Trajectory, report: Report, before: Trajectory | None
) -> None:
    if before is not None:
        ax.plot(before.times_s, before.commands, color="0.75", linewidth=0.7)
    for name, column in zip(DOF_NAMES, trajectory.commands.T, strict=True):
        ax.plot(trajectory.times_s, column, linewidth=1.0, label=name)
    played = report.playback
    ax.fill_between(
        played.look_times_s,
        0.0,
        1.0,
        where=played.closed.tolist(),
        step="mid",
        color="tab:blue",
        alpha=0.15,
        linewidth=0,
        label="lips closed",
    )
    ax.set_ylim(-0.02, 1.02)
    ax.set_ylabel("command")
    ax.set_title("passed" if report.passed else "failed", loc="left", fontsize=10)
    figure.legend(*ax.get_legend_handles_labels(), loc="outside right upper", fontsize=7)


def _draw_check(ax: Axes, check: Check) -> None:
    trace = check.trace
    if trace is None or check.value is None:
        return
    colour = _COLOURS.get(check.verdict, "0.5")
    shares = trace.shares.max(axis=1)
    ax.plot(trace.times_s, shares, color=colour, linewidth=1.0)
    ax.axhline(1.0, color="black", linewidth=0.8, linestyle="--")
    ax.fill_between(
        trace.times_s,
        1.0,
        np.maximum(shares, 1.0),
        color="tab:red",
        alpha=0.3,
        linewidth=0,
    )
    worst = int(shares.argmax())
    ax.plot(trace.times_s[worst], shares[worst], "o", color=colour, markersize=4)
    where = f" by {check.dof}" if check.dof else ""
    used = f"{figure_text(check.value)} of {figure_text(check.limit)} {check.unit}"
    ax.set_title(
        f"{check.name}: {used}{where} at {trace.times_s[worst]:.2f} s, {check.verdict}",
        loc="left",
        fontsize=8,
        color=colour,
        pad=2,
    )
    ax.set_ylim(0.0, 1.1 * max(1.1, float(trace.shares.max())))
    ax.set_ylabel("of limit", fontsize=7)
    ax.tick_params(labelsize=7)
