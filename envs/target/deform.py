"""How a human mouth deforms the grid of control points.

The control points form rings around the mouth (`sim.skin.SHELL_RINGS`), so lips are shaped where
they are: along the lip by the spoke (0 on the midline, 1 in the corner), across it by the ring.
Steps, in this order: the jaw swings its share of the skin; the corners go out or in; the lips go
forward and roll outward, or the lower lip goes back to the teeth; pressed lips thin; last, upper
and lower lip are brought to a wanted gap along the whole lip line. That last step is what keeps
them from overlapping, whatever the others did.

Lengths are m in the face frame; grids are (SHELL_RINGS, SHELL_SPOKES, 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.skin import BONES, SHELL_RINGS, SHELL_SPOKES, SkinModel
from sim.teeth import (
    ARCH_DEPTH_M,
    ARCH_FRONT_M,
    ARCH_HALF_WIDTH_M,
    ARCH_POWER,
    UPPER_EDGE_Z_M,
)

Floats = NDArray[np.float64]

_HALF: Final = SHELL_SPOKES // 2
_UPPER: Final = slice(1, _HALF)
_LOWER: Final = slice(SHELL_SPOKES - 1, _HALF, -1)
"""Spokes of the two lips between the corners, both from the right corner to the left one."""
_CREST: Final = slice(1, 5)
"""Rings among which the edge of a lip lies, however far it rolls."""
_WET: Final = 2
_BORDER: Final = 5
"""Rings of the line where the lips meet and of the vermilion border."""

# Shares of the rings in each movement, from the inside of the lips to the edge of the soft skin:
# whole on the lips, fading smoothly over the skin around them.
_STRETCH_SHARE: Final = np.array([1, 1, 1, 1, 1, 0.92, 0.68, 0.40, 0.16, 0])
_FORWARD_SHARE: Final = np.array([1, 1, 1, 1, 1, 0.90, 0.62, 0.32, 0.10, 0])
_PARTING_SHARE: Final = np.array([1, 1, 1, 1, 0.93, 0.76, 0.50, 0.24, 0.07, 0])
_BITE_SHARE: Final = np.array([0.6, 0.9, 1, 1, 0.85, 0.55, 0.25, 0.06, 0, 0])
_PRESS_SHARE: Final = np.array([0, 0, 0, 0.35, 0.9, 1, 0.6, 0.25, 0.06, 0])
_CURL_SHARE: Final = np.array([1, 1, 1, 0.9, 0.6, 0, 0, 0, 0, 0])

CORNER_JAW_SHARE: Final = 0.35
"""How much of the jaw's swing the mouth corners follow: they hang between the resting upper lip
and the lower lip that rides on the jaw, held up by the cheeks."""
LINE_FOLLOWS_CORNERS: Final = 0.3
"""How much of the corners' sinking the middle of the lip line follows."""
UPPER_SHARE: Final = 0.25
"""Share of the upper lip in the opening; the lower lip does most of it in speech."""
CORNER_BACK: Final = 0.5
"""How far the corners go back for each millimetre out: they slide around the dental arch."""
CURL_RAD_PER_M: Final = 45.0
"""How far the lips roll outward as they go forward: 15 degrees at the 6 mm of a full rounding."""
BITE_OVERLAP_M, BITE_CLEARANCE_M = 0.8e-3, 0.3e-3
"""In f and v, how far the edge of the lower lip goes up in front of the upper teeth, and how far
before them its mid-surface stays: about as thick as the visible skin on it."""
PRESS_M: Final = 1.2e-3
"""How much of each lip's red disappears when the lips are pressed together."""
LENS_POWER: Final = 0.85
"""Exponent of the opening's outline, gap = middle (1 - u^2)^power: an almond."""
ROUND_REACH: Final = 0.38
"""By how much of the half width a fully rounded opening is shorter than the lip line; beyond it
the lips touch."""
ROUND_FORWARD_M, ROUND_NARROW_M = 6e-3, 12e-3
"""Protrusion and narrowing of full rounding."""


@dataclass(frozen=True)
class Movement:
    """What the lips do, in terms of the deformation; lengths in m.

    jaw_rad: rotation of the jaw. stretch: how far each corner goes out. forward: how far the lips
    go forward. gaps: (15,) wanted distance between the lips' edges on the spokes, right to left.
    bite, press: 0 to 1, lower lip on the upper teeth, lips pressed together.
    """

    jaw_rad: float
    stretch: float
    forward: float
    gaps: Floats
    bite: float
    press: float


class LipDeformer:
    """Deforms the control points of a skin.

    Args:
        skin: the skin at rest.
        jaw_hinge: a point on the jaw's axis, (3,) m; the axis runs along x.
    """

    def __init__(self, skin: SkinModel, jaw_hinge: Floats) -> None:
        self._rest = skin.shell_vertices.reshape(SHELL_RINGS, SHELL_SPOKES, 3)
        self._hinge = jaw_hinge
        wet = np.abs(self._rest[_WET, :, 0])
        self.along = wet / wet.max()
        """Place of each spoke along the lips, (32,): 0 on the midline, 1 in the corners."""
        self._middle = 1.0 - self.along**2
        self._jaw_share = _jaw_share(skin.bone_weights)
        outward = np.clip(np.abs(self._rest[..., 0]) / wet.max(), 0.0, 1.0)
        self._outward = np.sign(self._rest[..., 0]) * np.sin(0.5 * np.pi * outward)

    def opening(self, aperture: float, width_change: float, forward: float) -> Floats:
        """Gaps (15,) m between the lips for an aperture on the midline: a wide almond for spread
        lips, a short round opening with touching lips beside it for rounded ones."""
        rounding = 0.5 * (
            np.clip(forward / ROUND_FORWARD_M, 0.0, 1.0)
            + np.clip(-width_change / ROUND_NARROW_M, 0.0, 1.0)
        )
        place = self.along[_UPPER] / (1.0 - ROUND_REACH * rounding)
        return np.asarray(aperture * np.maximum(1.0 - place**2, 0.0) ** LENS_POWER)

    def deform(self, movement: Movement) -> Floats:
        """Control points (320, 3) m."""
        grid = self._swing_jaw(movement.jaw_rad)
        retreat = (self._rest - grid)[..., 1]
        self._stretch(grid, movement.stretch)
        self._push(grid, movement.forward, retreat)
        self._bite(grid, movement.bite)
        self._press(grid, movement.press)
        self._part(grid, movement.gaps, movement.bite)
        return grid.reshape(-1, 3)

    def _swing_jaw(self, angle: float) -> Floats:
        c, s = np.cos(angle), np.sin(angle)
        turn = np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
        arm = self._rest - self._hinge
        return self._rest + self._jaw_share[..., None] * (arm @ turn.T - arm)

    def _stretch(self, grid: Floats, stretch: float) -> None:
        share = _STRETCH_SHARE[:, None]
        grid[..., 0] += stretch * self._outward * share
        grid[..., 1] -= CORNER_BACK * stretch * np.abs(self._outward) ** 2 * share

    def _push(self, grid: Floats, forward: float, retreat: Floats) -> None:
        """Lips forward, rolling outward; the lower lip also makes up for what the jaw took back."""
        lower = np.zeros(SHELL_SPOKES)
        lower[_LOWER] = self._middle[_LOWER]
        grid[..., 1] += retreat[_WET] * lower * _FORWARD_SHARE[:, None]
        grid[..., 1] += forward * (1.0 - 0.5 * self.along**2) * _FORWARD_SHARE[:, None]
        curl = CURL_RAD_PER_M * max(forward, 0.0) * self._middle * _CURL_SHARE[:, None]
        side = np.ones(SHELL_SPOKES)
        side[_LOWER] = -1.0
        arm = grid - grid[_BORDER]
        c, s = np.cos(curl), np.sin(curl) * side
        y, z = arm[..., 1].copy(), arm[..., 2].copy()
        grid[..., 1] += (c - 1.0) * y - s * z
        grid[..., 2] += s * y + (c - 1.0) * z

    def _bite(self, grid: Floats, bite: float) -> None:
        """The edge of the lower lip back to the front of the upper teeth."""
        edge = grid[_WET, _LOWER]
        arch = ARCH_DEPTH_M * (np.abs(edge[:, 0]) / ARCH_HALF_WIDTH_M) ** ARCH_POWER
        front = ARCH_FRONT_M + BITE_CLEARANCE_M - arch
        back = np.minimum(front - edge[:, 1], 0.0) * self._middle[_LOWER]
        grid[:, _LOWER, 1] += bite * back * _BITE_SHARE[:, None]

    def _press(self, grid: Floats, press: float) -> None:
        thinner = press * PRESS_M * self._middle * _PRESS_SHARE[:, None]
        grid[:, _UPPER, 2] -= thinner[:, _UPPER]
        grid[:, _LOWER, 2] += thinner[:, _LOWER]

    def _part(self, grid: Floats, gaps: Floats, bite: float) -> None:
        """Move the lips up and down until their edges are `gaps` apart."""
        middle = self._middle[_UPPER]
        sunk = (grid - self._rest)[_WET, [0, _HALF], 2].mean()
        rest_line = 0.5 * (self._rest[_WET, _UPPER, 2] + self._rest[_WET, _LOWER, 2])
        line = rest_line + sunk * (1.0 - (1.0 - LINE_FOLLOWS_CORNERS) * middle)
        upper_edge = line + UPPER_SHARE * gaps
        lower_edge = upper_edge - gaps
        to_teeth = bite * middle * (UPPER_EDGE_Z_M + BITE_OVERLAP_M - lower_edge)
        upper_edge, lower_edge = upper_edge + to_teeth, lower_edge + to_teeth
        share = _PARTING_SHARE[:, None]
        grid[:, _UPPER, 2] += (upper_edge - grid[_CREST, _UPPER, 2].min(axis=0)) * share
        grid[:, _LOWER, 2] += (lower_edge - grid[_CREST, _LOWER, 2].max(axis=0)) * share


def _jaw_share(bone_weights: Floats) -> Floats:
    """Share of the jaw's swing in each control point, (SHELL_RINGS, SHELL_SPOKES): the lower lip
    rides on it, the corners follow in part, the cheeks as the finite elements have it; made
    symmetric, which the fitted weights are not quite."""
    weight = {name: bone_weights[:, k] for k, name in enumerate(BONES)}
    share = weight["jaw"] + weight["lower_lip"]
    share = share + CORNER_JAW_SHARE * (weight["corner_right"] + weight["corner_left"])
    share = np.clip(share, 0.0, 1.0).reshape(SHELL_RINGS, SHELL_SPOKES)
    mirrored = (_HALF - np.arange(SHELL_SPOKES)) % SHELL_SPOKES
    return np.asarray(0.5 * (share + share[:, mirrored]))
