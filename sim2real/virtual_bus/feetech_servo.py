"""One Feetech STS servo: what its memory does to its body, and its body to its memory.

Registers and defaults: `sim2real/buses/tables/feetech.yaml`. Position control only; acceleration
and gains are kept and have no effect, nor has `goal_time`, which is for open-loop mode.
"""

from __future__ import annotations

from typing import Final

from sim2real.buses.bus import PositionUnit
from sim2real.buses.wire_tables import FEETECH
from sim2real.virtual_bus.bodies import ServoBodies
from sim2real.virtual_bus.memory import Memory
from sim2real.virtual_bus.scale import shaft_of_ticks, ticks_of_shaft

VOLTAGE_BIT: Final = 1 << 0
OVERHEATING_BIT: Final = 1 << 2

HIGHEST_ID: Final = 253

SET_MIDDLE: Final = 128
"""Value of `torque_enable` that makes the present position the middle of the range."""

MIDDLE: Final = 2048


class FeetechServo:
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
        """Its id now; 0 to 253."""
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

    def watch(self) -> None:
        """Protect itself: errors show while they last; some switch the torque off for good."""
        memory = self.memory
        low, high = memory["min_voltage_limit"], memory["max_voltage_limit"]
        status = 0
        if not low <= round(10 * self._bodies.supply_voltage) <= high:
            status |= VOLTAGE_BIT
        if self._bodies.temperatures_degc()[self.place] > memory["max_temperature_limit"]:
            status |= OVERHEATING_BIT
        memory["status"] = status
        if memory["torque_enable"] and status & memory["unloading_condition"]:
            self._set_torque(False)

    def read(self, address: int, size: int) -> bytes | None:
        """Bytes of its memory now; None beyond its end."""
        memory = self.memory
        if memory.layout.holds(address, size):
            for register in memory.layout.registers(address, size):
                if register.access == "r":
                    memory[register.name] = self._measured(register.name)
        return memory.read(address, size)

    def store(self, address: int, data: bytes) -> None:
        """Write what may be written to its memory, and do what follows."""
        memory = self.memory
        if not memory.layout.holds(address, len(data)):
            return
        registers = memory.layout.registers(address, len(data))
        locked = bool(memory["lock"])
        kept = {
            register.name: memory[register.name]
            for register in registers
            if register.access == "r" or (locked and register.area == "eeprom")
        }
        was_id = memory["id"]
        memory.write(address, data)
        for name, value in kept.items():
            memory[name] = value
        if memory["id"] > HIGHEST_ID:
            memory["id"] = was_id
        written = {register.name for register in registers}
        if "torque_enable" in written:
            if memory["torque_enable"] == SET_MIDDLE:
                raw = self._position() + memory["homing_offset"]
                memory["homing_offset"] = raw - MIDDLE
            self._set_torque(memory["torque_enable"] == 1)
        if memory["torque_enable"] and not written.isdisjoint(
            ("torque_enable", "goal_position", "goal_speed")
        ):
            self._move()

    def register(self, address: int, data: bytes) -> None:
        """Keep a write until `act`."""
        self._registered = (address, data)
        self.memory["async_write_flag"] = 1

    def act(self) -> None:
        """Do the write that was kept, if there is one."""
        registered, self._registered = self._registered, None
        self.memory["async_write_flag"] = 0
        if registered is not None:
            self.store(*registered)

    def _set_torque(self, on: bool) -> None:
        on = on and not self.memory["status"] & self.memory["unloading_condition"]
        self.memory["torque_enable"] = int(on)
        self._bodies.set_torque(self.place, on)

    def _move(self) -> None:
        memory = self.memory
        low, high = memory["min_position_limit"], memory["max_position_limit"]
        ticks = max(low, min(memory["goal_position"], high)) + memory["homing_offset"]
        goal = shaft_of_ticks(self._unit, ticks)
        speed = abs(memory["goal_speed"]) / self._unit.ticks_per_rad
        way = abs(goal - self._bodies.setpoint(self.place))
        self._bodies.move(self.place, goal, way / speed if speed else 0.0)

    def _position(self) -> int:
        shaft = self._bodies.encoder_angle(self.place)
        return ticks_of_shaft(self._unit, shaft) - self.memory["homing_offset"]

    def _measured(self, name: str) -> int:
        """What a register that cannot be written holds now."""
        bodies, place = self._bodies, self.place
        match name:
            case "present_position":
                return self._position()
            case "present_speed":
                return round(bodies.shaft_speed(place) * self._unit.ticks_per_rad)
            case "present_load":
                return round(1000 * bodies.torque(place) / bodies.table.types[place].stall_torque)
            case "present_voltage":
                return round(10 * bodies.supply_voltage)
            case "present_temperature":
                return round(bodies.temperatures_degc()[place])
            case "present_current":
                return round(bodies.current(place) / FEETECH[name].count)
            case "moving":
                speed = abs(bodies.shaft_speed(place)) * self._unit.ticks_per_rad
                return int(bodies.is_moving(place) or speed >= 1.0)
            case _:
                return self.memory[name]
