"""Dynamixel X servos (protocol 2.0) as their wire shows them.

Source of what instructions do: ROBOTIS e-Manual, "DYNAMIXEL Protocol 2.0".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sim2real.buses import dynamixel_frames as frames
from sim2real.buses.bus import PositionUnit
from sim2real.buses.dynamixel_frames import Instruction, Status
from sim2real.buses.wire_tables import DYNAMIXEL
from sim2real.virtual_bus import dynamixel_requests as requests
from sim2real.virtual_bus.bodies import ServoBodies
from sim2real.virtual_bus.dynamixel_requests import ReadingWanted
from sim2real.virtual_bus.dynamixel_servo import (
    ACCESS_ERROR,
    DATA_LENGTH_ERROR,
    INSTRUCTION_ERROR,
    RESULT_FAIL,
    DynamixelServo,
)
from sim2real.virtual_bus.memory import Layout, Memory
from sim2real.virtual_bus.servos import Answer

BAUD_CODES: Final = {9600: 0, 57600: 1, 115200: 2, 1000000: 3, 2000000: 4, 3000000: 5, 4000000: 6}
"""Values of the register `baud`."""

JOINT_HEAD: Final = 8
"""Bytes of a joint answer before the first servo's part: header, id, length, instruction."""

JOINT_OVERHEAD: Final = 4
"""Bytes of a servo's part of it beside the data: error, id, CRC."""


class DynamixelServos:
    """Ten X servos on one wire, commissioned: own ids, the wire's speed, no return delay.

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
        self._heard_s = bodies.time_s
        layout = Layout(DYNAMIXEL)
        settings = {"return_delay": 0, "baud": BAUD_CODES.get(baud, 0)}
        self._servos = [
            DynamixelServo(bodies, unit, place, Memory(layout, {**settings, "id": bus_id}))
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
            servo.watch(self._bodies.time_s - self._heard_s)

    def _obey_all(self, found: Iterable[object]) -> list[Answer]:
        answers: list[Answer] = []
        for packet in found:
            if isinstance(packet, Instruction):
                self._heard_s = self._bodies.time_s
                answers += self._obey(packet)
        return answers

    def _obey(self, packet: Instruction) -> list[Answer]:
        match packet.instruction:
            case frames.PING:
                return [_status(s, 0, _identity(s)) for s in self._addressed(packet)]
            case frames.SYNC_READ | requests.BULK_READ:
                return list(self._answer_in_turn(requests.readings_wanted(packet)))
            case frames.FAST_SYNC_READ | requests.FAST_BULK_READ:
                return self._answer_jointly(requests.readings_wanted(packet))
            case frames.SYNC_WRITE | requests.BULK_WRITE:
                for write in requests.writes(packet):
                    for servo in self._with_id(write.servo_id):
                        servo.store(write.address, write.data)
                return []
            case _:
                return [
                    answer
                    for servo in self._addressed(packet)
                    for answer in self._obey_alone(servo, packet)
                ]

    def _obey_alone(self, servo: DynamixelServo, packet: Instruction) -> Iterator[Answer]:
        """What one servo does that an instruction is for."""
        data = packet.parameters
        wants_all = servo.memory["status_return_level"] == 2
        error, content = 0, b""
        match packet.instruction:
            case frames.READ if len(data) != 4:
                error = DATA_LENGTH_ERROR
            case frames.READ:
                wants_all = servo.memory["status_return_level"] >= 1
                read = servo.read(requests.word(data, 0), requests.word(data, 2))
                error, content = (ACCESS_ERROR, b"") if read is None else (0, read)
            case frames.WRITE | frames.REG_WRITE if len(data) < 3:
                error = DATA_LENGTH_ERROR
            case frames.WRITE:
                error = servo.store(requests.word(data, 0), data[2:])
            case frames.REG_WRITE:
                servo.register(requests.word(data, 0), data[2:])
            case frames.ACTION:
                error = servo.act()
            case frames.REBOOT:
                servo.start()
            case frames.FACTORY_RESET:
                error = RESULT_FAIL  # it would lose its id, and the face its servo
            case _:
                error = INSTRUCTION_ERROR
        if wants_all and packet.servo_id != frames.BROADCAST_ID:
            yield _status(servo, error, content)

    def _answer_in_turn(self, wanted: list[ReadingWanted]) -> Iterator[Answer]:
        """Each answers behind the one before; behind a silent one, nobody does."""
        for one in wanted:
            answers = [
                _status(servo, 0, data)
                for servo in self._with_id(one.servo_id)
                if (data := servo.read(one.address, one.size)) is not None
            ]
            if not answers:
                return
            yield from answers

    def _answer_jointly(self, wanted: list[ReadingWanted]) -> list[Answer]:
        """One packet that the servos write together; it breaks off before a silent one."""
        if sum(one.size for one in wanted) > frames.MAX_SIZE:
            return []
        parts = {one.servo_id: (0, bytes(one.size)) for one in wanted}
        spoken = 0
        for one in wanted:
            servo = next(iter(self._with_id(one.servo_id)), None)
            data = None if servo is None else servo.read(one.address, one.size)
            if servo is None or data is None:
                break
            parts[one.servo_id] = (servo.error_byte(0), data)
            spoken += one.size + JOINT_OVERHEAD
        if not spoken:
            return []
        return [Answer(frames.encode_joint_status(parts)[: JOINT_HEAD + spoken], 0.0)]

    def _addressed(self, packet: Instruction) -> list[DynamixelServo]:
        if packet.servo_id == frames.BROADCAST_ID:
            running = [s for s in self._servos if s.answers]
            return sorted(running, key=lambda servo: servo.servo_id)
        return self._with_id(packet.servo_id)

    def _with_id(self, servo_id: int) -> list[DynamixelServo]:
        return [servo for servo in self._servos if servo.servo_id == servo_id and servo.answers]


def _identity(servo: DynamixelServo) -> bytes:
    model = servo.memory["model_number"].to_bytes(2, "little")
    return model + bytes((servo.memory["firmware_version"],))


def _status(servo: DynamixelServo, error: int, content: bytes) -> Answer:
    packet = Status(servo.servo_id, servo.error_byte(error), content)
    delay_s = servo.memory["return_delay"] * DYNAMIXEL["return_delay"].count
    return Answer(frames.encode(packet), delay_s)
