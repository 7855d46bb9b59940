"""Dynamixel X servos, protocol 2.0.

Plain sync reads rather than fast ones: the joint answer to a fast sync read is lost whole when
one servo is silent or one bit is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from sim2real.buses import dynamixel_frames as frames
from sim2real.buses.bus import BusProfile, PositionUnit
from sim2real.buses.register_bus import Dialect
from sim2real.buses.wire_tables import DYNAMIXEL, Register

PROFILE: Final = BusProfile(
    name="dynamixel",
    baud=1_000_000,
    position=PositionUnit(ticks_per_rad=4096 / math.tau, lowest=0, highest=4095),
    reads_position=True,
    reads_temperature=True,
    reads_voltage=True,
    reads_all_at_once=True,
    shares_wire=True,
)


def _read(servo_ids: Sequence[int], register: Register) -> bytes:
    if len(servo_ids) == 1:
        return frames.encode(frames.read(servo_ids[0], register.address, register.size))
    return frames.encode(frames.sync_read(servo_ids, register.address, register.size))


def _sync_write(register: Register, data: Mapping[int, bytes]) -> bytes:
    return frames.encode(frames.sync_write(register.address, register.size, data))


def _answer(packet: frames.Packet) -> tuple[int, bytes] | None:
    if not isinstance(packet, frames.Status) or packet.error & ~frames.ALERT_BIT:
        return None
    return packet.servo_id, packet.parameters


DIALECT: Final = Dialect(
    profile=PROFILE,
    table=DYNAMIXEL,
    highest_id=252,
    errors="hardware_error_status",
    voltage="present_input_voltage",
    motion_limits=("profile_acceleration", "profile_velocity"),
    overhead=11,
    parser=frames.parser,
    read=_read,
    sync_write=_sync_write,
    answer=_answer,
)
