"""How two curves go together: correlation, the lag between them, and what a viewer notices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_LAG_S: Final = 0.3
"""Lags are looked for up to this far either way; more is no lag but another recording."""

STEP_S: Final = 0.005
"""Lags are found to this step."""

MIN_OVERLAP_S: Final = 2 * MAX_LAG_S
"""Curves that overlap by less say nothing about a lag."""

MIN_CORRELATION: Final = 0.3
"""Curves that correlate less than this at every lag do not follow each other, so have no lag."""

LIPS_HZ: Final = 5.0
"""Lips in speech move at 2 to 7 Hz (Chandrasekaran et al., "The natural statistics of audiovisual
speech", PLoS Computational Biology 5, 2009), so that twice this many samples a second are
independent of each other."""

CHANCE: Final = 2.58
"""Standard errors, 1 / sqrt(independent samples), that a correlation must reach besides: one lag
does so by chance in one of a hundred pairs of curves, any within `MAX_LAG_S` in one of ten."""

ALIKE: Final = 0.05
"""Of peaks that are lower than the highest by at most this, the nearest to no lag counts: syllables
recur after 0.15 to 0.5 s, and curves that are one syllable apart correlate nearly as well."""

DETECTABLE_MS: Final = (-125.0, 45.0)
ACCEPTABLE_MS: Final = (-185.0, 90.0)
"""ITU-R BT.1359-1: sound that is early by more than 45 ms, or late by more than 125 ms, is noticed;
beyond 90 and 185 ms it is not acceptable. Lips that are late are sound that is early."""


@dataclass(frozen=True)
class Synchrony:
    """How one curve follows another.

    Attributes:
        r: Pearson correlation without any shift.
        best_r: the highest correlation at any lag.
        lag_ms: the lag at which it is reached, or nearly (`ALIKE`) and nearer to none; positive
            when the lips are late. None where no lag stands out: the curves correlate at none more
            than by chance, or most at the end of the search.
    """

    r: float
    best_r: float
    lag_ms: float | None

    @property
    def verdict(self) -> str | None:
        """What a viewer makes of the lag, after ITU-R BT.1359; None where there is no lag."""
        if self.lag_ms is None:
            return None
        for limits, word in ((DETECTABLE_MS, "not noticed"), (ACCEPTABLE_MS, "noticed")):
            if limits[0] <= self.lag_ms <= limits[1]:
                return word
        return "not acceptable"


def synchrony(
    times_s: Floats, values: Floats, reference_times_s: Floats, reference: Floats
) -> Synchrony | None:
    """How `values` (n,) follow `reference` (m,), each at its own times, over where both are known.

    Returns:
        None where nothing can be said: the overlap is too short, or a curve is flat.
    """
    start_s = max(float(times_s[0]), float(reference_times_s[0]))
    end_s = min(float(times_s[-1]), float(reference_times_s[-1]))
    if end_s - start_s < MIN_OVERLAP_S:
        return None
    grid = start_s + STEP_S * np.arange(int((end_s - start_s) / STEP_S) + 1)
    lips = np.interp(grid, times_s, values)
    wanted = np.interp(grid, reference_times_s, reference)
    reach = round(MAX_LAG_S / STEP_S)
    steps = range(-reach, reach + 1)
    n = len(grid)
    found = [
        pearson(lips[max(0, k) : n + min(0, k)], wanted[max(0, -k) : n - max(0, k)]) for k in steps
    ]
    at_zero = found[reach]
    known = np.array([-np.inf if r is None else r for r in found])
    if at_zero is None:
        return None
    best = int(np.argmax(known))
    samples = 2.0 * LIPS_HZ * (end_s - start_s)
    stands_out = known[best] >= max(MIN_CORRELATION, CHANCE / np.sqrt(samples))
    if not stands_out or abs(steps[best]) == reach:
        return Synchrony(at_zero, float(known[best]), None)
    peaks = 1 + np.flatnonzero((known[1:-1] >= known[:-2]) & (known[1:-1] >= known[2:]))
    alike = peaks[known[peaks] >= known[best] - ALIKE]
    nearest = int(alike[np.argmin(np.abs(alike - reach))])
    return Synchrony(at_zero, float(known[best]), float(steps[nearest] * STEP_S * 1e3))


def pearson(one: Floats, other: Floats) -> float | None:
    """Pearson correlation of two rows (n,); None where one of them is flat."""
    if np.ptp(one) < 1e-9 or np.ptp(other) < 1e-9:
        return None
    return float(np.corrcoef(one, other)[0, 1])
