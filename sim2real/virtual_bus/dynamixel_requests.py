"""What a Dynamixel packet to several servos asks of each of them.

Source: ROBOTIS e-Manual, "DYNAMIXEL Protocol 2.0", sync and bulk instructions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sim2real.buses import dynamixel_frames as frames
from sim2real.buses.dynamixel_frames import Instruction

BULK_READ: Final = 0x92
BULK_WRITE: Final = 0x93
FAST_BULK_READ: Final = 0x9A

_BULK_HEAD: Final = 5
"""Bytes of id, address and size in bulk instructions."""


@dataclass(frozen=True)
class ReadingWanted:
    """Bytes that a servo is asked for."""

    servo_id: int
    address: int
    size: int


@dataclass(frozen=True)
class Write:
    """Bytes that a servo is to store."""

    servo_id: int
    address: int
    data: bytes


def readings_wanted(packet: Instruction) -> list[ReadingWanted]:
    """What a sync read or bulk read, fast or not, asks for; nothing if it is malformed."""
    data = packet.parameters
    if packet.servo_id != frames.BROADCAST_ID:
        return []
    if packet.instruction in (frames.SYNC_READ, frames.FAST_SYNC_READ):
        return [ReadingWanted(servo_id, word(data, 0), word(data, 2)) for servo_id in data[4:]]
    if len(data) % _BULK_HEAD:
        return []
    starts = range(0, len(data), _BULK_HEAD)
    return [ReadingWanted(data[at], word(data, at + 1), word(data, at + 3)) for at in starts]


def writes(packet: Instruction) -> Iterator[Write]:
    """What a sync write or bulk write brings; nothing if it is malformed."""
    data = packet.parameters
    if packet.instruction == frames.SYNC_WRITE:
        split = frames.split_sync_write(data)
        if split is not None:
            address, blocks = split
            yield from (Write(servo_id, address, block) for servo_id, block in blocks.items())
        return
    while len(data) > _BULK_HEAD:
        end = _BULK_HEAD + word(data, 3)
        yield Write(data[0], word(data, 1), data[_BULK_HEAD:end])
        data = data[end:]


def word(data: bytes, at: int) -> int:
    """Two bytes, low byte first."""
    return int.from_bytes(data[at : at + 2], "little")
