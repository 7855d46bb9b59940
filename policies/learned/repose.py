"""Coming to rest where nothing is asked of the lips.

Networks that want lips at ease give commands near rest, not at it; in a long silence that would
leave servos working against the skin for nothing. So a face that has been asked for nothing for a
while goes to rest, gently, and stays there until it is asked for something.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.target import LipShape

AT_EASE: Final = LipShape(
    aperture_mm=0.5, width_mm=51.0, protrusion_mm=0.5, jaw_deg=1.0, lip_to_teeth=0.1, closure=0.1
)
"""Lips no further from rest than these are at ease; chosen, beyond what the speech encoder says of
silence."""

HOLD_S: Final = 0.3
"""How long lips are at ease before they go to rest, longer than the pauses within a sentence. That
of a starved stream in `liptwin deploy`."""

EASE_S: Final = 0.5
"""How long they take to it; chosen."""

_REST: Final = np.array(list(vars(LipShape()).values()))
_NEAR: Final = np.abs(np.array(list(vars(AT_EASE).values())) - _REST)


class Repose:
    """How far a face has come to rest, frame by frame; it begins at rest.

    Args:
        fps: frames per second.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._idle_s = math.inf

    def push(self, plan: NDArray[np.float32]) -> NDArray[np.float64]:
        """How much of each command (m,) is rest, 0 to 1, for a plan (m, moments, 6)."""
        at_ease = np.all(np.abs(plan - _REST) <= _NEAR, axis=(1, 2))
        return np.array([self._next(bool(idle)) for idle in at_ease], dtype=np.float64)

    def _next(self, idle: bool) -> float:
        self._idle_s = self._idle_s + 1.0 / self._fps if idle else 0.0
        way = min(max((self._idle_s - HOLD_S) / EASE_S, 0.0), 1.0)
        return 0.5 - 0.5 * math.cos(math.pi * way)
