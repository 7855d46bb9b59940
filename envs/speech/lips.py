"""What lips do over time, whoever asks it of them: a model of speech or a captured human."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REST_WIDTH_MM: Final = 50.0
"""Distance between the mouth corners of an adult at rest, mm."""

LIMITS: Final[dict[str, tuple[float, float]]] = {
    "aperture_mm": (0.0, 30.0),
    "width_mm": (30.0, 75.0),
    "protrusion_mm": (-10.0, 15.0),
    "jaw_deg": (-5.0, 25.0),
    "lip_to_teeth": (0.0, 1.0),
    "closure": (0.0, 1.0),
}
"""Values beyond these are no human mouth; speech stays well inside (aperture 0 to 20 mm, width 42
to 62 mm, protrusion 0 to 6 mm, jaw 0 to 12 degrees)."""


@dataclass(frozen=True, eq=False)
class LipCurves:
    """Lip geometry at n moments; every array is (n,) float64, n >= 1.

    Attributes:
        times_s: seconds, from 0 up, strictly increasing.
        aperture_mm: opening between the lips on the midline, mm; 0 where they touch.
        width_mm: distance between the mouth corners, mm; 50 at rest, less is rounded.
        protrusion_mm: how far the middle of the lips stands before its place at rest, mm.
        jaw_deg: rotation of the jaw, degrees; 0 at rest.
        lip_to_teeth: 0 to 1, how far the lower lip has gone to the upper teeth; 1 touches.
        closure: 0 to 1, how wilfully the lips are pressed together; 1 for the middle of a p, b, m.

    Raises:
        ValueError: another shape or type, times that do not increase, values that are not
            numbers or beyond `LIMITS`; the message names the curve and the row, counted from 0.
    """

    times_s: Floats
    aperture_mm: Floats
    width_mm: Floats
    protrusion_mm: Floats
    jaw_deg: Floats
    lip_to_teeth: Floats
    closure: Floats

    def __post_init__(self) -> None:
        n = self.times_s.size
        for field in fields(self):
            values = getattr(self, field.name)
            if values.dtype != np.float64 or values.shape != (n,) or n == 0:
                raise ValueError(
                    f"{field.name} must be float64 of shape (n,) with n = {max(n, 1)}, not "
                    f"{values.dtype} of shape {values.shape}"
                )
            low, high = LIMITS.get(field.name, (0.0, np.inf))
            wrong = np.flatnonzero(~(np.isfinite(values) & (low <= values) & (values <= high)))
            if wrong.size:
                row = int(wrong[0])
                raise ValueError(f"{field.name}, row {row}: {values[row]} is not in {low}..{high}")
        stuck = np.flatnonzero(np.diff(self.times_s) <= 0)
        if stuck.size:
            row = int(stuck[0]) + 1
            raise ValueError(
                f"times_s, row {row}: {self.times_s[row]} does not come after the last"
            )

    def at(self, times_s: Floats) -> LipCurves:
        """The same curves at other moments (m,), interpolated linearly; the ends hold.

        Raises:
            ValueError: `times_s` is not a row of times from 0 up that increase.
        """
        return LipCurves(
            times_s=times_s,
            **{name: np.interp(times_s, self.times_s, getattr(self, name)) for name in LIMITS},
        )
