"""The bodies of ten servos, whatever their protocol: shafts that turn the twin's joints.

A servo here is what is left when the protocol is taken away: a setpoint that may move over time, a
drive that can be switched off, a temperature, a supply. Time is given, not taken from a clock, so
the same calls always give the same motion.
"""

from __future__ import annotations

import random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim import FaceTwin
from sim.dof import DOF_NAMES, N_DOF
from sim.servo_table import ServoTable
from sim.twin import TwinState

Floats = NDArray[np.float64]

SETPOINT_PERIOD_S: Final = 0.004
"""How often a moving setpoint is renewed; below the 10 ms of the fastest command rate in use."""

RESET_VOLTAGE: Final = 4.0
"""Supply (V) below which a servo's controller stops; an estimate for controllers behind a 3.3 V
regulator."""

# Where a compiled `dcmotor` keeps its controller, in actuator_gainprm: proportional gain,
# derivative gain, and the voltage that bounds the drive (see `sim.servos._make_real`).
_PROPORTIONAL: Final = 4
_DERIVATIVE: Final = 6
_DRIVE_VOLTAGE: Final = 7


class ServoBodies:
    """Ten servos in the twin, addressed by their place in `sim.DOF_NAMES`.

    With the drive off, the motor is shorted: back-EMF and gear friction remain, so a servo without
    load stays and a loaded one sinks. A drive that comes on holds the shaft where it is.

    Args:
        table: servo table; the face model's own by default.
        encoder_noise_rad: standard deviation of what encoders see, anew each time they are read.
        seed: of this noise.
    """

    def __init__(
        self, table: ServoTable | None = None, encoder_noise_rad: float = 0.0, seed: int = 0
    ) -> None:
        self._encoder_noise_rad = encoder_noise_rad
        self._noise = random.Random(seed)
        self._twin = FaceTwin(servos=table)
        self.table = self._twin.servos
        model = self._twin.model
        self._actuators = np.array([model.actuator(name).id for name in DOF_NAMES])
        self._speeds = np.array([model.joint(name).dofadr[0] for name in DOF_NAMES])
        self._gains = model.actuator_gainprm[self._actuators].copy()
        self.supply_voltage = self.table.supply_voltage
        self._torque = np.ones(N_DOF, bool)
        self._dead = np.zeros(N_DOF, bool)
        self._heat = np.full(N_DOF, np.nan)
        self._running = np.ones(N_DOF, bool)
        self._driven = np.ones(N_DOF, bool)
        self._restarted = np.zeros(N_DOF, bool)
        self._angles: list[float] | None = None
        self._temperatures: list[float] | None = None
        # plain numbers: servos are moved one by one, which arrays are slow at
        self._from = list(self.shaft_angles())
        self._to = list(self._from)
        self._begins_s = [0.0] * N_DOF
        self._ends_s = [0.0] * N_DOF

    # -- time

    @property
    def time_s(self) -> float:
        """Simulated time."""
        return self._twin.time_s

    def advance(self, to_time_s: float) -> None:
        """Let time pass until `to_time_s`; a time that is not after the present one does nothing.

        Raises:
            FloatingPointError: the simulation diverged.
        """
        while (left_s := to_time_s - self.time_s) > 1e-9:
            moving = max(self._ends_s) > self.time_s
            step_s = min(left_s, SETPOINT_PERIOD_S) if moving else left_s
            # a setpoint on its way is held for a step at its mean, so that none runs ahead
            mean_s = self.time_s + step_s / 2
            setpoints = [self._setpoint(servo, mean_s) for servo in range(N_DOF)]
            commands = self.table.command_from_shaft(setpoints)
            self._twin.step(np.clip(commands, 0.0, 1.0), step_s)
            self._angles = self._temperatures = None

    # -- what a protocol tells a servo

    def move(self, servo: int, shaft_rad: float, duration_s: float = 0.0) -> None:
        """Move a setpoint evenly from where it is now to `shaft_rad` within `duration_s`.

        The shaft follows as well as its motor can, and stops at the ends of its joint's range.
        """
        now_s = self.time_s
        self._from[servo] = self._setpoint(servo, now_s)
        self._to[servo] = shaft_rad
        self._begins_s[servo] = now_s
        self._ends_s[servo] = now_s + max(0.0, duration_s)

    def hold(self, servo: int) -> None:
        """Stop a moving setpoint where it is."""
        self.move(servo, self.setpoint(servo))

    def set_torque(self, servo: int, on: bool) -> None:
        """Switch a servo's drive."""
        if self._torque[servo] != on:
            self._torque[servo] = on
            self._switch_drives()

    # -- what a servo can tell

    def encoder_angle(self, servo: int) -> float:
        """Shaft angle as the servo's encoder sees it now, rad."""
        return self.shaft_angles()[servo] + self._noise.gauss(0.0, self._encoder_noise_rad)

    def shaft_angles(self) -> list[float]:
        """Shaft angles, rad, 0 at rest."""
        if self._angles is None:
            joints = self._twin.joint_positions()
            self._angles = self.table.shaft_from_joint(joints).tolist()
        return self._angles

    def temperatures_degc(self) -> list[float]:
        """Temperatures of the windings, or what a fault says, degC."""
        if self._temperatures is None:
            simulated = self._twin.servo_temperatures()
            self._temperatures = np.where(np.isnan(self._heat), simulated, self._heat).tolist()
        return self._temperatures

    def shaft_speed(self, servo: int) -> float:
        """Shaft speed, rad/s."""
        return float(self._twin.data.qvel[self._speeds[servo]] * self.table.gear[servo])

    def torque(self, servo: int) -> float:
        """Torque at the shaft, N.m."""
        return float(self._twin.servo_torques()[servo])

    def current(self, servo: int) -> float:
        """Current in the winding, A."""
        return float(self._twin.servo_currents()[servo])

    def setpoint(self, servo: int) -> float:
        """Shaft angle that a servo heads for now, rad."""
        return self._setpoint(servo, self.time_s)

    def is_moving(self, servo: int) -> bool:
        """Whether a setpoint is still on its way."""
        return self._ends_s[servo] > self.time_s

    def is_driven(self, servo: int) -> bool:
        """Whether the motor works: switched on, alive and supplied."""
        return bool(self._driven[servo])

    def answers(self, servo: int) -> bool:
        """Whether a servo's controller runs."""
        return bool(self._running[servo])

    def take_restarted(self) -> list[int]:
        """Servos whose controllers have started since this was last asked."""
        places = np.flatnonzero(self._restarted).tolist()
        self._restarted[:] = False
        return places

    # -- what happens to servos

    def set_supply(self, voltage: float) -> None:
        """Change the supply, V."""
        if voltage != self.supply_voltage:
            self.supply_voltage = voltage
            self._switch_drives()

    def set_dead(self, dead: NDArray[np.bool_]) -> None:
        """Which servos have died: no drive, no answer."""
        if (dead != self._dead).any():
            self._dead = dead.copy()
            self._switch_drives()

    def set_heat(self, temperatures_degc: Floats) -> None:
        """Report these temperatures; NaN for the simulated winding's."""
        self._heat = temperatures_degc
        self._temperatures = None

    # -- the face

    def joint_positions(self) -> Floats:
        """Joint positions of the twin, rad for hinges and m for slides."""
        return self._twin.joint_positions()

    def save_state(self) -> TwinState:
        """The twin's present state, for a twin made of the same servo table."""
        return self._twin.save_state()

    def _setpoint(self, servo: int, time_s: float) -> float:
        begins_s, ends_s = self._begins_s[servo], self._ends_s[servo]
        if time_s >= ends_s:
            return self._to[servo]
        share = max(0.0, time_s - begins_s) / (ends_s - begins_s)
        return self._from[servo] + share * (self._to[servo] - self._from[servo])

    def _switch_drives(self) -> None:
        running = ~self._dead & (self.supply_voltage >= RESET_VOLTAGE)
        self._restarted |= running & ~self._running
        self._running = running
        driven = self._torque & running
        for servo in np.flatnonzero(driven & ~self._driven).tolist():
            self._to[servo] = self.shaft_angles()[servo]
            self._ends_s[servo] = 0.0
        self._driven = driven
        gains = self._gains.copy()
        gains[:, _DRIVE_VOLTAGE] = max(self.supply_voltage, 1e-3)  # 0 would mean without bound
        gains[~driven, _PROPORTIONAL] = gains[~driven, _DERIVATIVE] = 0.0
        self._twin.model.actuator_gainprm[self._actuators] = gains
