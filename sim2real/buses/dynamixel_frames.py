"""Packets of Dynamixel protocol 2.0.

`FF FF FD 00 id length_low length_high instruction parameters crc_low crc_high`; length counts the
instruction, the parameters and the CRC. Instruction 55 marks an answer, whose first parameter is
the servo's error byte. Within instruction and parameters, `FF FF FD` is followed by one more `FD`,
so that a header cannot appear there. Source: ROBOTIS e-Manual, "DYNAMIXEL Protocol 2.0".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sim2real.buses.frame_parser import Found, FrameParser, skip_to_header

HEADER: Final = b"\xff\xff\xfd\x00"
BROADCAST_ID: Final = 254
MAX_SIZE: Final = 1024
"""Longest packet, bytes, as in the maker's own library."""

PING: Final = 0x01
READ: Final = 0x02
WRITE: Final = 0x03
REG_WRITE: Final = 0x04
ACTION: Final = 0x05
FACTORY_RESET: Final = 0x06
REBOOT: Final = 0x08
STATUS: Final = 0x55
SYNC_READ: Final = 0x82
SYNC_WRITE: Final = 0x83
FAST_SYNC_READ: Final = 0x8A

ALERT_BIT: Final = 0x80
"""Of a status packet's error byte: a hardware error is pending, see the register of that name."""

_MARK: Final = b"\xff\xff\xfd"
_CRC_POLYNOMIAL: Final = 0x8005


@dataclass(frozen=True)
class Instruction:
    """A packet to a servo.

    Attributes:
        servo_id: 0 to 252, or 254 for all.
        instruction: one of this module's constants, never `STATUS`.
        parameters: bytes, unstuffed; words have their low byte first.
    """

    servo_id: int
    instruction: int
    parameters: bytes = b""


@dataclass(frozen=True)
class Status:
    """An answer.

    Attributes:
        servo_id: who answers; 254 in the joint answer to a fast sync read.
        error: error byte of the (first) servo.
        parameters: bytes, unstuffed.
    """

    servo_id: int
    error: int
    parameters: bytes = b""


Packet = Instruction | Status


def encode(packet: Packet) -> bytes:
    """Return the bytes of a packet, stuffed.

    Raises:
        ValueError: something does not fit.
    """
    if not 0 <= packet.servo_id <= BROADCAST_ID or packet.servo_id == 253:
        raise ValueError(f"servo id {packet.servo_id} is not from 0 to 252, or 254 for all")
    match packet:
        case Status(error=error, parameters=parameters):
            content = bytes((STATUS, error)) + parameters
        case Instruction(instruction=instruction, parameters=parameters):
            if instruction == STATUS:
                raise ValueError("55 is no instruction; encode a Status instead")
            content = bytes((instruction,)) + parameters
    is_joint = isinstance(packet, Status) and packet.servo_id == BROADCAST_ID
    content = content if is_joint else stuff(content)
    length = len(content) + 2
    if length + 7 > MAX_SIZE:
        raise ValueError(f"the packet has {length + 7} bytes; at most {MAX_SIZE} fit")
    unchecked = HEADER + bytes((packet.servo_id, length & 0xFF, length >> 8)) + content
    return unchecked + crc16(unchecked).to_bytes(2, "little")


def stuff(content: bytes) -> bytes:
    """Add `FD` behind every `FF FF FD`."""
    return content.replace(_MARK, _MARK + b"\xfd")


def unstuff(content: bytes) -> bytes:
    """Undo `stuff`."""
    return content.replace(_MARK + b"\xfd", _MARK)


def crc16(data: bytes, crc: int = 0) -> int:
    """CRC-16 with polynomial 8005, start 0, no reflection (CRC-16/UMTS) of `data` behind `crc`."""
    for byte in data:
        crc = (crc << 8 & 0xFFFF) ^ _CRC_TABLE[crc >> 8 ^ byte]
    return crc


def read(servo_id: int, address: int, size: int) -> Instruction:
    """Question for `size` bytes from `address` on."""
    return Instruction(servo_id, READ, _words(address, size))


def write(servo_id: int, address: int, data: bytes) -> Instruction:
    """Command to store bytes from `address` on; the servo answers without parameters."""
    return Instruction(servo_id, WRITE, _words(address) + data)


def sync_read(servo_ids: Iterable[int], address: int, size: int) -> Instruction:
    """Question to several servos; they answer one after another, in this order."""
    return Instruction(BROADCAST_ID, SYNC_READ, _words(address, size) + bytes(servo_ids))


def fast_sync_read(servo_ids: Iterable[int], address: int, size: int) -> Instruction:
    """Question to several servos; they write one answer together, in this order."""
    return Instruction(BROADCAST_ID, FAST_SYNC_READ, _words(address, size) + bytes(servo_ids))


def sync_write(address: int, size: int, data: Mapping[int, bytes]) -> Instruction:
    """Command to several servos at once, `size` bytes each by servo id; none answers."""
    blocks = b"".join(bytes((servo_id,)) + block for servo_id, block in data.items())
    return Instruction(BROADCAST_ID, SYNC_WRITE, _words(address, size) + blocks)


def split_sync_write(parameters: bytes) -> tuple[int, dict[int, bytes]] | None:
    """Address and data by servo id of a sync write's parameters; None if they are malformed."""
    if len(parameters) < 4:
        return None
    address, size = _word(parameters, 0), _word(parameters, 2)
    blocks = parameters[4:]
    step = size + 1
    if size == 0 or len(blocks) % step:
        return None
    starts = range(0, len(blocks), step)
    return address, {blocks[at]: blocks[at + 1 : at + step] for at in starts}


def encode_joint_status(answers: Mapping[int, tuple[int, bytes]]) -> bytes:
    """The one answer that servos write together to a fast sync read.

    Each adds its error byte, its id, its data and the CRC of everything so far. The answer is
    not stuffed. Source: e-Manual, "Fast Sync Read"; the maker's library reads it like this.

    Args:
        answers: error byte and data by servo id, in the order asked; at least one.
    """
    length = 1 + sum(len(data) + 4 for _, data in answers.values())
    packet = HEADER + bytes((BROADCAST_ID, length & 0xFF, length >> 8, STATUS))
    for servo_id, (error, data) in answers.items():
        packet += bytes((error, servo_id)) + data
        packet += crc16(packet).to_bytes(2, "little")
    return packet


def split_joint_status(status: Status, size: int) -> dict[int, tuple[int, bytes]] | None:
    """Error byte and data (`size` bytes) by servo id of a joint answer; None if malformed.

    The packet's CRC has been checked, and covers those of the servos.
    """
    # the frame has taken the first error byte and the last CRC
    content = bytes((status.error,)) + status.parameters + bytes(2)
    step = size + 4
    if len(content) % step:
        return None
    answers = {}
    for at in range(0, len(content), step):
        answers[content[at + 1]] = (content[at], content[at + 2 : at + 2 + size])
    return answers


def parser() -> FrameParser[Packet]:
    """A parser for either side of the wire."""
    return FrameParser(scan)


def scan(buffer: bytearray) -> Found[Packet] | None:
    """Tell what a buffer starts with."""
    if not buffer.startswith(HEADER[: len(buffer)]):
        return skip_to_header(buffer, HEADER, "no header")
    if len(buffer) < 7:
        return None
    servo_id, length = buffer[4], _word(buffer, 5)
    if servo_id > BROADCAST_ID or servo_id == 253 or not 3 <= length <= MAX_SIZE - 7:
        return skip_to_header(buffer, HEADER, "impossible length or id")
    size = length + 7
    if len(buffer) < size:
        return None
    if crc16(bytes(buffer[: size - 2])) != _word(buffer, size - 2):
        return skip_to_header(buffer, HEADER, "CRC")
    content = bytes(buffer[7 : size - 2])
    if content[0] != STATUS:
        content = unstuff(content)
        return Found(Instruction(servo_id, content[0], content[1:]), size)
    if servo_id != BROADCAST_ID:
        content = unstuff(content)
    if len(content) < 2:
        return skip_to_header(buffer, HEADER, "answer without an error byte")
    return Found(Status(servo_id, content[1], content[2:]), size)


def _word(data: bytes | bytearray, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _words(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "little") for value in values)


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (_CRC_POLYNOMIAL if crc & 0x8000 else 0)) & 0xFFFF
        table.append(crc)
    return tuple(table)


_CRC_TABLE: Final = _crc_table()
