"""Looking after the servos during a deployment: where they are, and whether they are well."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.dof import N_DOF
from sim2real.buses.bus import Alert
from sim2real.deployment.face import ServoFace

Floats = NDArray[np.float64]

READS_IN_TURN = 3
"""Servos asked per period where not all fit: move and three answers take 12.3 ms of LX-16A wire at
115200 baud (142 bytes), which leaves room in a 50 Hz period."""

LOST_IN_A_ROW = 5
"""Questions in a row without an answer after which a servo counts as gone."""

LOST_S = 0.7
"""Time without an answer to at least three questions after which it counts as gone, too: when all
are silent, waiting for each makes periods long and questions rare."""

STUCK_RAD = math.radians(25.0)
"""Shaft error that counts as not following; more than the lag at full speed for long."""

STUCK_S = 0.5
"""How long a servo may be that far off: four times the lag of a full-speed sweep."""

HEALTH_PERIOD_S = 0.1
"""One question about one servo's health per this time: a round of ten servos takes 3 s."""

VOLTAGE_SHARES = (0.8, 1.2)
"""Supply that is accepted, relative to the table's: for 7.4 V, an empty (5.9 V) to a more than
full (8.9 V) two-cell lithium battery."""

TEMPERATURE_MARGIN_K = 5.0
"""A servo is stopped softly this far below the temperature at which it would cut out."""

ASK_AGAIN = 2
"""How often in a row a servo must say that something is wrong before the face is stopped: an answer
that came too late can be taken for the answer to the next question."""


class DeploymentError(RuntimeError):
    """The servos cannot go on; the message names the servo, what is wrong and what to check."""


@dataclass(frozen=True)
class Reading:
    """Where one servo was.

    Attributes:
        dof: index of its degree of freedom.
        command: as a command, beyond [0, 1] where the servo is.
    """

    dof: int
    command: float


class Follower:
    """Asks the servos where they are, and notices the ones that are gone or stuck."""

    def __init__(self, face: ServoFace) -> None:
        self._face = face
        self._in_turn = 0
        self._unanswered = [0] * N_DOF
        self._silent_since = [0.0] * N_DOF
        self._off_since: list[float | None] = [None] * N_DOF

    def look(self, commands: Floats, now_s: float) -> list[Reading]:
        """Ask as many servos as fit into a period, and compare with what they were told.

        Raises:
            DeploymentError: a servo has been silent or stuck for too long.
            BusError: the port failed.
        """
        profile = self._face.bus.profile
        if not profile.reads_position:
            return []
        dofs = range(N_DOF) if profile.reads_all_at_once else self._next_dofs()
        found = self._face.read(dofs)
        for dof in dofs:
            if dof in found:
                self._unanswered[dof] = 0
                self._compare(dof, found[dof], float(commands[dof]), now_s)
            else:
                if not self._unanswered[dof]:
                    self._silent_since[dof] = now_s
                self._unanswered[dof] += 1
        gone = [dof for dof in range(N_DOF) if self._is_gone(dof, now_s)]
        if gone:
            names = ", ".join(self._face.name(dof) for dof in gone)
            raise DeploymentError(f"{names} stopped answering; check the cable and the supply")
        return [Reading(dof, command) for dof, command in found.items()]

    def _is_gone(self, dof: int, now_s: float) -> bool:
        unanswered = self._unanswered[dof]
        long_silent = unanswered >= 3 and now_s - self._silent_since[dof] > LOST_S
        return unanswered >= LOST_IN_A_ROW or long_silent

    def _next_dofs(self) -> Sequence[int]:
        first = self._in_turn
        self._in_turn = (first + READS_IN_TURN) % N_DOF
        return [(first + k) % N_DOF for k in range(READS_IN_TURN)]

    def _compare(self, dof: int, found: float, wanted: float, now_s: float) -> None:
        error_rad = abs(found - wanted) * float(self._face.travel_rad[dof])
        if error_rad <= STUCK_RAD:
            self._off_since[dof] = None
            return
        since_s = self._off_since[dof]
        if since_s is None:
            self._off_since[dof] = now_s
        elif now_s - since_s > STUCK_S:
            raise DeploymentError(
                f"{self._face.name(dof)} does not follow: it stands {math.degrees(error_rad):.0f} "
                "degrees off; look for a jammed linkage, a slipped horn or a wrong calibration"
            )


class HealthCheck:
    """Asks one servo after the other for temperature, supply voltage and alerts."""

    def __init__(self, face: ServoFace) -> None:
        self._face = face
        profile = face.bus.profile
        kinds = [self._check_alerts]
        if profile.reads_temperature:
            kinds.append(self._check_temperature)
        if profile.reads_voltage:
            kinds.append(self._check_voltage)
        self._checks = [(check, dof) for dof in range(N_DOF) for check in kinds]
        self._next = 0
        self._unanswered = 0
        self._due_s = -math.inf
        table = face.table
        self._hottest_degc = table.max_temperatures_degc - TEMPERATURE_MARGIN_K
        self._voltages = tuple(share * table.supply_voltage for share in VOLTAGE_SHARES)

    def check_all(self, dof: int) -> None:
        """Everything about one servo.

        Raises:
            DeploymentError: it must not go on.
            BusError: the port failed.
        """
        for check, checked_dof in self._checks:
            if checked_dof == dof:
                check(dof)

    def look(self, now_s: float) -> bool:
        """Ask the next question, if one is due; whether it was.

        Raises:
            DeploymentError: a servo must not go on.
            BusError: the port failed.
        """
        if now_s < self._due_s:
            return False
        self._due_s = now_s + HEALTH_PERIOD_S
        check, dof = self._checks[self._next]
        self._next = (self._next + 1) % len(self._checks)
        check(dof)
        return True

    def _check_temperature(self, dof: int) -> None:
        bus_id = self._bus_id(dof)
        for _ in range(ASK_AGAIN):
            temperature = self._face.bus.read_temperatures_degc([bus_id]).get(bus_id)
            if temperature is None or temperature <= self._hottest_degc[dof]:
                return
        raise DeploymentError(
            f"{self._face.name(dof)} is at {temperature:.0f} degC, the limit is "
            f"{self._hottest_degc[dof]:.0f}; let it cool, and look for what it pushes against"
        )

    def _check_voltage(self, dof: int) -> None:
        bus_id = self._bus_id(dof)
        low, high = self._voltages
        for _ in range(ASK_AGAIN):
            voltage = self._face.bus.read_voltages([bus_id]).get(bus_id)
            if voltage is None or low <= voltage <= high:
                return
        raise DeploymentError(
            f"{self._face.name(dof)} has a supply of {voltage:.1f} V, {low:.1f} to {high:.1f} V is "
            "accepted; check the supply, its current limit and its cables"
        )

    def _check_alerts(self, dof: int) -> None:
        bus_id = self._bus_id(dof)
        for _ in range(ASK_AGAIN):
            alerts = self._face.bus.read_alerts([bus_id]).get(bus_id)
            self._count_silence(answered=alerts is not None)
            # communication: noise, and counted by the bus
            harmful = (alerts or frozenset()) - {Alert.COMMUNICATION}
            if not harmful:
                return
        raise DeploymentError(
            f"{self._face.name(dof)} reports {', '.join(sorted(harmful))}; switch the supply off "
            "and on, let it cool, and look for what it pushes against"
        )

    def _count_silence(self, *, answered: bool) -> None:
        """Notice a bus on which nobody answers: that is how a controller of mute servos is lost."""
        self._unanswered = 0 if answered else self._unanswered + 1
        if self._unanswered >= LOST_IN_A_ROW:
            raise DeploymentError(
                "nobody on the bus answers any more; check the adapter, the cable and the supply"
            )

    def _bus_id(self, dof: int) -> int:
        return self._face.calibration.bus_ids[dof]
