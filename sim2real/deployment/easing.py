"""Soft motion between two poses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PEAK_OVER_MEAN_SPEED = 1.875
"""Of a minimum-jerk motion."""


def minimum_jerk(share: float) -> float:
    """Way done, 0 to 1, after a share of the time: Flash and Hogan, J. Neurosci. 5 (1985)."""
    x = min(max(share, 0.0), 1.0)
    return x**3 * (10.0 - 15.0 * x + 6.0 * x**2)


def soft_duration_s(start: Floats, end: Floats, top_speeds: Floats, at_least_s: float) -> float:
    """Time of a minimum-jerk motion in which no servo passes its top speed.

    Args:
        start: commands (10,).
        end: commands (10,).
        top_speeds: commands per second (10,).
        at_least_s: least time, s.
    """
    return max(at_least_s, float(np.max(PEAK_OVER_MEAN_SPEED * np.abs(end - start) / top_speeds)))


def soft_motion(start: Floats, end: Floats, duration_s: float, rate_hz: float) -> Iterator[Floats]:
    """Commands (10,) at a control rate, from just after `start` to `end`."""
    n = max(1, round(duration_s * rate_hz))
    for index in range(1, n + 1):
        yield start + minimum_jerk(index / n) * (end - start)
