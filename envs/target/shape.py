"""One moment of wanted lips."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech.lips import LIMITS, REST_WIDTH_MM, LipCurves

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LipShape:
    """Wanted lip geometry at one moment; quantities and limits are those of `LipCurves`.

    Raises:
        ValueError: a value beyond `envs.speech.lips.LIMITS`; names it.
    """

    aperture_mm: float = 0.0
    width_mm: float = REST_WIDTH_MM
    protrusion_mm: float = 0.0
    jaw_deg: float = 0.0
    lip_to_teeth: float = 0.0
    closure: float = 0.0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}; lips stay within {low} to {high}")


REST_SHAPE: Final = LipShape()
"""Closed lips at ease."""


def sample_shapes(curves: LipCurves, times_s: Floats) -> list[LipShape]:
    """The lips at times (n,) s, interpolated linearly; before and after the curves, their ends.

    Raises:
        ValueError: the times are not from 0 up, strictly increasing.
    """
    sampled = curves.at(times_s)
    columns = [getattr(sampled, field.name) for field in fields(LipShape)]
    return [LipShape(*map(float, row)) for row in zip(*columns, strict=True)]
