"""Commands of Pololu's Maestro servo controllers.

Compact protocol: a command byte (80 or more) and data bytes (below 80). Pololu protocol: AA, the
device number, the command byte without its highest bit, and the data. With the CRC switched on in
the controller's settings, every command ends in a CRC-7. Answers are bare bytes without frame or
CRC. Source: Pololu, "Maestro Servo Controller User's Guide", chapters 5.c to 5.e.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from sim2real.buses.frame_parser import Damage, Found, FrameParser
from sim2real.buses.wire_tables import MAESTRO

POLOLU_PROTOCOL: Final = 0xAA
SET_TARGET: Final = MAESTRO["set_target"].code
SET_SPEED: Final = MAESTRO["set_speed"].code
SET_ACCELERATION: Final = MAESTRO["set_acceleration"].code
GET_POSITION: Final = MAESTRO["get_position"].code
GET_MOVING_STATE: Final = MAESTRO["get_moving_state"].code
SET_MULTIPLE_TARGETS: Final = MAESTRO["set_multiple_targets"].code
GET_ERRORS: Final = MAESTRO["get_errors"].code
GO_HOME: Final = MAESTRO["go_home"].code

CHANNELS: Final = 24
"""Of the largest controller of the family."""

LONGEST: Final = 3 + 2 + 2 * 0x7F + 1
"""Bytes of the longest command: Pololu protocol, 127 targets, CRC."""

GREATEST_VALUE: Final = 0x3FFF
"""What fits into two data bytes of seven bits."""

_CRC_POLYNOMIAL: Final = 0x91


@dataclass(frozen=True)
class MaestroFrame:
    """One command.

    Attributes:
        command: command byte of the compact protocol, one of this module's constants.
        data: its data bytes, each below 80 (hexadecimal).
        device: number of the controller where several share a line (Pololu protocol), or None.
    """

    command: int
    data: bytes = b""
    device: int | None = None


def encode(frame: MaestroFrame, crc: bool = False) -> bytes:
    """Return the bytes of a command.

    Raises:
        ValueError: the command is unknown, or its data are too long, too short or too great.
    """
    wanted = _data_size(frame.command, frame.data)
    if wanted is None or wanted != len(frame.data):
        raise ValueError(f"command {frame.command:#x} does not have {len(frame.data)} data bytes")
    if any(byte >= 0x80 for byte in frame.data):
        raise ValueError(f"data {frame.data.hex(' ')}: every byte must be below 80")
    if frame.device is None:
        packet = bytes((frame.command,)) + frame.data
    elif 0 <= frame.device < 0x80:
        packet = bytes((POLOLU_PROTOCOL, frame.device, frame.command & 0x7F)) + frame.data
    else:
        raise ValueError(f"device number {frame.device} is not from 0 to 127")
    return packet + bytes((crc7(packet),)) if crc else packet


def crc7(packet: bytes) -> int:
    """CRC-7 of a command; polynomial 91, lowest bit first (User's Guide, 5.d)."""
    crc = 0
    for byte in packet:
        crc ^= byte
        for _ in range(8):
            crc = (crc ^ _CRC_POLYNOMIAL if crc & 1 else crc) >> 1
    return crc


def split_value(value: int) -> bytes:
    """Two data bytes of a value, low seven bits first.

    Raises:
        ValueError: it does not fit.
    """
    if not 0 <= value <= GREATEST_VALUE:
        raise ValueError(f"value {value} is not from 0 to {GREATEST_VALUE}")
    return bytes((value & 0x7F, value >> 7))


def join_value(data: bytes) -> int:
    """The value of two data bytes."""
    return data[0] | data[1] << 7


def set_target(channel: int, target: int) -> MaestroFrame:
    """Command one channel; `target` in quarter microseconds, 0 for no pulses."""
    return MaestroFrame(SET_TARGET, bytes((channel,)) + split_value(target))


def set_multiple_targets(first_channel: int, targets: Sequence[int]) -> MaestroFrame:
    """Command neighbouring channels at once (Mini Maestro 12, 18 and 24)."""
    values = b"".join(split_value(target) for target in targets)
    return MaestroFrame(SET_MULTIPLE_TARGETS, bytes((len(targets), first_channel)) + values)


def targets_of(frame: MaestroFrame) -> dict[int, int]:
    """Targets by channel that a command sets; none for other commands."""
    if frame.command == SET_TARGET:
        return {frame.data[0]: join_value(frame.data[1:])}
    if frame.command == SET_MULTIPLE_TARGETS:
        first = frame.data[1]
        values = frame.data[2:]
        return {first + at // 2: join_value(values[at : at + 2]) for at in range(0, len(values), 2)}
    return {}


def parser(crc: bool = False) -> FrameParser[MaestroFrame]:
    """A parser for the controller's side of the wire."""
    return FrameParser(partial(scan, crc=crc))


def scan(buffer: bytearray, crc: bool = False) -> Found[MaestroFrame] | None:
    """Tell what a buffer starts with."""
    if buffer[0] < 0x80:
        return _skip_to_command(buffer, "data without a command")
    start, device = 1, None
    command = buffer[0]
    if command == POLOLU_PROTOCOL:
        if len(buffer) < 3:
            return None if _is_data(buffer[1:]) else _skip_to_command(buffer, "cut short")
        start, device, command = 3, buffer[1], buffer[2] | 0x80
        if not _is_data(buffer[1:3]):
            return _skip_to_command(buffer, "cut short")
    if command not in MAESTRO.by_code:
        return _skip_to_command(buffer, "unknown command")
    size = _data_size(command, buffer[start : start + 1])
    if size is None:
        return None
    end = start + size + crc
    if not _is_data(buffer[start:end]):
        return _skip_to_command(buffer, "cut short")
    if len(buffer) < end:
        return None
    packet = bytes(buffer[: end - crc])
    if crc and crc7(packet) != buffer[end - 1]:
        return _skip_to_command(buffer, "CRC")
    return Found(MaestroFrame(command, packet[start:], device), end)


def _data_size(code: int, data: bytes | bytearray) -> int | None:
    """Data bytes of a command; None if unknown, or to be told by a data byte that is to come."""
    command = MAESTRO.by_code.get(code)
    if command is None or (command.repeats and not data):
        return None
    return command.sent_bytes + (command.repeats * data[0] if command.repeats else 0)


def _is_data(data: bytes | bytearray) -> bool:
    return all(byte < 0x80 for byte in data)


def _skip_to_command(buffer: bytearray, reason: str) -> Found[MaestroFrame]:
    end = next((at for at in range(1, len(buffer)) if buffer[at] >= 0x80), len(buffer))
    return Found(Damage(bytes(buffer[:end]), reason), end)
