"""Ten servos on a bus as one face: commands out, commands back, never beyond what is allowed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.dof import DOF_NAMES, N_DOF
from sim.servo_table import ServoTable
from sim2real.buses.bus import Alert, ServoBus
from sim2real.calibration.calibration import Calibration

Floats = NDArray[np.float64]

TRIES = 3
"""Questions, repeats of the bus aside, before a servo that is not in a hurry counts as silent."""


class ServoFace:
    """A face behind a bus. Commands are (10,) in canonical order.

    Every method raises `BusError` when the port fails.

    Args:
        bus: opened; the face does not close it.
        calibration: of that bus, already checked against the table.
        table: the servos' datasheets.
    """

    def __init__(self, bus: ServoBus, calibration: Calibration, table: ServoTable) -> None:
        self.bus = bus
        self.calibration = calibration
        self.table = table
        self.rest = table.rest_commands
        self.travel_rad = np.array([math.radians(row.travel_deg) for row in table.servos])
        """Turn of each shaft over its range (10,), rad."""
        self.top_speeds = np.array([t.no_load_speed for t in table.types]) / self.travel_rad
        """Commands per second (10,) at the servos' no-load speeds."""
        self._start = np.array([row.ticks_at_0 for row in calibration.servos], float)
        self._width = np.array([row.ticks_at_1 for row in calibration.servos], float) - self._start
        limits = np.array([row.limits for row in calibration.servos], float).T
        ends = np.sort((limits - self._start) / self._width, axis=0)
        self._lowest, self._highest = np.clip(ends, 0.0, 1.0)

    def clamp(self, commands: ArrayLike) -> Floats:
        """The nearest commands in [0, 1] and within the calibration's limits."""
        clamped: Floats = np.clip(np.asarray(commands, float), self._lowest, self._highest)
        return clamped

    def admit(self, wanted: ArrayLike, previous: Floats, elapsed_s: float) -> Floats:
        """The nearest commands within the limits that ask no servo to be faster than it can be,
        `elapsed_s` after the previous ones."""
        reach = self.top_speeds * elapsed_s
        admitted: Floats = np.clip(self.clamp(wanted), previous - reach, previous + reach)
        return admitted

    def send(self, commands: ArrayLike, duration_s: float) -> None:
        """Send all servos to commands; the calibration's limits hold whatever they are."""
        self._move(self.calibration.ticks_from_commands(commands), duration_s)

    def approach(self, commands: ArrayLike, duration_s: float) -> None:
        """As `send`, but only the protocol's range holds: for the soft way back in of a servo that
        was found outside its limits."""
        unit = self.bus.profile.position
        ticks = np.rint(self._start + np.asarray(commands, float) * self._width)
        self._move(np.clip(ticks, unit.lowest, unit.highest).astype(np.int64), duration_s)

    def read(self, dofs: Iterable[int]) -> dict[int, float]:
        """Where servos are, as commands by index of the degree of freedom (beyond [0, 1] where the
        servo is); one that does not answer is left out."""
        rows = {self.calibration.servos[dof].bus_id: dof for dof in dofs}
        found = {}
        for bus_id, ticks in self.bus.read_positions(rows).items():
            dof = rows[bus_id]
            found[dof] = float((ticks - self._start[dof]) / self._width[dof])
        return found

    def find(self, beat: Callable[[], object]) -> dict[int, float]:
        """As `read` for all servos, each asked up to `TRIES` times; `beat` is called for each."""
        found: dict[int, float] = {}
        for dof in range(N_DOF):
            for _ in range(TRIES):
                beat()
                found |= self.read([dof])
                if dof in found:
                    break
        return found

    def silent(self, beat: Callable[[], object]) -> list[int]:
        """Degrees of freedom whose servos do not answer, asked as by `find`."""
        silent = []
        for dof, bus_id in enumerate(self.calibration.bus_ids):
            for _ in range(TRIES):
                beat()
                if self.bus.ping(bus_id):
                    break
            else:
                silent.append(dof)
        return silent

    def hold(self) -> None:
        """Let all servos hold where they are."""
        self.bus.set_torque(self.calibration.bus_ids, True)

    def let_go(self) -> None:
        """Take all servos' torque: all at once, then one by one, because short frames get through
        noise that long ones do not."""
        self.bus.set_torque(self.calibration.bus_ids, False)
        for bus_id in self.calibration.bus_ids:
            self.bus.set_torque([bus_id], False)

    def limp(self) -> list[int]:
        """Degrees of freedom whose servos were told to hold and do not, of those that answer."""
        alerts = self.bus.read_alerts(self.calibration.bus_ids)
        ids = self.calibration.bus_ids
        return [dof for dof, bus_id in enumerate(ids) if Alert.LET_GO in alerts.get(bus_id, ())]

    def holding(self, beat: Callable[[], object]) -> list[int]:
        """Degrees of freedom whose servos say that they have torque; `beat` is called for each."""
        holding = []
        for dof, bus_id in enumerate(self.calibration.bus_ids):
            beat()
            if self.bus.read_torque([bus_id]).get(bus_id, False):
                holding.append(dof)
        return holding

    def name(self, dof: int) -> str:
        """A servo as messages call it."""
        return f"servo {self.calibration.bus_ids[dof]} ({DOF_NAMES[dof]})"

    def _move(self, ticks: NDArray[np.int64], duration_s: float) -> None:
        moves = zip(self.calibration.bus_ids, ticks, strict=True)
        self.bus.move({bus_id: int(tick) for bus_id, tick in moves}, duration_s)
