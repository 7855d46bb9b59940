"""Random and mutated frames into the parsers of the servo buses: `python -m benchmarks.fuzz`.

Every parser must give every byte back, in a frame or in damage; keep little; and find a frame
that follows the noise. Prints one line for each parser, or the bytes of the first failure.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress

from sim2real.buses import dynamixel_frames, feetech_frames, lx16a_frames, maestro_frames
from sim2real.buses.frame_parser import Damage, FrameParser

LONGEST_NOISE: Final = 40
CHUNKS: Final = (1, 2, 3, 7, 16, 64, 4096)
"""Sizes in which bytes are fed."""


@dataclass(frozen=True)
class Codec:
    """One parser with its inverse.

    Attributes:
        parser: makes a parser.
        encode: bytes of a frame.
        frame: a random frame.
        longest: bytes of the longest frame.
        header: bytes that noise is made of more often than of others.
    """

    parser: Callable[[], FrameParser[Any]]
    encode: Callable[[Any], bytes]
    frame: Callable[[random.Random], Any]
    longest: int
    header: bytes


@dataclass
class Tally:
    """What a run saw."""

    fed: int = 0
    frames: int = 0
    damage: int = 0


class FuzzError(AssertionError):
    """A parser broke its promise; the message has the bytes."""


def fuzz(
    codec: Codec, count: int, seed: int, advance: Callable[[], object] = lambda: None
) -> Tally:
    """Feed `count` times one to four random or mutated frames; call `advance` each time.

    Raises:
        FuzzError: bytes were lost or invented, too many were kept, or a frame was missed.
    """
    source = random.Random(seed)
    parser = codec.parser()
    tally = Tally()
    while tally.fed < count:
        noise = b"".join(_spoilt(codec, source) for _ in range(source.randint(1, 4)))
        tally.fed += 1
        advance()
        size = source.choice(CHUNKS)
        found: list[Any] = []
        for at in range(0, len(noise), size):
            found += parser.feed(noise[at : at + size])
            if parser.pending >= codec.longest:
                raise FuzzError(f"keeps {parser.pending} bytes of {noise.hex(' ')}")
        found += parser.flush()
        _check_bytes(codec, noise, found)
        wanted = codec.frame(source)
        if parser.feed(codec.encode(wanted)) != [wanted]:
            raise FuzzError(f"missed {wanted} behind {noise.hex(' ')}")
        tally.frames += sum(not isinstance(what, Damage) for what in found)
        tally.damage += sum(isinstance(what, Damage) for what in found)
    return tally


def _check_bytes(codec: Codec, noise: bytes, found: list[Any]) -> None:
    given = b"".join(
        what.data if isinstance(what, Damage) else codec.encode(what) for what in found
    )
    if given != noise:
        raise FuzzError(f"made {given.hex(' ')} of {noise.hex(' ')}")


def _spoilt(codec: Codec, source: random.Random) -> bytes:
    """Noise, or a frame with something wrong; one in eight is whole."""
    frame = bytearray(codec.encode(codec.frame(source)))
    at = source.randrange(len(frame))
    match source.randrange(8):
        case 0:
            return source.randbytes(source.randrange(LONGEST_NOISE))
        case 1:
            letters = codec.header + source.randbytes(2)
            return bytes(source.choice(letters) for _ in range(source.randrange(LONGEST_NOISE)))
        case 2:
            frame[at] ^= 1 << source.randrange(8)
        case 3:
            frame[at] = source.randrange(256)
        case 4:
            del frame[at]
        case 5:
            frame.insert(at, source.randrange(256))
        case 6:
            del frame[at:]
    return bytes(frame)


def _lx16a_frame(source: random.Random) -> lx16a_frames.Lx16aFrame:
    parameters = source.randbytes(source.randint(0, lx16a_frames.MAX_PARAMETERS))
    return lx16a_frames.Lx16aFrame(source.randint(0, 254), source.randrange(256), parameters)


def _feetech_frame(source: random.Random) -> feetech_frames.FeetechFrame:
    parameters = source.randbytes(source.choice((0, 1, 2, 4, 20, 100)))
    return feetech_frames.FeetechFrame(source.randint(0, 254), source.randrange(256), parameters)


def _dynamixel_packet(source: random.Random) -> dynamixel_frames.Packet:
    # often with what must be stuffed
    alphabet = source.choice((bytes(range(256)), b"\xff\xfd\x00"))
    parameters = bytes(source.choice(alphabet) for _ in range(source.choice((0, 1, 4, 20, 60))))
    if source.random() < 0.5:
        return dynamixel_frames.Status(source.randint(0, 252), source.randrange(256), parameters)
    instruction = source.choice((1, 2, 3, 4, 5, 6, 8, 0x82, 0x83, 0x8A))
    servo_id = source.choice((254, source.randint(0, 252)))
    return dynamixel_frames.Instruction(servo_id, instruction, parameters)


def _maestro_frame(source: random.Random) -> maestro_frames.MaestroFrame:
    device = source.choice((None, source.randrange(0x80)))
    command = source.choice((0x84, 0x87, 0x89, 0x90, 0x93, 0x9F, 0xA1, 0xA2))
    size = {0x84: 3, 0x87: 3, 0x89: 3, 0x90: 1}.get(command, 0)
    data = bytes(source.randrange(0x80) for _ in range(size))
    if command == 0x9F:
        count = source.randrange(13)
        data = bytes((count, *(source.randrange(0x80) for _ in range(1 + 2 * count))))
    return maestro_frames.MaestroFrame(command, data, device)


CODECS: Final[Mapping[str, Codec]] = {
    "lx16a": Codec(
        lx16a_frames.parser,
        lx16a_frames.encode,
        _lx16a_frame,
        lx16a_frames.OVERHEAD + lx16a_frames.MAX_PARAMETERS,
        lx16a_frames.HEADER,
    ),
    "dynamixel": Codec(
        dynamixel_frames.parser,
        dynamixel_frames.encode,
        _dynamixel_packet,
        dynamixel_frames.MAX_SIZE,
        dynamixel_frames.HEADER,
    ),
    "feetech": Codec(
        feetech_frames.parser,
        feetech_frames.encode,
        _feetech_frame,
        feetech_frames.MAX_LENGTH + 4,
        feetech_frames.HEADER,
    ),
    "maestro": Codec(
        maestro_frames.parser,
        maestro_frames.encode,
        _maestro_frame,
        maestro_frames.LONGEST,
        b"\xaa\x84\x9f",
    ),
    "maestro with CRC": Codec(
        lambda: maestro_frames.parser(crc=True),
        lambda frame: maestro_frames.encode(frame, crc=True),
        _maestro_frame,
        maestro_frames.LONGEST,
        b"\xaa\x84\x9f",
    ),
}
"""Every parser of the buses, by name."""


def main() -> int:
    """Parse the command line, run, print."""
    command_line = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzz", description="Feed spoilt frames to every bus parser."
    )
    command_line.add_argument("--count", type=int, default=100_000, help="times for each parser")
    command_line.add_argument("--seed", type=int, default=0)
    arguments = command_line.parse_args()
    tallies = {}
    try:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            for name, codec in CODECS.items():
                task = progress.add_task(name, total=arguments.count)
                advance = partial(progress.advance, task)
                tallies[name] = fuzz(codec, arguments.count, arguments.seed, advance)
    except FuzzError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    for name, tally in tallies.items():
        print(
            f"{name}: {tally.fed} fed, {tally.frames} frames and {tally.damage} damages found, "
            "all bytes accounted for"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
