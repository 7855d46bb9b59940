"""A calibration: between commands in [0, 1] and the ticks of the servos that are on the wire."""

from __future__ import annotations

import math
from typing import Annotated, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sim.dof import DOF_NAMES
from sim.servo_table import ServoTable
from sim2real.buses.bus import BusProfile


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ServoCalibration(_Row):
    """One degree of freedom: its servo, and where its range lies.

    Ticks are linear in the command between `ticks_at_0` and `ticks_at_1`; which of the two is
    greater says which way the servo turns. What is sent never leaves `limits`.
    """

    dof: str
    bus_id: Annotated[int, Field(ge=0, le=253)]
    ticks_at_0: int
    ticks_at_1: int
    limits: tuple[int, int]
    """Least and greatest ticks that are ever sent."""
    rest: int | None = None
    """Ticks at which the joint rests, for people and for checks; the ends alone decide."""

    @property
    def direction(self) -> int:
        """+1 if the ticks grow with the command, else -1."""
        return 1 if self.ticks_at_1 > self.ticks_at_0 else -1

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.limits
        if low >= high:
            raise ValueError(f"limits {low} to {high} are inverted or empty")
        if self.ticks_at_0 == self.ticks_at_1:
            raise ValueError("ticks_at_0 and ticks_at_1 are the same; the servo would never move")
        return self


class Calibration(_Row):
    """The ten servos of a face on one bus; rows in canonical order."""

    protocol: str
    """Name of the bus, as in `BusProfile.name`."""
    servos: tuple[ServoCalibration, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = tuple(row.dof for row in self.servos)
        if names != DOF_NAMES:
            raise ValueError(f"needs one row each, in this order, for {', '.join(DOF_NAMES)}")
        ids = [row.bus_id for row in self.servos]
        if len(set(ids)) < len(ids):
            raise ValueError(f"bus ids are used twice: {ids}")
        return self

    @property
    def bus_ids(self) -> tuple[int, ...]:
        """Bus id of each degree of freedom, canonical order."""
        return tuple(row.bus_id for row in self.servos)

    def ticks_from_commands(self, commands: ArrayLike) -> NDArray[np.int64]:
        """Ticks (..., 10) of commands (..., 10), rounded, and kept within the limits."""
        start = np.array([row.ticks_at_0 for row in self.servos], float)
        width = np.array([row.ticks_at_1 for row in self.servos], float) - start
        low, high = np.array([row.limits for row in self.servos]).T
        ticks = np.rint(start + np.asarray(commands, float) * width)
        return np.clip(ticks, low, high).astype(np.int64)

    def commands_from_ticks(self, ticks: ArrayLike) -> NDArray[np.float64]:
        """Commands (..., 10) of ticks (..., 10); beyond [0, 1] where the servo is."""
        start = np.array([row.ticks_at_0 for row in self.servos], float)
        width = np.array([row.ticks_at_1 for row in self.servos], float) - start
        return (np.asarray(ticks, float) - start) / width


def nominal_calibration(table: ServoTable, profile: BusProfile) -> Calibration:
    """The calibration of a face built as documented: every servo rests at the centre of its range.

    Raises:
        ValueError: a servo's travel does not fit into the protocol's range.
    """
    unit = profile.position
    ends = unit.centre + np.stack(
        [table.shaft_from_command(np.full(len(DOF_NAMES), end)) for end in (0.0, 1.0)]
    ) * (unit.ticks_per_rad)
    rows = []
    for row, row_rest, at_0, at_1 in zip(table.servos, table.rest_commands, *ends, strict=True):
        low, high = math.floor(min(at_0, at_1)), math.ceil(max(at_0, at_1))
        if low < unit.lowest or high > unit.highest:
            raise ValueError(
                f"{row.dof}: its travel of {row.travel_deg:g} degrees needs ticks {low} to {high}, "
                f"and {profile.name} has {unit.lowest} to {unit.highest}"
            )
        rows.append(
            ServoCalibration(
                dof=row.dof,
                bus_id=row.bus_id,
                ticks_at_0=round(at_0),
                ticks_at_1=round(at_1),
                limits=(low, high),
                rest=round(at_0 + row_rest * (at_1 - at_0)),
            )
        )
    return Calibration(protocol=profile.name, servos=tuple(rows))
