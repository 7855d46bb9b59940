"""Where the 40 MediaPipe lip landmarks lie on the lip patch."""

import numpy as np
from numpy.typing import NDArray

from sim.build_model.surface import WET_LINE, lip_patch
from sim.landmarks import OUTER

Array = NDArray[np.float64]

# Fraction of the half mouth width and ring of the points from the midline to a corner, upper and
# lower. They follow the spacing that MediaPipe's face mesh shows on rendered faces (see
# tests/test_detector.py); the outer contour comes in from the vermilion border (r = 0.45) to the
# corner where the lips join.
_OUTER_UPPER = ((0.0, 0.42), (0.29, 0.42), (0.58, 0.42), (0.78, 0.42), (0.91, 0.39))
_OUTER_LOWER = ((0.0, 0.48), (0.29, 0.48), (0.56, 0.46), (0.77, 0.43), (0.90, 0.39))
_INNER = (0.0, 0.26, 0.48, 0.66, 0.81)
_OUTER_CORNER_R, _INNER_CORNER_R = 0.29, 0.08

_LEFT_UPPER = {0: 0, 267: 1, 269: 2, 270: 3, 409: 4}
_LEFT_LOWER = {17: 0, 314: 1, 405: 2, 321: 3, 375: 4}
_RIGHT_UPPER = {37: 1, 39: 2, 40: 3, 185: 4}
_RIGHT_LOWER = {84: 1, 181: 2, 91: 3, 146: 4}

STRIP_RADII = np.linspace(0.05, 0.36, 26)
"""Rings among which the lip line is sought: lips roll, so the line wanders over them."""


def _theta_at(x_mm: float, r: float, upper: bool) -> float:
    """theta on the right half of ring r, where |x| = x_mm."""
    theta = np.linspace(np.pi / 2, 0.0, 2001)
    return float(np.interp(x_mm, lip_patch(theta, r)[:, 0], theta) * (1 if upper else -1))


def contour_sites() -> tuple[Array, Array]:
    """theta (22,) rad and r (22,) of the landmarks fixed on the skin: the outer contour in
    `sim.landmarks.OUTER` order, then the inner corners 78 (right) and 308 (left)."""
    half_width = float(lip_patch(0.0, _OUTER_CORNER_R)[0])
    sites: dict[int, tuple[float, float]] = {
        61: (0.0, _OUTER_CORNER_R),
        291: (np.pi, _OUTER_CORNER_R),
        78: (0.0, _INNER_CORNER_R),
        308: (np.pi, _INNER_CORNER_R),
    }
    for right, left, table, upper in (
        (_RIGHT_UPPER, _LEFT_UPPER, _OUTER_UPPER, True),
        (_RIGHT_LOWER, _LEFT_LOWER, _OUTER_LOWER, False),
    ):
        for rows, mirrored in ((right, False), (left, True)):
            for index, step in rows.items():
                fraction, r = table[step]
                theta = _theta_at(fraction * half_width, r, upper)
                sites[index] = (np.pi - theta if mirrored else theta, r)
    ordered = np.array([sites[index] for index in (*OUTER, 78, 308)])
    return np.mod(ordered[:, 0], 2 * np.pi), ordered[:, 1]


def strip_sites() -> tuple[Array, Array]:
    """theta and r (2, 9, 10) of the strips across the upper (0) and lower (1) lip, from right to
    left as in `sim.landmarks.INNER_PAIRS`, along which the lip line is sought."""
    half_width = float(lip_patch(0.0, WET_LINE)[0])
    fractions = [*_INNER[:0:-1], *_INNER]
    theta = np.empty((2, len(fractions)))
    for row, upper in enumerate((True, False)):
        for k, fraction in enumerate(fractions):
            right = _theta_at(fraction * half_width, WET_LINE, upper)
            theta[row, k] = right if k < len(_INNER) else np.pi - right
    shape = (*theta.shape, len(STRIP_RADII))
    return (
        np.broadcast_to(np.mod(theta, 2 * np.pi)[..., None], shape),
        np.broadcast_to(STRIP_RADII, shape),
    )
