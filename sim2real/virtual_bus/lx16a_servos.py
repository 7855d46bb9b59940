"""Hiwonder LX-16A servos as their wire shows them.

Commands and defaults: `sim2real/buses/tables/lx16a.yaml`. What the maker's manual leaves open is
filled in as servos of this kind are seen to behave: they start limp, and a move wakes the motor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final

from sim2real.buses import lx16a_frames
from sim2real.buses.bus import PositionUnit
from sim2real.buses.lx16a_frames import Lx16aFrame
from sim2real.buses.wire_tables import LX16A, Command, Parameter
from sim2real.virtual_bus.bodies import ServoBodies
from sim2real.virtual_bus.scale import nearest_fitting, shaft_of_ticks, ticks_of_shaft
from sim2real.virtual_bus.servos import Answer

RETURN_DELAY_S: Final = 0.0005
"""From the end of a question to the start of the answer; an estimate, the maker gives none."""

FULL_SPEED: Final = 1000
"""Motor mode: the speed that is the motor's no-load speed."""

_RANGES: Final = ("angle_limit", "vin_limit")
"""Settings with a lower and an upper end; inverted or empty ones are not taken."""

Values = tuple[int, ...]


@dataclass
class _Servo:
    """One servo's controller.

    Attributes:
        place: of its body.
        kept: settings that outlive the supply, by the name that their commands begin with.
        offset: trim of the zero that holds now, ticks.
        last: position and time that it was last sent to.
        waiting: position and time that `move_start` will send it to.
        loaded: whether it was told to hold.
    """

    place: int
    kept: dict[str, Values]
    offset: int = 0
    last: Values = (0, 0)
    waiting: Values | None = None
    loaded: bool = False


class Lx16aServos:
    """Ten LX-16A on one wire.

    Args:
        bodies: their bodies; torque is off to begin with.
        unit: how they count positions.
        bus_ids: their ids, in the order of the bodies.
    """

    def __init__(self, bodies: ServoBodies, unit: PositionUnit, bus_ids: Sequence[int]) -> None:
        self._bodies = bodies
        self._unit = unit
        self._parser = lx16a_frames.parser()
        self._servos = [
            _Servo(place, {**_factory_settings(), "id": (bus_id,)})
            for place, bus_id in enumerate(bus_ids)
        ]
        self.watch()

    def receive(self, data: bytes) -> list[Answer]:
        """See `Servos`."""
        frames = self._parser.feed(data)
        return [a for f in frames if isinstance(f, Lx16aFrame) for a in self._obey(f)]

    def line_is_quiet(self) -> list[Answer]:
        """See `Servos`."""
        frames = self._parser.flush()
        return [a for f in frames if isinstance(f, Lx16aFrame) for a in self._obey(f)]

    def watch(self) -> None:
        """See `Servos`: too hot, or supplied with too much or too little, they let go meanwhile."""
        for place in self._bodies.take_restarted():
            servo = self._servos[place]
            servo.offset = servo.kept["angle_offset"][0]
            servo.last, servo.waiting, servo.loaded = (0, 0), None, False
        for servo in self._servos:
            self._bodies.set_torque(servo.place, self._holds(servo))

    def _obey(self, frame: Lx16aFrame) -> list[Answer]:
        command = LX16A.by_code.get(frame.command)
        if command is None or len(frame.parameters) != command.sent_bytes:
            return []
        listening = [
            servo
            for servo in self._servos
            if frame.servo_id in (servo.kept["id"][0], lx16a_frames.BROADCAST_ID)
            and self._bodies.answers(servo.place)
        ]
        if command.answers:
            together = [self._answer(servo, command) for servo in listening]
            return [Answer(reduce(_collide, together), RETURN_DELAY_S)] if together else []
        values = _decoded(command.sends, frame.parameters)
        for servo in listening:
            self._do(servo, command, values)
        return []

    def _answer(self, servo: _Servo, command: Command) -> bytes:
        match command.name.removesuffix("_read"):
            case "move_time":
                values = servo.last
            case "move_time_wait":
                values = servo.waiting or (0, 0)
            case "angle_offset":
                values = (servo.offset,)
            case "temp":
                values = (round(self._bodies.temperatures_degc()[servo.place]),)
            case "vin":
                values = (round(1000 * self._bodies.supply_voltage),)
            case "pos":
                shaft = self._bodies.encoder_angle(servo.place)
                values = (ticks_of_shaft(self._unit, shaft) - servo.offset,)
            case "load_or_unload":
                values = (int(self._holds(servo)),)
            case setting:
                values = servo.kept[setting]
        data = b"".join(
            parameter.encode(nearest_fitting(parameter, value))
            for parameter, value in zip(command.answers, values, strict=True)
        )
        return lx16a_frames.encode(Lx16aFrame(servo.kept["id"][0], command.code, data))

    def _do(self, servo: _Servo, command: Command, values: Values) -> None:
        setting = command.name.removesuffix("_write")
        if command.name in ("move_time_write", "move_time_wait_write"):
            values = tuple(
                min(max(value, parameter.lowest or 0), parameter.highest or value)
                for parameter, value in zip(command.sends, values, strict=True)
            )
        elif not _in_range(command, values) or (setting in _RANGES and values[0] >= values[1]):
            return
        match command.name:
            case "move_time_write":
                self._move(servo, values)
            case "move_time_wait_write":
                servo.waiting = values
            case "move_start":
                if servo.waiting is not None:
                    self._move(servo, servo.waiting)
                    servo.waiting = None
            case "move_stop":
                self._bodies.hold(servo.place)
            case "angle_offset_adjust":
                servo.offset = values[0]
            case "angle_offset_write":
                servo.kept["angle_offset"] = (servo.offset,)
            case "load_or_unload_write":
                servo.loaded = bool(values[0])
            case "or_motor_mode_write":
                servo.kept[setting] = values
                self._turn(servo, values[2] if values[0] else 0)
            case _:
                servo.kept[setting] = values
        self._bodies.set_torque(servo.place, self._holds(servo))

    def _move(self, servo: _Servo, position_and_ms: Values) -> None:
        if servo.kept["or_motor_mode"][0]:
            return
        position, time_ms = position_and_ms
        servo.last = position_and_ms
        servo.loaded = True
        self._bodies.set_torque(servo.place, self._holds(servo))
        lowest, highest = servo.kept["angle_limit"]
        ticks = min(max(position, lowest), highest) + servo.offset
        self._bodies.move(servo.place, shaft_of_ticks(self._unit, ticks), time_ms / 1000)

    def _turn(self, servo: _Servo, speed: int) -> None:
        """Turn at a share of the no-load speed; a joint's end stop is never a whole turn away."""
        self._bodies.hold(servo.place)
        if speed:
            servo.loaded = True
            self._bodies.set_torque(servo.place, self._holds(servo))
            no_load = self._bodies.table.types[servo.place].no_load_speed
            turn = math.copysign(2 * math.pi, speed)
            shaft = self._bodies.shaft_angles()[servo.place]
            duration_s = abs(turn) / (no_load * abs(speed) / FULL_SPEED)
            self._bodies.move(servo.place, shaft + turn, duration_s)

    def _holds(self, servo: _Servo) -> bool:
        if not servo.loaded:
            return False
        lowest_mv, highest_mv = servo.kept["vin_limit"]
        cool = self._bodies.temperatures_degc()[servo.place] <= servo.kept["temp_max_limit"][0]
        return (
            servo.loaded and cool and lowest_mv <= 1000 * self._bodies.supply_voltage <= highest_mv
        )


def _factory_settings() -> dict[str, Values]:
    """What a new servo answers, by the name that the commands begin with."""
    return {
        command.name.removesuffix("_read"): tuple(p.default or 0 for p in command.answers)
        for command in LX16A.commands
        if command.answers and all(p.default is not None for p in command.answers)
    }


def _decoded(parameters: Sequence[Parameter], data: bytes) -> Values:
    values = []
    for parameter in parameters:
        values.append(parameter.decode(data[: parameter.size]))
        data = data[parameter.size :]
    return tuple(values)


def _in_range(command: Command, values: Values) -> bool:
    return all(
        (parameter.lowest is None or value >= parameter.lowest)
        and (parameter.highest is None or value <= parameter.highest)
        for parameter, value in zip(command.sends, values, strict=True)
    )


def _collide(one: bytes, other: bytes) -> bytes:
    """What is on an open-drain wire when two servos speak at once: zeros win."""
    return bytes(a & b for a, b in zip(one, other, strict=True))
