"""One Dynamixel X servo: what its memory does to its body, and its body to its memory.

Registers and defaults: `sim2real/buses/tables/dynamixel.yaml`; what they do: ROBOTIS e-Manual,
"XL430-W250". Position control only; profile acceleration and gains are kept and have no effect.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Final

from sim2real.buses import dynamixel_frames as frames
from sim2real.buses.bus import PositionUnit
from sim2real.buses.wire_tables import DYNAMIXEL
from sim2real.virtual_bus.bodies import ServoBodies
from sim2real.virtual_bus.memory import Memory
from sim2real.virtual_bus.scale import shaft_of_ticks, ticks_of_shaft

# Error numbers of status packets.
RESULT_FAIL: Final = 1
INSTRUCTION_ERROR: Final = 2
DATA_RANGE_ERROR: Final = 4
DATA_LENGTH_ERROR: Final = 5
DATA_LIMIT_ERROR: Final = 6
ACCESS_ERROR: Final = 7

VOLTAGE_BIT: Final = 1 << 0
OVERHEATING_BIT: Final = 1 << 2

VELOCITY_COUNT: Final = 0.229 * 2 * math.pi / 60
"""One count of velocity registers, rad/s (0.229 revolutions per minute)."""

TIME_BASED_PROFILE: Final = 1 << 2
"""Bit of `drive_mode`: `profile_velocity` is the time of a move, ms."""

WATCHDOG_EXPIRED: Final = -1
"""Value of `bus_watchdog` that forbids goals until 0 is written."""

REALTIME_TICKS: Final = 32768
"""After which `realtime_tick` starts again."""

HIGHEST_ID: Final = 252


class DynamixelServo:
    """One servo's controller.

    Args:
        bodies: where its body is; its torque is off to begin with.
        unit: how it counts positions.
        place: of its body.
        memory: its registers.
    """

    def __init__(self, bodies: ServoBodies, unit: PositionUnit, place: int, memory: Memory) -> None:
        self.memory = memory
        self.place = place
        self._bodies = bodies
        self._unit = unit
        self._registered: tuple[int, bytes] | None = None
        self.start()

    @property
    def servo_id(self) -> int:
        """Its id now; 0 to 252."""
        return self.memory["id"]

    @property
    def answers(self) -> bool:
        """Whether its controller runs."""
        return self._bodies.answers(self.place)

    def start(self) -> None:
        """Begin anew, limp, with the goal where the shaft is."""
        self.memory.restart()
        self._registered = None
        self.memory["goal_position"] = self._position()
        self._set_torque(False)

    def watch(self, silence_s: float) -> None:
        """Protect itself, where nothing came over the wire for `silence_s`.

        A hardware error stays until a restart; some switch the torque off.
        """
        memory = self.memory
        low, high = memory["min_voltage_limit"], memory["max_voltage_limit"]
        if not low <= round(10 * self._bodies.supply_voltage) <= high:
            memory["hardware_error_status"] |= VOLTAGE_BIT
        if self._bodies.temperatures_degc()[self.place] > memory["temperature_limit"]:
            memory["hardware_error_status"] |= OVERHEATING_BIT
        if memory["torque_enable"] and memory["hardware_error_status"] & memory["shutdown"]:
            self._set_torque(False)
        if 0 < memory["bus_watchdog"] * DYNAMIXEL["bus_watchdog"].count < silence_s:
            memory["bus_watchdog"] = WATCHDOG_EXPIRED
            self._bodies.hold(self.place)

    def error_byte(self, error: int) -> int:
        """Error byte of an answer: an error number, and whether a hardware error is pending."""
        return error | (frames.ALERT_BIT if self.memory["hardware_error_status"] else 0)

    def read(self, address: int, size: int) -> bytes | None:
        """Bytes of its memory now; None beyond its end."""
        memory = self.memory
        if memory.layout.holds(address, size):
            for register in memory.layout.registers(address, size):
                if register.access == "r":
                    memory[register.name] = self._measured(register.name)
        return memory.read(address, size)

    def store(self, address: int, data: bytes) -> int:
        """Write to its memory and do what follows; returns the error number."""
        memory = self.memory
        before = memory.read(address, len(data))
        if before is None:
            return ACCESS_ERROR
        registers = memory.layout.registers(address, len(data))
        locked = bool(memory["torque_enable"])
        for register in registers:
            if register.access == "r" or (locked and register.area == "eeprom"):
                return ACCESS_ERROR
        written = {register.name for register in registers}
        memory.write(address, data)
        error = _problem(memory, written)
        if error:
            memory.write(address, before)
            return error
        if "torque_enable" in written:
            self._set_torque(memory["torque_enable"] == 1)
        if memory["torque_enable"] and not written.isdisjoint(("torque_enable", "goal_position")):
            self._move()
        return 0

    def register(self, address: int, data: bytes) -> None:
        """Keep a write until `act`."""
        self._registered = (address, data)
        self.memory["registered_instruction"] = 1

    def act(self) -> int:
        """Do the write that was kept; returns the error number."""
        if self._registered is None:
            return RESULT_FAIL
        address, data = self._registered
        self._registered = None
        self.memory["registered_instruction"] = 0
        return self.store(address, data)

    def _set_torque(self, on: bool) -> None:
        blocked = self.memory["hardware_error_status"] & self.memory["shutdown"]
        on = on and not blocked
        self.memory["torque_enable"] = int(on)
        self._bodies.set_torque(self.place, on)

    def _move(self) -> None:
        memory = self.memory
        ticks = memory["goal_position"] - memory["homing_offset"]
        goal = shaft_of_ticks(self._unit, ticks)
        profile = memory["profile_velocity"]
        if profile == 0:
            duration_s = 0.0
        elif memory["drive_mode"] & TIME_BASED_PROFILE:
            duration_s = profile / 1000
        else:
            way = abs(goal - self._bodies.setpoint(self.place))
            duration_s = way / (abs(profile) * VELOCITY_COUNT)
        self._bodies.move(self.place, goal, duration_s)

    def _position(self) -> int:
        shaft = self._bodies.encoder_angle(self.place)
        return ticks_of_shaft(self._unit, shaft) + self.memory["homing_offset"]

    def _measured(self, name: str) -> int:
        """What a register that cannot be written holds now."""
        bodies, place, memory = self._bodies, self.place, self.memory
        match name:
            case "present_position":
                return self._position()
            case "present_velocity":
                return round(bodies.shaft_speed(place) / VELOCITY_COUNT)
            case "present_load":
                return round(1000 * bodies.torque(place) / bodies.table.types[place].stall_torque)
            case "present_input_voltage":
                return round(10 * bodies.supply_voltage)
            case "present_temperature":
                return round(bodies.temperatures_degc()[place])
            case "moving":
                velocity = abs(bodies.shaft_speed(place)) / VELOCITY_COUNT
                return int(velocity > memory["moving_threshold"])
            case "realtime_tick":
                return round(1000 * bodies.time_s) % REALTIME_TICKS
            case "position_trajectory":
                setpoint = ticks_of_shaft(self._unit, bodies.setpoint(place))
                return setpoint + memory["homing_offset"]
            case _:
                return memory[name]


def _problem(memory: Memory, written: Collection[str]) -> int:
    """Error number of what has just been written; 0 if nothing is wrong with it."""
    if "id" in written and memory["id"] > HIGHEST_ID:
        return DATA_RANGE_ERROR
    if "goal_position" in written:
        if memory["bus_watchdog"] == WATCHDOG_EXPIRED:
            return DATA_RANGE_ERROR
        low, high = memory["min_position_limit"], memory["max_position_limit"]
        if not low <= memory["goal_position"] <= high:
            return DATA_LIMIT_ERROR
    return 0
