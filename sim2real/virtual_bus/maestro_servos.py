"""A Pololu Maestro with ten hobby servos, as its serial port shows it.

Commands: `sim2real/buses/tables/maestro.yaml`. A servo's bus id is its channel. The channels send
no pulses until they are told to; acceleration is kept and has no effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sim2real.buses import maestro_frames as frames
from sim2real.buses.bus import PositionUnit
from sim2real.buses.frame_parser import Damage
from sim2real.buses.maestro_frames import MaestroFrame
from sim2real.virtual_bus.bodies import ServoBodies
from sim2real.virtual_bus.scale import shaft_of_ticks, ticks_of_shaft
from sim2real.virtual_bus.servos import Answer

DEVICE_NUMBER: Final = 12
"""Of a new controller (User's Guide, 5.c)."""

PROTOCOL_ERROR: Final = 1 << 4
"""Bit of the errors: something that is no command came."""

SPEED_TICKS_PER_S: Final = 100
"""One count of a channel's speed: a quarter microsecond per 10 ms."""


@dataclass
class _Channel:
    """One output.

    Attributes:
        place: of the body of the servo on it; None if there is none.
        target: quarter microseconds, 0 for no pulses.
        speed: greatest, counts; 0 for no limit.
    """

    place: int | None = None
    target: int = 0
    speed: int = 0


class MaestroServos:
    """Ten hobby servos on a Mini Maestro 24.

    Args:
        bodies: their bodies; torque is off to begin with.
        unit: how pulses are counted, and which ones the channels are set to allow.
        bus_ids: their channels, in the order of the bodies.
        crc: whether the CRC is switched on in the controller's settings.
    """

    def __init__(
        self, bodies: ServoBodies, unit: PositionUnit, bus_ids: Sequence[int], crc: bool = False
    ) -> None:
        self._bodies = bodies
        self._unit = unit
        self._parser = frames.parser(crc)
        self._errors = 0
        self._channels = [_Channel() for _ in range(frames.CHANNELS)]
        for place, channel in enumerate(bus_ids):
            self._channels[channel].place = place
            bodies.set_torque(place, False)

    def receive(self, data: bytes) -> list[Answer]:
        """See `Servos`."""
        return self._obey_all(self._parser.feed(data))

    def line_is_quiet(self) -> list[Answer]:
        """See `Servos`."""
        return self._obey_all(self._parser.flush())

    def watch(self) -> None:
        """See `Servos`: the controller lives on USB power; servos that come back follow at once."""
        restarted = self._bodies.take_restarted()
        for channel in self._channels:
            if channel.place in restarted and channel.target:
                self._bodies.move(channel.place, shaft_of_ticks(self._unit, channel.target))

    def _obey_all(self, found: Iterable[MaestroFrame | Damage]) -> list[Answer]:
        answers: list[Answer] = []
        for what in found:
            if isinstance(what, Damage):
                self._errors |= PROTOCOL_ERROR
            elif what.device in (None, DEVICE_NUMBER):
                answers += self._obey(what)
        return answers

    def _obey(self, frame: MaestroFrame) -> list[Answer]:
        match frame.command:
            case frames.SET_TARGET | frames.SET_MULTIPLE_TARGETS:
                for number, target in frames.targets_of(frame).items():
                    self._set_target(number, target)
            case frames.SET_SPEED if frame.data[0] < frames.CHANNELS:
                self._channels[frame.data[0]].speed = frames.join_value(frame.data[1:])
            case frames.GET_POSITION:
                return [_answer(self._pulse(frame.data[0]), 2)]
            case frames.GET_MOVING_STATE:
                return [_answer(int(any(map(self._is_moving, self._channels))), 1)]
            case frames.GET_ERRORS:
                errors, self._errors = self._errors, 0
                return [_answer(errors, 2)]
            case frames.GO_HOME:
                for number in range(frames.CHANNELS):
                    self._set_target(number, 0)
        return []

    def _set_target(self, number: int, target: int) -> None:
        if number >= frames.CHANNELS:
            self._errors |= PROTOCOL_ERROR
            return
        channel = self._channels[number]
        had_pulses = channel.target > 0
        channel.target = target and min(max(target, self._unit.lowest), self._unit.highest)
        if channel.place is None:
            return
        self._bodies.set_torque(channel.place, target > 0)
        if target > 0:
            goal = shaft_of_ticks(self._unit, channel.target)
            way = abs(goal - self._bodies.setpoint(channel.place)) * self._unit.ticks_per_rad
            # the first pulse tells the controller where the servo is
            is_limited = had_pulses and channel.speed > 0
            duration_s = way / (channel.speed * SPEED_TICKS_PER_S) if is_limited else 0.0
            self._bodies.move(channel.place, goal, duration_s)

    def _pulse(self, number: int) -> int:
        """The pulse that a channel sends now."""
        if number >= frames.CHANNELS:
            self._errors |= PROTOCOL_ERROR
            return 0
        channel = self._channels[number]
        if channel.place is None or channel.target == 0:
            return channel.target
        return ticks_of_shaft(self._unit, self._bodies.setpoint(channel.place))

    def _is_moving(self, channel: _Channel) -> bool:
        return channel.place is not None and self._bodies.is_moving(channel.place)


def _answer(value: int, size: int) -> Answer:
    return Answer(value.to_bytes(size, "little"), 0.0)
