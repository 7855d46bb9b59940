"""The upper dental arch as the lower lip meets it in f and v."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ARCH_FRONT_M: Final = -10.5e-3
ARCH_DEPTH_M: Final = 30e-3
ARCH_HALF_WIDTH_M: Final = 26e-3
ARCH_POWER: Final = 2.2
"""Labial curve y = front - depth (|x| / half_width)^power; a true parabola is too pointed at the
incisors, natural arches are flatter there."""
UPPER_EDGE_Z_M: Final = -2.2e-3
"""Height of the biting edge of the central incisors."""
EDGE_THICKNESS_M: Final = 1.7e-3

TEETH_TOLERANCE_M: Final = 0.8e-3
"""The lower lip is on the teeth within this distance of its mid-surface: 0.2 mm of skin and the
0.6 mm below which no slit between lip and teeth can be seen."""


def distance_to_upper_teeth(points: Floats) -> Floats:
    """Distance (n,) m of points (n, 3) in front of or below the upper front teeth, 0 inside."""
    front = ARCH_FRONT_M - ARCH_DEPTH_M * (np.abs(points[:, 0]) / ARCH_HALF_WIDTH_M) ** ARCH_POWER
    ahead = points[:, 1] - front
    off_edge = np.maximum(np.maximum(ahead, -EDGE_THICKNESS_M - ahead), 0.0)
    below = np.maximum(UPPER_EDGE_Z_M - points[:, 2], 0.0)
    return np.hypot(off_edge, below)
