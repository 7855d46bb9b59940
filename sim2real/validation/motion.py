"""Speed, acceleration and jerk of a trajectory, as the servos receive it.

A trajectory is rows; between them a servo moves along straight lines. The finite differences of
such a signal say nothing: at every row its speed jumps, so its acceleration is a spike as high as
the rows are close, and the same motion at another rate has other figures.

So motion is judged *through what a servo can follow*: three moving averages in a row whose
bandwidth is that of the servo's own position loop (`limits.averaging_window_s`, 32 ms for the
shipped servos). Chains of moving averages are how drives smooth what they are told (Biagiotti and
Melchiorri, "FIR filters for online trajectory planning with time- and frequency-domain
specifications", Control Engineering Practice 20(12), 2012): three make speed and acceleration
continuous and jerk finite. With T the length of an average, the jerk is exactly the third
difference of the received signal over T, divided by T^3; acceleration and speed are second and
first differences, averaged once and twice. None depends on the rate of the rows as long as it is
above 1 / T or so, none overshoots the rows, and all three are linear in them: what repairs a
trajectory uses the same matrices as what judges it.

Before its first row a trajectory holds that row, after its last row that one: players ease into
the first pose before they start.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array

Floats = NDArray[np.float64]

SAMPLES_PER_WINDOW: Final = 8
"""Motion is looked at so many times per moving average: every 4 ms for the shipped servos."""


@dataclass(frozen=True, eq=False)
class Derivative:
    """A derivative of what a servo does, as a linear map of the rows.

    Attributes:
        matrix: (k, n) sparse; times rows (n,) in any unit gives (k,) of that unit per s, s2 or s3.
        times_s: (k,) moments that the rows of the matrix belong to.
    """

    matrix: csr_matrix
    times_s: Floats


@dataclass(frozen=True, eq=False)
class Derivatives:
    """The three derivatives for one length of moving average."""

    speed: Derivative
    acceleration: Derivative
    jerk: Derivative


def derivatives_of_each(times_s: Floats, windows_s: Floats) -> list[Derivatives]:
    """Derivatives for each servo's own length of moving average, `windows_s` (10,)."""
    by_window = {window: derivatives(times_s, window) for window in np.unique(windows_s)}
    return [by_window[window] for window in windows_s]


def derivatives(times_s: Floats, window_s: float) -> Derivatives:
    """Derivatives of a trajectory with rows at `times_s` (n,), seen through three moving averages.

    Args:
        times_s: Times of the rows, s, increasing.
        window_s: Length of each average, s.
    """
    step_s = window_s / SAMPLES_PER_WINDOW
    n_before = 3 * SAMPLES_PER_WINDOW
    n_inside = int(np.ceil((times_s[-1] - times_s[0]) / step_s))
    grid_s = times_s[0] + step_s * np.arange(-n_before, n_inside + n_before + 1)
    received = _interpolation(times_s, grid_s)
    average = np.full(SAMPLES_PER_WINDOW, 1.0 / SAMPLES_PER_WINDOW)
    difference = np.zeros(SAMPLES_PER_WINDOW + 1)
    difference[[0, -1]] = -1.0 / window_s, 1.0 / window_s

    def derivative(*filters: Floats) -> Derivative:
        kernel = filters[0]
        for following in filters[1:]:
            kernel = np.convolve(kernel, following)
        n_kept = len(grid_s) - len(kernel) + 1
        band = diags_array(
            [np.full(n_kept, tap) for tap in kernel],
            offsets=range(len(kernel)),
            shape=(n_kept, len(grid_s)),
        )
        centre_s = (len(kernel) - 1) / 2 * step_s
        return Derivative(csr_matrix(band @ received), grid_s[:n_kept] + centre_s)

    return Derivatives(
        speed=derivative(difference, average, average),
        acceleration=derivative(difference, difference, average),
        jerk=derivative(difference, difference, difference),
    )


def _interpolation(times_s: Floats, grid_s: Floats) -> csr_matrix:
    """(k, n) weights of linear interpolation, the first and the last row held beyond the ends."""
    n, k = len(times_s), len(grid_s)
    rows = np.arange(k)
    if n == 1:
        return csr_matrix((np.ones(k), (rows, np.zeros(k, dtype=int))), shape=(k, n))
    left = np.clip(np.searchsorted(times_s, grid_s, side="right") - 1, 0, n - 2)
    share = (grid_s - times_s[left]) / (times_s[left + 1] - times_s[left])
    share = np.clip(share, 0.0, 1.0)
    return csr_matrix(
        (
            np.concatenate([1.0 - share, share]),
            (np.concatenate([rows, rows]), np.concatenate([left, left + 1])),
        ),
        shape=(k, n),
    )
