"""Our frames against libraries that nobody here wrote: they write what we write, and read it."""

from __future__ import annotations

from typing import Any

import pytest

from sim2real.buses import dynamixel_frames as dynamixel
from sim2real.buses import feetech_frames as feetech
from sim2real.buses import lx16a_frames as lx16a
from sim2real.buses.frame_parser import Damage
from sim2real.buses.wire_tables import LX16A

POSITIONS = {1: 150, 2: -7, 7: 4095}
STUFFED = b"\xff\xff\xfd\x00"
"""What looks like a header, and is stuffed on the wire."""
IDS = tuple(POSITIONS)


class SdkPort:
    """The port of both SDKs: keeps what is written, and gives what is put in."""

    def __init__(self) -> None:
        self.is_using = False
        self.written = b""
        self.waiting = b""
        self._asked = 0

    def clearPort(self) -> None:  # noqa: N802
        """Nothing is ever stale here."""

    def getBaudRate(self) -> int:  # noqa: N802
        return 1_000_000

    def writePort(self, packet: list[int]) -> int:  # noqa: N802
        self.written += bytes(packet)
        return len(packet)

    def readPort(self, length: int) -> bytes:  # noqa: N802
        data, self.waiting = self.waiting[:length], self.waiting[length:]
        return data

    def setPacketTimeout(self, length: int) -> None:  # noqa: N802
        self._asked = 0

    def isPacketTimeout(self) -> bool:  # noqa: N802
        return not self.waiting


class SerialLine:
    """What the LX-16A libraries use of a serial port."""

    timeout = 1.0

    def __init__(self) -> None:
        self.written = b""
        self.waiting = b""

    def write(self, data: bytes) -> int:
        self.written += bytes(data)
        return len(data)

    def read(self, size: int = 1) -> bytes:
        data, self.waiting = self.waiting[:size], self.waiting[size:]
        return data


class Lx16aLine(SerialLine):
    """A line to one servo that answers from the table, with some values of its own."""

    def __init__(self, measured: dict[str, tuple[int, ...]]) -> None:
        super().__init__()
        self.heard: list[lx16a.Lx16aFrame] = []
        self._measured = measured
        self._parser = lx16a.parser()

    def write(self, data: bytes) -> int:
        for frame in self._parser.feed(bytes(data)):
            assert not isinstance(frame, Damage)
            self.heard.append(frame)
            command = LX16A.by_code[frame.command]
            assert len(frame.parameters) == command.sent_bytes
            values = self._measured.get(
                command.name, tuple(parameter.default or 0 for parameter in command.answers)
            )
            if values:
                pairs = zip(command.answers, values, strict=True)
                answer = b"".join(parameter.encode(value) for parameter, value in pairs)
                self.waiting += lx16a.encode(
                    lx16a.Lx16aFrame(frame.servo_id, frame.command, answer)
                )
        return len(data)


@pytest.fixture
def dynamixel_sdk() -> Any:
    return pytest.importorskip("dynamixel_sdk", reason="needs dynamixel-sdk (extra dev)")


@pytest.fixture
def scservo_sdk() -> Any:
    return pytest.importorskip("scservo_sdk", reason="needs feetech-servo-sdk (extra dev)")


def test_dynamixel_sdk_reads_and_writes_single_servos(dynamixel_sdk: Any) -> None:
    port, handler = SdkPort(), dynamixel_sdk.PacketHandler(2.0)
    port.waiting = dynamixel.encode(dynamixel.Status(1, 0, b"\x24\x04\x2d"))
    assert handler.ping(port, 1) == (1060, dynamixel_sdk.COMM_SUCCESS, 0)
    assert port.written == dynamixel.encode(dynamixel.Instruction(1, dynamixel.PING))
    for servo_id, position in POSITIONS.items():
        data = position.to_bytes(4, "little", signed=True)
        port.written = b""
        port.waiting = dynamixel.encode(dynamixel.Status(servo_id, 0x80, data))
        assert handler.read4ByteTxRx(port, servo_id, 132) == (position % 2**32, 0, 0x80)
        assert port.written == dynamixel.encode(dynamixel.read(servo_id, 132, 4))
        port.written = b""
        port.waiting = dynamixel.encode(dynamixel.Status(servo_id, 0))
        assert handler.write4ByteTxRx(port, servo_id, 116, position) == (0, 0)
        assert port.written == dynamixel.encode(dynamixel.write(servo_id, 116, data))


def test_dynamixel_sdk_reads_what_we_stuff(dynamixel_sdk: Any) -> None:
    port, handler = SdkPort(), dynamixel_sdk.PacketHandler(2.0)
    port.waiting = dynamixel.encode(dynamixel.Status(2, 0, STUFFED))
    assert len(port.waiting) == 16
    assert handler.read4ByteTxRx(port, 2, 132) == (0x00FDFFFF, 0, 0)


def test_we_read_what_dynamixel_sdk_forgets_to_stuff(dynamixel_sdk: Any) -> None:
    """Version 4.1.0 drops the result of its own stuffing, and sends a header within the data."""
    port, handler = SdkPort(), dynamixel_sdk.PacketHandler(2.0)
    port.waiting = dynamixel.encode(dynamixel.Status(2, 0))
    assert handler.write4ByteTxRx(port, 2, 116, 0x00FDFFFF) == (0, 0)
    assert dynamixel.parser().feed(port.written) == [dynamixel.write(2, 116, STUFFED)]


def test_dynamixel_sdk_writes_many_as_we_do(dynamixel_sdk: Any) -> None:
    port, handler = SdkPort(), dynamixel_sdk.PacketHandler(2.0)
    group = dynamixel_sdk.GroupSyncWrite(port, handler, 116, 4)
    data = {
        servo_id: position.to_bytes(4, "little", signed=True)
        for servo_id, position in POSITIONS.items()
    }
    for servo_id, wire in data.items():
        assert group.addParam(servo_id, list(wire))
    assert group.txPacket() == dynamixel_sdk.COMM_SUCCESS
    assert port.written == dynamixel.encode(dynamixel.sync_write(116, 4, data))
    (packet,) = dynamixel.parser().feed(port.written)
    assert isinstance(packet, dynamixel.Instruction)
    assert dynamixel.split_sync_write(packet.parameters) == (116, data)


@pytest.mark.parametrize("fast", [False, True])
def test_dynamixel_sdk_reads_many_as_we_do(dynamixel_sdk: Any, fast: bool) -> None:
    port, handler = SdkPort(), dynamixel_sdk.PacketHandler(2.0)
    group = dynamixel_sdk.GroupSyncRead(port, handler, 132, 4)
    for servo_id in IDS:
        assert group.addParam(servo_id)
    data = {
        servo_id: position.to_bytes(4, "little", signed=True)
        for servo_id, position in POSITIONS.items()
    }
    if fast:
        port.waiting = dynamixel.encode_joint_status({i: (0, wire) for i, wire in data.items()})
        assert group.fastSyncRead() == dynamixel_sdk.COMM_SUCCESS
        assert port.written == dynamixel.encode(dynamixel.fast_sync_read(IDS, 132, 4))
    else:
        port.waiting = b"".join(
            dynamixel.encode(dynamixel.Status(i, 0, wire)) for i, wire in data.items()
        )
        assert group.txRxPacket() == dynamixel_sdk.COMM_SUCCESS
        assert port.written == dynamixel.encode(dynamixel.sync_read(IDS, 132, 4))
    assert {i: group.getData(i, 132, 4) for i in IDS} == {
        i: p % 2**32 for i, p in POSITIONS.items()
    }


def test_dynamixel_sdk_loses_all_behind_a_silent_servo(dynamixel_sdk: Any) -> None:
    """Why its group read does not drive a face: `docs/buses.md`."""
    port, handler = SdkPort(), dynamixel_sdk.PacketHandler(2.0)
    group = dynamixel_sdk.GroupSyncRead(port, handler, 132, 4)
    for servo_id in IDS:
        group.addParam(servo_id)
    port.waiting = b"".join(
        dynamixel.encode(dynamixel.Status(servo_id, 0, bytes(4))) for servo_id in IDS[1:]
    )
    assert group.txRxPacket() != dynamixel_sdk.COMM_SUCCESS
    assert not any(group.isAvailable(servo_id, 132, 4) for servo_id in IDS)


def test_feetech_sdk_reads_and_writes_single_servos(scservo_sdk: Any) -> None:
    port, handler = SdkPort(), scservo_sdk.PacketHandler(0)
    port.waiting = feetech.encode(feetech.FeetechFrame(3, 4, b"\x00\x08"))
    assert handler.read2ByteTxRx(port, 3, 56) == (2048, scservo_sdk.COMM_SUCCESS, 4)
    assert port.written == feetech.encode(feetech.read(3, 56, 2))
    port.written = b""
    port.waiting = feetech.encode(feetech.FeetechFrame(3, 0))
    assert handler.write2ByteTxRx(port, 3, 42, 1023) == (scservo_sdk.COMM_SUCCESS, 0)
    assert port.written == feetech.encode(feetech.write(3, 42, b"\xff\x03"))


def test_feetech_sdk_reads_and_writes_many_as_we_do(scservo_sdk: Any) -> None:
    port, handler = SdkPort(), scservo_sdk.PacketHandler(0)
    data = {1: b"\x00\x08", 2: b"\xff\x0f", 7: b"\x01\x00"}
    writer = scservo_sdk.GroupSyncWrite(port, handler, 42, 2)
    for servo_id, wire in data.items():
        assert writer.addParam(servo_id, list(wire))
    assert writer.txPacket() == scservo_sdk.COMM_SUCCESS
    assert port.written == feetech.encode(feetech.sync_write(42, 2, data))
    port.written = b""
    reader = scservo_sdk.GroupSyncRead(port, handler, 56, 2)
    for servo_id in data:
        assert reader.addParam(servo_id)
    port.waiting = b"".join(
        feetech.encode(feetech.FeetechFrame(i, 0, wire)) for i, wire in data.items()
    )
    assert reader.txRxPacket() == scservo_sdk.COMM_SUCCESS
    assert port.written == feetech.encode(feetech.sync_read(data, 56, 2))
    assert {i: reader.getData(i, 56, 2) for i in data} == {1: 2048, 2: 4095, 7: 1}


def test_lewansoul_library_speaks_as_we_do() -> None:
    library = pytest.importorskip("lewansoul_lx16a", reason="needs lewansoul-lx16a (extra dev)")
    line = SerialLine()
    controller = library.ServoController(line, timeout=0.1)
    controller.move(4, 500, 1000)
    assert lx16a.parser().feed(line.written) == [lx16a.Lx16aFrame(4, 1, b"\xf4\x01\xe8\x03")]
    line.written = b""
    line.waiting = lx16a.encode(lx16a.Lx16aFrame(4, 28, b"\xe7\x03"))
    assert controller.get_position(4) == 999
    assert line.written == lx16a.encode(lx16a.Lx16aFrame(4, 28))


def test_pylx16a_finds_everything_in_our_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its constructor asks for all settings; the answers are the table's, in our frames."""
    library = pytest.importorskip("pylx16a.lx16a", reason="needs pylx16a (extra dev)")
    line = Lx16aLine({"pos_read": (250,), "load_or_unload_read": (1,)})
    monkeypatch.setattr(library.LX16A, "_controller", line)
    servo = library.LX16A(4)
    assert servo.get_physical_angle() == 60
    assert servo.get_vin_limits() == (4500, 12000)
    assert servo.get_temp_limit(poll_hardware=True) == 85
    servo.move(120, time=1000)
    assert line.heard[-1] == lx16a.Lx16aFrame(4, 1, b"\xf4\x01\xe8\x03")
    assert len({frame.command for frame in line.heard}) >= 9
    assert not line.waiting
