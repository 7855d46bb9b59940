"""Named quantities of the lips, from the 40 landmarks."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.landmarks import INNER, OUTER, ROW

Floats = NDArray[np.float64]

TOUCH_TOLERANCE_MM: Final = 0.5
"""Lips count as touching when they are nowhere along the lip line farther apart than this, which
is less than one pixel of the lip crop (0.63 mm)."""

_UPPER, _LOWER = ROW[13], ROW[14]
_LEFT, _RIGHT = ROW[291], ROW[61]
_FRONT = np.array([ROW[0], ROW[13], ROW[14], ROW[17]])


@dataclass(frozen=True)
class LipMeasurements:
    """What the lips do at one moment."""

    aperture_mm: float
    width_mm: float
    protrusion_mm: float
    jaw_deg: float
    lips_touching: bool
    lower_lip_on_teeth: bool


def aperture_mm(landmarks: Floats) -> float:
    """Opening between the lips on the midline (13 to 14), mm, 0 when closed."""
    return float(max(0.0, landmarks[_UPPER, 2] - landmarks[_LOWER, 2]) * 1e3)


def width_mm(landmarks: Floats) -> float:
    """Distance between the mouth corners (61 to 291), mm."""
    return float(np.linalg.norm(landmarks[_LEFT] - landmarks[_RIGHT]) * 1e3)


def forward_mm(landmarks: Floats) -> float:
    """Mean forward position of the middle of both lips (0, 13, 14, 17), mm."""
    return float(landmarks[_FRONT, 1].mean() * 1e3)


def opening_m2(landmarks: Floats) -> float:
    """Area (m2) between the lips as seen from the front: the inner contour, by the shoelace
    formula."""
    x, z = landmarks[len(OUTER) : len(OUTER) + len(INNER)][:, [0, 2]].T
    return float(0.5 * abs(np.sum(x * np.roll(z, -1) - z * np.roll(x, -1))))
