"""Pictures of a deployment against the twin: one row for each servo."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.dof import DOF_NAMES, N_DOF
from sim2real.identification.gap import Gap

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

WINDOW_S: Final = 5.0
"""Time that the left column shows: long enough for several moves, short enough to see lag."""

_COLOURS: Final = ("tab:red", "tab:green")


class PlotError(RuntimeError):
    """Pictures cannot be drawn here; the message says what to install."""


def plot_gaps(path: Path, gaps: Mapping[str, Gap]) -> None:
    """Draw measured and simulated shafts and what is between them as a PNG file.

    Args:
        path: Where to write.
        gaps: One or two twins by name, of one log.

    Raises:
        PlotError: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise PlotError(
            'pictures of gaps need matplotlib; install it with pip install "liptwin[plots]"'
        ) from error
    figure = Figure(figsize=(13.0, 1.35 * N_DOF + 0.8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(N_DOF, 2, sharex="col", width_ratios=(3, 2), squeeze=False)
    for dof in range(N_DOF):
        _draw_shaft(axes[dof, 0], dof, gaps)
        _draw_difference(axes[dof, 1], dof, gaps)
    axes[0, 0].set_title("shaft angle, deg", fontsize=9)
    axes[0, 1].set_title("measured minus twin, deg", fontsize=9)
    for ax in axes[-1]:
        ax.set_xlabel("time, s")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, fontsize=8)
    figure.savefig(path)


def _draw_shaft(ax: Axes, dof: int, gaps: Mapping[str, Gap]) -> None:
    ax.set_ylabel(DOF_NAMES[dof], rotation=0, ha="right", fontsize=8)
    ax.tick_params(labelsize=7)
    for (name, gap), colour in zip(gaps.items(), _COLOURS, strict=False):
        shown = _window(gap.times_s)
        ax.plot(gap.times_s[shown], gap.simulated_deg[shown, dof], color=colour, lw=1.0, label=name)
    gap = next(iter(gaps.values()))
    times_s = gap.reading_times_s[dof]
    shown = (times_s >= gap.times_s[0]) & (times_s <= gap.times_s[0] + WINDOW_S)
    ax.plot(
        times_s[shown], gap.measured_deg[dof][shown], ".", color="black", ms=2.5, label="measured"
    )


def _draw_difference(ax: Axes, dof: int, gaps: Mapping[str, Gap]) -> None:
    ax.tick_params(labelsize=7)
    ax.axhline(0.0, color="0.6", lw=0.6)
    for (name, gap), colour in zip(gaps.items(), _COLOURS, strict=False):
        figures = gap.figures[dof]
        if figures is None:
            ax.text(0.5, 0.5, "no answers", transform=ax.transAxes, ha="center", fontsize=8)
            continue
        label = f"{name}: rms {figures.rms_deg:.2f}"
        ax.plot(
            gap.reading_times_s[dof], gap.difference_deg[dof], color=colour, lw=0.6, label=label
        )
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="upper right", fontsize=6, ncols=2)


def _window(times_s: Floats) -> NDArray[np.bool_]:
    shown: NDArray[np.bool_] = times_s <= times_s[0] + WINDOW_S
    return shown
