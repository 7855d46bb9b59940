"""Frames of Feetech's STS and SMS servos.

`FF FF id length code parameters checksum`; length counts the code, the parameters and the
checksum; the checksum is the inverted low byte of the sum from id to the last parameter. `code`
is an instruction on the way to a servo and its status on the way back: the two look alike, so
an adapter's echo must be removed before frames are read.
Source: Feetech, "Smart Bus Servo Communication Protocol" (FT-SCS), chapters 1.1 to 1.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sim2real.buses.frame_parser import Found, FrameParser, skip_to_header

HEADER: Final = b"\xff\xff"
BROADCAST_ID: Final = 254
MAX_LENGTH: Final = 250
"""Greatest length byte, as in the maker's own library."""
OVERHEAD: Final = 6
"""Bytes of a frame beside its parameters."""

PING: Final = 0x01
READ: Final = 0x02
WRITE: Final = 0x03
REG_WRITE: Final = 0x04
ACTION: Final = 0x05
SYNC_READ: Final = 0x82
SYNC_WRITE: Final = 0x83


@dataclass(frozen=True)
class FeetechFrame:
    """One instruction or status.

    Attributes:
        servo_id: 0 to 253, or 254 for all.
        code: the instruction, or in an answer the servo's status bits.
        parameters: bytes; words have their low byte first.
    """

    servo_id: int
    code: int
    parameters: bytes = b""


def encode(frame: FeetechFrame) -> bytes:
    """Return the bytes of a frame.

    Raises:
        ValueError: id or code do not fit, or there are too many parameters.
    """
    if not 0 <= frame.servo_id <= BROADCAST_ID:
        raise ValueError(f"servo id {frame.servo_id} is not from 0 to {BROADCAST_ID}")
    if not 0 <= frame.code <= 0xFF:
        raise ValueError(f"code {frame.code} does not fit into a byte")
    length = len(frame.parameters) + 2
    if length > MAX_LENGTH:
        raise ValueError(f"{len(frame.parameters)} parameters; at most {MAX_LENGTH - 2} fit")
    body = bytes((frame.servo_id, length, frame.code)) + frame.parameters
    return HEADER + body + bytes((checksum(body),))


def checksum(body: bytes) -> int:
    """Checksum of everything between the header and the checksum."""
    return ~sum(body) & 0xFF


def read(servo_id: int, address: int, size: int) -> FeetechFrame:
    """Question for `size` bytes from `address` on."""
    return FeetechFrame(servo_id, READ, bytes((address, size)))


def write(servo_id: int, address: int, data: bytes) -> FeetechFrame:
    """Command to store bytes from `address` on; the servo answers without parameters."""
    return FeetechFrame(servo_id, WRITE, bytes((address,)) + data)


def sync_read(servo_ids: Iterable[int], address: int, size: int) -> FeetechFrame:
    """Question to several servos; they answer one after another, in this order."""
    return FeetechFrame(BROADCAST_ID, SYNC_READ, bytes((address, size, *servo_ids)))


def sync_write(address: int, size: int, data: Mapping[int, bytes]) -> FeetechFrame:
    """Command to several servos at once, `size` bytes each by servo id; none answers."""
    blocks = b"".join(bytes((servo_id,)) + block for servo_id, block in data.items())
    return FeetechFrame(BROADCAST_ID, SYNC_WRITE, bytes((address, size)) + blocks)


def split_sync_write(parameters: bytes) -> tuple[int, dict[int, bytes]] | None:
    """Address and data by servo id of a sync write's parameters; None if they are malformed."""
    if len(parameters) < 2:
        return None
    address, size = parameters[:2]
    blocks = parameters[2:]
    step = size + 1
    if size == 0 or len(blocks) % step:
        return None
    starts = range(0, len(blocks), step)
    return address, {blocks[at]: blocks[at + 1 : at + step] for at in starts}


def parser() -> FrameParser[FeetechFrame]:
    """A parser for either side of the wire."""
    return FrameParser(scan)


def scan(buffer: bytearray) -> Found[FeetechFrame] | None:
    """Tell what a buffer starts with."""
    if not buffer.startswith(HEADER[: len(buffer)]):
        return skip_to_header(buffer, HEADER, "no header")
    if len(buffer) < 4:
        return None
    servo_id, length = buffer[2], buffer[3]
    if servo_id > BROADCAST_ID or not 2 <= length <= MAX_LENGTH:
        return skip_to_header(buffer, HEADER, "impossible length or id")
    size = length + 4
    if len(buffer) < size:
        return None
    body = bytes(buffer[2 : size - 1])
    if checksum(body) != buffer[size - 1]:
        return skip_to_header(buffer, HEADER, "checksum")
    return Found(FeetechFrame(servo_id, body[2], body[3:]), size)
