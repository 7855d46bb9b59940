"""Feetech STS servos (STS3215 and its relatives)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

from sim2real.buses import feetech_frames as frames
from sim2real.buses.bus import BusProfile, PositionUnit
from sim2real.buses.register_bus import Dialect
from sim2real.buses.wire_tables import FEETECH, Register

PROFILE: Final = BusProfile(
    name="feetech",
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


def _answer(frame: frames.FeetechFrame) -> tuple[int, bytes] | None:
    return frame.servo_id, frame.parameters


DIALECT: Final = Dialect(
    profile=PROFILE,
    table=FEETECH,
    highest_id=253,
    errors="status",
    voltage="present_voltage",
    motion_limits=("acceleration", "goal_speed"),
    overhead=frames.OVERHEAD,
    parser=frames.parser,
    read=_read,
    sync_write=_sync_write,
    answer=_answer,
)
