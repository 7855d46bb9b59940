"""Senseless and damaged frames into the virtual servos: `python -m benchmarks.fuzz_servos`.

The servos of every protocol must take any bytes without raising, answer only what their own
protocol can read, and leave the twin sane. Prints one line for each protocol.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass

import numpy as np

from sim2real.buses import dynamixel_frames, feetech_frames, lx16a_frames, maestro_frames
from sim2real.buses.registry import BUSES
from sim2real.buses.wire_tables import LX16A, MAESTRO
from sim2real.virtual_bus import make_servos
from sim2real.virtual_bus.bodies import ServoBodies

IDS = tuple(range(1, 11))
SIZES = (0, 1, 2, 3, 4, 4, 5, 6, 9, 14)
PERIOD_S = 0.01
FRAMES_PER_PERIOD = 50
SPOILT_SHARE = 0.3


@dataclass
class Tally:
    """What a run saw: frames fed, and answers."""

    fed: int = 0
    answers: int = 0


def fuzz_servos(protocol: str, count: int, seed: int) -> Tally:
    """Feed `count` frames to ten servos while their time passes.

    Raises:
        AssertionError: the twin is no longer sane.
        Exception: whatever the servos did not expect.
    """
    source = random.Random(seed)
    bodies = ServoBodies()
    servos = make_servos(protocol, bodies, IDS)
    tally = Tally()
    while tally.fed < count:
        frame = bytearray(senseless_frame(protocol, source))
        if source.random() < SPOILT_SHARE:
            frame[source.randrange(len(frame))] ^= 1 << source.randrange(8)
        tally.fed += 1
        tally.answers += len(servos.receive(bytes(frame)))
        if tally.fed % FRAMES_PER_PERIOD == 0:
            tally.answers += len(servos.line_is_quiet())
            servos.watch()
            bodies.advance(bodies.time_s + PERIOD_S)
    if not np.isfinite(bodies.joint_positions()).all():
        raise AssertionError(f"joints are at {bodies.joint_positions()}")
    return tally


def senseless_frame(protocol: str, source: random.Random) -> bytes:
    """A frame with a valid checksum, a code that servos know, and content that nobody meant."""
    servo_id = source.choice((*IDS, 11, 254))
    data = source.randbytes(source.choice(SIZES))
    match protocol:
        case "lx16a":
            command = source.choice(LX16A.commands)
            content = source.choice((data[:4], source.randbytes(command.sent_bytes)))
            frame = lx16a_frames.Lx16aFrame(servo_id, command.code, content)
            return lx16a_frames.encode(frame)
        case "dynamixel":
            code = source.choice((1, 2, 3, 4, 5, 8, 0x10, 0x82, 0x83, 0x8A, 0x92, 0x93, 0x9A))
            # words with a small high byte are addresses and sizes that exist
            existing = bytes(byte % 2 if at % 2 else byte for at, byte in enumerate(data))
            content = source.choice((data, existing))
            return dynamixel_frames.encode(dynamixel_frames.Instruction(servo_id, code, content))
        case "feetech":
            code = source.choice((1, 2, 3, 4, 5, 6, 0x82, 0x83))
            existing = bytes(byte % 71 for byte in data)
            content = source.choice((data, existing))
            return feetech_frames.encode(feetech_frames.FeetechFrame(servo_id, code, content))
        case _:
            code = source.choice((0x84, 0x87, 0x89, 0x90, 0x93, 0x9F, 0xA1, 0xA2, 0xAA))
            known = MAESTRO.by_code.get(code)
            whole = source.randbytes(known.sent_bytes) if known else data
            content = source.choice((data, whole))
            packet = bytes((code, *(byte & 0x7F for byte in content)))
            has_crc = protocol == "maestro-crc"
            return packet + bytes((maestro_frames.crc7(packet),)) if has_crc else packet


def main() -> None:
    """Parse the command line, run, print."""
    command_line = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz_servos",
        description="Feed senseless frames to the virtual servos of every protocol.",
    )
    command_line.add_argument("--count", type=int, default=100_000, help="frames per protocol")
    command_line.add_argument("--seed", type=int, default=0)
    arguments = command_line.parse_args()
    for protocol in BUSES:
        start = time.perf_counter()
        tally = fuzz_servos(protocol, arguments.count, arguments.seed)
        elapsed = time.perf_counter() - start
        print(f"{protocol}: {tally.fed} fed, {tally.answers} answers, {elapsed:.1f} s")


if __name__ == "__main__":
    main()
