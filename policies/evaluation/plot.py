"""Bars by language: how far lips are from the target, with the deviation over the frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from policies.evaluation.distances import Spread
from policies.evaluation.findings import Findings, Summaries, Summary
from policies.evaluation.systems import SYSTEMS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS: Final = ("tab:green", "tab:blue", "tab:orange", "tab:gray")
_GROUP_WIDTH: Final = 0.8


class PlotError(RuntimeError):
    """Pictures cannot be drawn here; the message says what to install."""


def plot_languages(path: Path, findings: Findings) -> None:
    """Draw latent and landmark distances by language as a PNG file.

    Raises:
        PlotError: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise PlotError(
            'plots of languages need matplotlib; install it with pip install "liptwin[plots]"'
        ) from error
    figure = Figure(figsize=(13.0, 10.0), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    upper, middle, lower = figure.subplots(3, 1)
    _draw(upper, findings.languages, lambda one: one.latent, "squared latent distance")
    upper.set_yscale("log")
    upper.set_title("synthesised speech: the paper's eleven languages", fontsize=10)
    _draw(middle, findings.languages, lambda one: one.landmarks_mm, "landmarks, mm")
    _draw(lower, findings.recorded, lambda one: one.landmarks_mm, "landmarks, mm")
    lower.set_title("recorded speech", fontsize=10)
    handles, labels = upper.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(SYSTEMS), fontsize=9)
    figure.savefig(path)


def _draw(
    ax: Axes,
    groups: Mapping[str, Summaries],
    of: Callable[[Summary], Spread | None],
    quantity: str,
) -> None:
    """A group of bars for each language, a bar for each system; the lines are one deviation."""
    width = _GROUP_WIDTH / len(SYSTEMS)
    for index, (system, colour) in enumerate(zip(SYSTEMS, _COLOURS, strict=True)):
        known = [
            (place, found)
            for place, summaries in enumerate(groups.values())
            if system in summaries and (found := of(summaries[system])) is not None
        ]
        if not known:
            continue
        means = [found.mean for _, found in known]
        # Down no further than to the least value, which keeps a logarithmic axis whole.
        below = [min(found.std, found.mean - found.least) for _, found in known]
        above = [found.std for _, found in known]
        ax.bar(
            [place + (index - (len(SYSTEMS) - 1) / 2) * width for place, _ in known],
            means,
            width,
            yerr=(below, above),
            color=colour,
            label=system,
            error_kw={"elinewidth": 0.8, "capsize": 2},
        )
    ax.set_xticks(range(len(groups)), list(groups))
    ax.set_ylabel(quantity, fontsize=9)
    ax.grid(axis="y", alpha=0.3)
