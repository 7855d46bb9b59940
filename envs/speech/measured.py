"""What lips did, over time: the table that `liptwin speak --measurements` writes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech.lips import LipCurves
from envs.speech.tables import Row, Table, increasing_time
from sim.measurements import TOUCH_TOLERANCE_MM

Floats = NDArray[np.float64]

LENGTH_COLUMNS: Final = ("aperture_mm", "width_mm", "protrusion_mm", "jaw_deg")
CONTACT_COLUMNS: Final = ("lips_touching", "lower_lip_on_teeth")
COLUMNS: Final = ("time_s", *LENGTH_COLUMNS, *CONTACT_COLUMNS)

ON_TEETH: Final = 0.9
"""`LipCurves.lip_to_teeth` from which the lower lip counts as on the teeth."""

_TRUTH: Final = {"0": False, "1": True, "false": False, "true": True}


@dataclass(frozen=True, eq=False)
class MeasuredLips:
    """Measurements at n moments; every array is (n,), n >= 1.

    Attributes:
        times_s: seconds, from 0 up, strictly increasing.
        aperture_mm: opening between the lips on the midline.
        width_mm: distance between the mouth corners.
        protrusion_mm: how far forward the lips are, from rest.
        jaw_deg: rotation of the jaw.
        lips_touching: bool, whether the lips are closed.
        lower_lip_on_teeth: bool, whether the lower lip is at the upper teeth.
    """

    times_s: Floats
    aperture_mm: Floats
    width_mm: Floats
    protrusion_mm: Floats
    jaw_deg: Floats
    lips_touching: NDArray[np.bool_]
    lower_lip_on_teeth: NDArray[np.bool_]

    @property
    def rounding_mm(self) -> Floats:
        """Protrusion minus width, (n,): more is rounder."""
        return self.protrusion_mm - self.width_mm


def measured(lips: LipCurves) -> MeasuredLips:
    """Wanted lips as if they had been measured."""
    return MeasuredLips(
        lips.times_s,
        lips.aperture_mm,
        lips.width_mm,
        lips.protrusion_mm,
        lips.jaw_deg,
        lips.aperture_mm <= TOUCH_TOLERANCE_MM,
        lips.lip_to_teeth >= ON_TEETH,
    )


def read_measurements_csv(path: str | os.PathLike[str]) -> MeasuredLips:
    """Read measurements; columns are found by name.

    Raises:
        envs.speech.tables.TableError: the file cannot be read or is no such table; the message
            names the line and the column.
    """
    times: list[float] = []
    lengths: list[list[float]] = []
    contacts: list[list[bool]] = []
    for row in Table(path, COLUMNS).rows():
        times.append(increasing_time(row, "time_s", times[-1] if times else None))
        lengths.append([row.number(column) for column in LENGTH_COLUMNS])
        contacts.append([_truth(row, column) for column in CONTACT_COLUMNS])
    return MeasuredLips(np.array(times), *np.array(lengths).T, *np.array(contacts).T)


def _truth(row: Row, column: str) -> bool:
    cell = row.cells[column].lower()
    if cell not in _TRUTH:
        raise row.error(column, f"{row.cells[column][:40]!r} is neither 0 nor 1")
    return _TRUTH[cell]
