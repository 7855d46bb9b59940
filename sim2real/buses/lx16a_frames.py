"""Frames of Hiwonder's LX-16A, LX-224 and their relatives.

`55 55 id length command parameters checksum`; length counts itself, the command, the parameters
and the checksum; the checksum is the inverted low byte of the sum from id to the last parameter.
Questions and answers look alike: an answer repeats the command and carries parameters.
Source: "LewanSoul Bus Servo Communication Protocol" (Hiwonder).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sim2real.buses.frame_parser import Found, FrameParser, skip_to_header

HEADER: Final = b"\x55\x55"
BROADCAST_ID: Final = 254
MAX_PARAMETERS: Final = 4
"""The longest command of the manual has four."""
OVERHEAD: Final = 6
"""Bytes of a frame beside its parameters."""


@dataclass(frozen=True)
class Lx16aFrame:
    """One question, command or answer.

    Attributes:
        servo_id: 0 to 253, or 254 for all.
        command: number of the command, see `tables/lx16a.yaml`.
        parameters: 0 to 4 bytes; words have their low byte first.
    """

    servo_id: int
    command: int
    parameters: bytes = b""


def encode(frame: Lx16aFrame) -> bytes:
    """Return the bytes of a frame.

    Raises:
        ValueError: id or command do not fit, or there are too many parameters.
    """
    if not 0 <= frame.servo_id <= BROADCAST_ID:
        raise ValueError(f"servo id {frame.servo_id} is not from 0 to {BROADCAST_ID}")
    if not 0 <= frame.command <= 0xFF:
        raise ValueError(f"command {frame.command} does not fit into a byte")
    if len(frame.parameters) > MAX_PARAMETERS:
        raise ValueError(f"{len(frame.parameters)} parameters; at most {MAX_PARAMETERS} fit")
    body = bytes((frame.servo_id, len(frame.parameters) + 3, frame.command)) + frame.parameters
    return HEADER + body + bytes((checksum(body),))


def checksum(body: bytes) -> int:
    """Checksum of everything between the header and the checksum."""
    return ~sum(body) & 0xFF


def parser() -> FrameParser[Lx16aFrame]:
    """A parser for either side of the wire."""
    return FrameParser(scan)


def scan(buffer: bytearray) -> Found[Lx16aFrame] | None:
    """Tell what a buffer starts with."""
    if not buffer.startswith(HEADER[: len(buffer)]):
        return skip_to_header(buffer, HEADER, "no header")
    if len(buffer) < 4:
        return None
    servo_id, length = buffer[2], buffer[3]
    if servo_id > BROADCAST_ID or not 3 <= length <= MAX_PARAMETERS + 3:
        return skip_to_header(buffer, HEADER, "impossible length or id")
    size = length + 3
    if len(buffer) < size:
        return None
    body = bytes(buffer[2 : size - 1])
    if checksum(body) != buffer[size - 1]:
        return skip_to_header(buffer, HEADER, "checksum")
    return Found(Lx16aFrame(servo_id, body[2], body[3:]), size)
