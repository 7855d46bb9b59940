"""Feetech STS servos as their wire shows them.

Source of what instructions do: Feetech, "Smart Bus Servo Communication Protocol".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sim2real.buses import feetech_frames as frames
from sim2real.buses.bus import PositionUnit
from sim2real.buses.feetech_frames import FeetechFrame
from sim2real.buses.wire_tables import FEETECH
from sim2real.virtual_bus.bodies import ServoBodies
from sim2real.virtual_bus.feetech_servo import FeetechServo
from sim2real.virtual_bus.memory import Layout, Memory
from sim2real.virtual_bus.servos import Answer

BAUD_CODES: Final = {
    1000000: 0, 500000: 1, 250000: 2, 128000: 3, 115200: 4, 76800: 5, 57600: 6, 38400: 7
}  # fmt: skip
"""Values of the register `baud`."""


class FeetechServos:
    """Ten STS servos on one wire, commissioned: own ids, and the wire's speed.

    Args:
        bodies: their bodies; torque is off to begin with.
        unit: how they count positions.
        bus_ids: their ids, in the order of the bodies.
        baud: speed of the wire.
    """

    def __init__(
        self, bodies: ServoBodies, unit: PositionUnit, bus_ids: Sequence[int], baud: int
    ) -> None:
        self._bodies = bodies
        self._parser = frames.parser()
        layout = Layout(FEETECH)
        settings = {"baud": BAUD_CODES.get(baud, 0)}
        self._servos = [
            FeetechServo(bodies, unit, place, Memory(layout, {**settings, "id": bus_id}))
            for place, bus_id in enumerate(bus_ids)
        ]

    def receive(self, data: bytes) -> list[Answer]:
        """See `Servos`."""
        return self._obey_all(self._parser.feed(data))

    def line_is_quiet(self) -> list[Answer]:
        """See `Servos`."""
        return self._obey_all(self._parser.flush())

    def watch(self) -> None:
        """See `Servos`."""
        for place in self._bodies.take_restarted():
            self._servos[place].start()
        for servo in self._servos:
            servo.watch()

    def _obey_all(self, found: Iterable[object]) -> list[Answer]:
        return [a for f in found if isinstance(f, FeetechFrame) for a in self._obey(f)]

    def _obey(self, frame: FeetechFrame) -> Iterator[Answer]:
        data = frame.parameters
        everyone = frame.servo_id == frames.BROADCAST_ID
        match frame.code:
            case frames.SYNC_READ if everyone and len(data) > 2:
                yield from self._answer_in_turn(data[2:], data[0], data[1])
            case frames.SYNC_WRITE if everyone:
                address, blocks = frames.split_sync_write(data) or (0, {})
                for servo_id, block in blocks.items():
                    for servo in self._with_id(servo_id):
                        servo.store(address, block)
            case _:
                listening = self._running() if everyone else self._with_id(frame.servo_id)
                for servo in listening:
                    answer = self._obey_alone(servo, frame.code, data)
                    # to a ping for all each answers; to anything else for all, nobody
                    if answer is not None and (frame.code == frames.PING or not everyone):
                        yield answer

    def _obey_alone(self, servo: FeetechServo, code: int, data: bytes) -> Answer | None:
        """What one servo does that an instruction is for."""
        content = b""
        wants_answer = bool(servo.memory["response_level"])
        match code:
            case frames.PING:
                wants_answer = True
            case frames.READ if len(data) == 2:
                wants_answer = True
                content = servo.read(data[0], data[1]) or b""
            case frames.WRITE if len(data) > 1:
                servo.store(data[0], data[1:])
            case frames.REG_WRITE if len(data) > 1:
                servo.register(data[0], data[1:])
            case frames.ACTION:
                servo.act()
            case _:
                return None
        return _answer(servo, content) if wants_answer else None

    def _answer_in_turn(self, servo_ids: bytes, address: int, size: int) -> Iterator[Answer]:
        """Each answers behind the one before; behind a silent one, nobody does."""
        for servo_id in servo_ids:
            servos = self._with_id(servo_id)
            if not servos:
                return
            for servo in servos:
                yield _answer(servo, servo.read(address, size) or b"")

    def _running(self) -> list[FeetechServo]:
        running = [servo for servo in self._servos if servo.answers]
        return sorted(running, key=lambda servo: servo.servo_id)

    def _with_id(self, servo_id: int) -> list[FeetechServo]:
        return [servo for servo in self._servos if servo.servo_id == servo_id and servo.answers]


def _answer(servo: FeetechServo, content: bytes) -> Answer:
    frame = FeetechFrame(servo.servo_id, servo.memory["status"], content)
    delay_s = servo.memory["return_delay"] * FEETECH["return_delay"].count
    return Answer(frames.encode(frame), delay_s)
