"""Frames of the servo buses: the manuals' own examples, round trips, and noise."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fuzz import CODECS, fuzz
from sim2real.buses import dynamixel_frames as dynamixel
from sim2real.buses import feetech_frames as feetech
from sim2real.buses import lx16a_frames as lx16a
from sim2real.buses import maestro_frames as maestro
from sim2real.buses.frame_parser import Damage, FrameParser

every_codec = pytest.mark.parametrize("name", CODECS)


def words(*values: int) -> bytes:
    """16 bits each, low byte first."""
    return b"".join(value.to_bytes(2, "little") for value in values)


# LX-16A has no worked examples with checksums in its manual; the sums here are done by hand:
# id 1, length 7, command 1, position 500 = 01F4, time 1000 = 03E8:
# 01 + 07 + 01 + F4 + 01 + E8 + 03 = 1E9, low byte E9, inverted 16.
@pytest.mark.parametrize(
    ("frame", "wire"),
    [
        (lx16a.Lx16aFrame(1, 1, words(500, 1000)), "55 55 01 07 01 f4 01 e8 03 16"),
        (lx16a.Lx16aFrame(1, 28), "55 55 01 03 1c df"),  # 01 + 03 + 1C = 20
        (lx16a.Lx16aFrame(1, 28, words(500)), "55 55 01 05 1c f4 01 e8"),  # ... = 117
        (lx16a.Lx16aFrame(254, 14), "55 55 fe 03 0e f0"),  # FE + 03 + 0E = 10F
    ],
)
def test_lx16a_frames_are_as_computed_by_hand(frame: lx16a.Lx16aFrame, wire: str) -> None:
    assert lx16a.encode(frame) == bytes.fromhex(wire)
    assert lx16a.parser().feed(bytes.fromhex(wire)) == [frame]


# The examples of the e-Manual's chapter on protocol 2.0.
@pytest.mark.parametrize(
    ("packet", "wire"),
    [
        (dynamixel.Instruction(1, dynamixel.PING), "ff ff fd 00 01 03 00 01 19 4e"),
        (
            dynamixel.Status(1, 0, words(1030) + b"\x26"),
            "ff ff fd 00 01 07 00 55 00 06 04 26 65 5d",
        ),
        (dynamixel.read(1, 132, 4), "ff ff fd 00 01 07 00 02 84 00 04 00 1d 15"),
        (
            dynamixel.Status(1, 0, words(166, 0)),
            "ff ff fd 00 01 08 00 55 00 a6 00 00 00 8c c0",
        ),
        (
            dynamixel.write(1, 116, words(512, 0)),
            "ff ff fd 00 01 09 00 03 74 00 00 02 00 00 ca 89",
        ),
        (
            dynamixel.sync_write(116, 4, {1: words(150, 0), 2: words(170, 0)}),
            "ff ff fd 00 fe 11 00 83 74 00 04 00 01 96 00 00 00 02 aa 00 00 00 82 87",
        ),
        (
            dynamixel.sync_read((1, 2), 132, 4),
            "ff ff fd 00 fe 09 00 82 84 00 04 00 01 02 ce fa",
        ),
    ],
)
def test_dynamixel_packets_are_those_of_the_manual(packet: dynamixel.Packet, wire: str) -> None:
    assert dynamixel.encode(packet) == bytes.fromhex(wire)
    assert dynamixel.parser().feed(bytes.fromhex(wire)) == [packet]


# The examples of Feetech's protocol manual.
@pytest.mark.parametrize(
    ("frame", "wire"),
    [
        (feetech.FeetechFrame(1, feetech.PING), "ff ff 01 02 01 fb"),
        (feetech.FeetechFrame(1, 0), "ff ff 01 02 00 fc"),
        (feetech.read(1, 0x38, 2), "ff ff 01 04 02 38 02 be"),
        (feetech.FeetechFrame(1, 0, words(0x0518)), "ff ff 01 04 00 18 05 dd"),
        (feetech.write(254, 5, b"\x01"), "ff ff fe 04 03 05 01 f4"),
        (
            feetech.sync_write(
                0x2A,
                6,
                {servo_id: words(0x0800, 0, 0x03E8) for servo_id in (1, 2, 3, 4)},
            ),
            "ff ff fe 20 83 2a 06 01 00 08 00 00 e8 03 02 00 08 00 00 e8 03 "
            "03 00 08 00 00 e8 03 04 00 08 00 00 e8 03 58",
        ),
    ],
)
def test_feetech_frames_are_those_of_the_manual(frame: feetech.FeetechFrame, wire: str) -> None:
    assert feetech.encode(frame) == bytes.fromhex(wire)
    assert feetech.parser().feed(bytes.fromhex(wire)) == [frame]


# The examples of the User's Guide, 5.c to 5.e: 1500 us on servo 0, with both protocols, and the
# CRC worked out for 83 01.
@pytest.mark.parametrize(
    ("frame", "wire"),
    [
        (maestro.set_target(0, 6000), "84 00 70 2e"),
        (maestro.MaestroFrame(0x84, maestro.set_target(0, 6000).data, 12), "aa 0c 04 00 70 2e"),
        (maestro.set_multiple_targets(3, [0, 6000]), "9f 02 03 00 00 70 2e"),
        (maestro.MaestroFrame(maestro.GET_ERRORS), "a1"),
    ],
)
def test_maestro_commands_are_those_of_the_manual(frame: maestro.MaestroFrame, wire: str) -> None:
    assert maestro.encode(frame) == bytes.fromhex(wire)
    assert maestro.parser().feed(bytes.fromhex(wire)) == [frame]


def test_maestro_crc_is_that_of_the_manual() -> None:
    assert maestro.crc7(b"\x83\x01") == 0x17


def test_crc16_has_the_published_check_value() -> None:
    """CRC-16/UMTS of "123456789" in the catalogue of parametrised CRC algorithms."""
    assert dynamixel.crc16(b"123456789") == 0xFEE8


def test_header_in_dynamixel_data_is_stuffed() -> None:
    packet = dynamixel.write(1, 224, b"\xff\xff\xfd\x00\xff\xff\xfd\xfd")
    wire = dynamixel.encode(packet)
    assert wire.count(b"\xff\xff\xfd\x00") == 1
    assert b"\xff\xff\xfd\xfd\x00\xff\xff\xfd\xfd\xfd" in wire
    assert dynamixel.parser().feed(wire) == [packet]


def test_joint_status_has_one_crc_for_each_servo() -> None:
    answers = {3: (0, words(2048, 0)), 1: (0x80, words(17, 0)), 9: (0, b"\xff\xff\xfd\x00")}
    wire = dynamixel.encode_joint_status(answers)
    assert len(wire) == 8 + 3 * (1 + 1 + 4 + 2)
    assert dynamixel.crc16(wire[:14]) == int.from_bytes(wire[14:16], "little")
    (status,) = dynamixel.parser().feed(wire)
    assert isinstance(status, dynamixel.Status)
    assert dynamixel.split_joint_status(status, 4) == answers
    assert list(dynamixel.split_joint_status(status, 4) or ()) == [3, 1, 9]
    assert dynamixel.split_joint_status(status, 5) is None


@given(
    st.dictionaries(st.integers(0, 252), st.binary(min_size=4, max_size=4), min_size=1),
    st.integers(0, 0xFFFF),
)
def test_sync_writes_come_apart_again(data: dict[int, bytes], address: int) -> None:
    if len(data) <= 40:  # Feetech's frames are short
        frame = feetech.sync_write(address & 0xFF, 4, data)
        assert feetech.split_sync_write(frame.parameters) == (address & 0xFF, data)
    instruction = dynamixel.sync_write(address, 4, data)
    assert dynamixel.split_sync_write(instruction.parameters) == (address, data)


@given(st.binary(max_size=30))
def test_malformed_sync_writes_are_told_apart(parameters: bytes) -> None:
    for split, head, width in (
        (feetech.split_sync_write, 2, 1),
        (dynamixel.split_sync_write, 4, 2),
    ):
        result = split(parameters)
        if len(parameters) < head:
            assert result is None
        elif result is not None:
            size = int.from_bytes(parameters[head - width : head], "little")
            assert all(len(block) == size for block in result[1].values())


@every_codec
@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 20), min_size=1, max_size=20))
def test_frames_survive_any_cutting(name: str, seed: int, sizes: list[int]) -> None:
    codec = CODECS[name]
    source = random.Random(seed)
    frames = [codec.frame(source) for _ in range(4)]
    wire = b"".join(map(codec.encode, frames))
    parser = codec.parser()
    found = []
    while wire:
        size = sizes[len(wire) % len(sizes)]
        found += parser.feed(wire[:size])
        wire = wire[size:]
    assert found == frames
    assert parser.pending == 0


@every_codec
@given(noise=st.binary(max_size=400))
def test_noise_never_hides_the_next_frame(name: str, noise: bytes) -> None:
    codec = CODECS[name]
    parser = codec.parser()
    parser.feed(noise)
    assert parser.pending < codec.longest
    parser.flush()
    frame = codec.frame(random.Random(len(noise)))
    assert parser.feed(codec.encode(frame)) == [frame]


@every_codec
def test_thousands_of_spoilt_frames(name: str) -> None:
    tally = fuzz(CODECS[name], count=1000, seed=1)
    assert tally.fed == 1000
    assert min(tally.frames, tally.damage) > 300


@pytest.mark.parametrize("name", sorted(CODECS.keys() - {"maestro"}))
def test_every_single_bit_error_is_seen(name: str) -> None:
    """The plain Maestro protocol alone has no checksum."""
    codec = CODECS[name]
    source = random.Random(5)
    for _ in range(8):
        frame = codec.frame(source)
        wire = codec.encode(frame)
        for bit in range(8 * len(wire)):
            spoilt = bytearray(wire)
            spoilt[bit // 8] ^= 1 << bit % 8
            parser = codec.parser()
            assert frame not in parser.feed(bytes(spoilt)) + parser.flush()


def test_frame_behind_a_wrong_length_is_found_when_the_line_goes_quiet() -> None:
    parser = feetech.parser()
    cut = b"\xff\xff\x01\xf0\x00"  # says that 240 bytes follow
    answer = feetech.FeetechFrame(2, 0, b"\x00\x08")
    assert parser.feed(cut + feetech.encode(answer)) == []
    assert parser.flush() == [Damage(cut, "incomplete"), answer]


def test_damage_says_what_is_wrong() -> None:
    def reason(parser: FrameParser[lx16a.Lx16aFrame], data: bytes) -> str:
        (damage,) = parser.feed(data)
        assert isinstance(damage, Damage)
        assert damage.data == data
        return damage.reason

    assert reason(lx16a.parser(), b"noise") == "no header"
    assert reason(lx16a.parser(), bytes.fromhex("55 55 01 03 1c 00")) == "checksum"
    assert reason(lx16a.parser(), bytes.fromhex("55 55 01 99")) == "impossible length or id"


def test_long_runs_of_headers_are_no_trouble() -> None:
    for name, codec in CODECS.items():
        parser = codec.parser()
        parser.feed(codec.header[:1] * 20_000)
        assert parser.pending < codec.longest, name


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lx16a.encode(lx16a.Lx16aFrame(255, 1)), "servo id 255"),
        (lambda: lx16a.encode(lx16a.Lx16aFrame(1, 1, bytes(5))), "5 parameters"),
        (lambda: lx16a.encode(lx16a.Lx16aFrame(1, 256)), "command 256"),
        (lambda: feetech.encode(feetech.FeetechFrame(-1, 1)), "servo id -1"),
        (lambda: feetech.encode(feetech.FeetechFrame(1, 1, bytes(249))), "249 parameters"),
        (lambda: feetech.encode(feetech.FeetechFrame(1, 300)), "code 300"),
        (lambda: dynamixel.encode(dynamixel.Instruction(253, 1)), "servo id 253"),
        (lambda: dynamixel.encode(dynamixel.Instruction(1, 0x55)), "55 is no instruction"),
        (lambda: dynamixel.encode(dynamixel.write(1, 0, bytes(1024))), "at most 1024"),
        (lambda: maestro.encode(maestro.MaestroFrame(0x80)), "command 0x80"),
        (lambda: maestro.encode(maestro.MaestroFrame(0x84, b"\x00")), "1 data bytes"),
        (lambda: maestro.encode(maestro.MaestroFrame(0x90, b"\x80")), "below 80"),
        (lambda: maestro.encode(maestro.MaestroFrame(0xA1, b"", 128)), "device number 128"),
        (lambda: maestro.split_value(0x4000), "value 16384"),
    ],
)
def test_what_does_not_fit_is_refused(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=message):
        make()
