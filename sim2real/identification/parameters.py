"""The parameters of a servo that its motion shows, and where they stand in the servo table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sim.dof import DOF_NAMES
from sim.servo_table import ServoTable, ServoType


@dataclass(frozen=True)
class Quantity:
    """A parameter that is identified.

    Attributes:
        name: for people.
        column: of the servo table.
        unit: of the column.
        lowest: least value that is tried, as a share of the old value or, where `is_absolute`, as
            a value.
        highest: greatest value that is tried, likewise.
        is_absolute: whether the bounds are values.
        is_reciprocal: whether the solver works with 1 / value, of which motion is a straighter
            function.
    """

    name: str
    column: str
    unit: str
    lowest: float
    highest: float
    is_absolute: bool = False
    is_reciprocal: bool = False

    def bounds(self, servo: ServoType) -> tuple[float, float]:
        """Least and greatest value that is tried for a servo."""
        old = 1.0 if self.is_absolute else float(getattr(servo, self.column))
        return self.lowest * old, self.highest * old

    def solved(self, value: float) -> float:
        """What the solver works with instead of a value; its own inverse."""
        return 1.0 / value if self.is_reciprocal else value


QUANTITIES: Final = (
    # back-EMF is inverse to it; the slope of the speed itself would fade away at high speeds
    Quantity("speed", "no_load_speed", "rad/s", 0.3, 3.0, is_reciprocal=True),
    Quantity("gain", "stiffness", "N.m/rad", 0.2, 5.0),
    Quantity("delay", "latency", "s", 0.001, 0.15, is_absolute=True),
    # friction is the share of the gross torque that the no-load current stands for
    Quantity("friction", "no_load_current", "A", 0.1, 8.0),
    Quantity("backlash", "backlash_deg", "deg", 0.02, 4.0, is_absolute=True),
)
"""What is identified. Positions do not show the rest: what only scales torque and current together
(stall torque, stall current, inertia), and heat."""

Values = Mapping[str, float]
"""Values by column of the servo table."""


def values_of(servo: ServoType) -> dict[str, float]:
    """The identified columns of a servo."""
    return {q.column: float(getattr(servo, q.column)) for q in QUANTITIES}


def with_values(
    table: ServoTable, found: Mapping[int, Values], sources: Mapping[int, str] | None = None
) -> ServoTable:
    """A table in which some servos have other values, each with a type of its own.

    Args:
        table: The table to start from.
        found: Values by index of the degree of freedom; the others keep their types.
        sources: What to say of where the values come from, likewise.
    """
    types = dict(table.servo_types)
    rows = list(table.servos)
    for dof, values in found.items():
        row = rows[dof]
        update: dict[str, float | str] = dict(values)
        if sources is not None:
            update["source"] = sources[dof]
        name = type_name(dof)
        types[name] = table.servo_types[row.servo].model_copy(update=update)
        rows[dof] = row.model_copy(update={"servo": name})
    used = {row.servo for row in rows}
    kept = {name: servo for name, servo in types.items() if name in used}
    return table.model_copy(update={"servo_types": kept, "servos": tuple(rows)})


def type_name(dof: int) -> str:
    """Name of the servo type of an identified servo."""
    return f"identified_{DOF_NAMES[dof]}"
