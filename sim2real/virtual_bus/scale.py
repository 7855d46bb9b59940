"""Between what a servo measures and the numbers on the wire."""

from __future__ import annotations

from sim2real.buses.bus import PositionUnit
from sim2real.buses.wire_tables import Value


def ticks_of_shaft(unit: PositionUnit, shaft_rad: float) -> int:
    """Count that an encoder reads at a shaft angle (rad, 0 at rest and at the unit's centre)."""
    return round(unit.centre + shaft_rad * unit.ticks_per_rad)


def shaft_of_ticks(unit: PositionUnit, ticks: float) -> float:
    """Shaft angle (rad, 0 at rest) of a count."""
    return (ticks - unit.centre) / unit.ticks_per_rad


def nearest_fitting(value: Value, number: int) -> int:
    """The number nearest to `number` that fits where a value stands on the wire."""
    bits = 8 * value.size
    if value.sign_bit is not None:
        highest = (1 << value.sign_bit) - 1
        lowest = -highest
    elif value.signed:
        highest = (1 << bits - 1) - 1
        lowest = -highest - 1
    else:
        highest, lowest = (1 << bits) - 1, 0
    return min(max(number, lowest), highest)
