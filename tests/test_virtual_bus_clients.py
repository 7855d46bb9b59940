"""Clients that nobody here wrote take the virtual bus for hardware.

Their waiting times are lengthened, so that a busy machine changes no verdict.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from sim2real.virtual_bus import VirtualBus

IDS = tuple(range(1, 11))
PATIENCE_S = 1.0
SETTLED_S = 0.8
GOAL_DEG = 20.0
"""Of every servo, from its rest; within the travel of all."""


def joints_are_off_rest(bus: VirtualBus, degrees: float) -> None:
    for shaft in bus.snapshot().shaft_angles:
        assert shaft * 57.29578 == pytest.approx(degrees, abs=2.5)


# -- LX-16A


@pytest.fixture
def pylx16a() -> Iterator[Any]:
    library: Any = pytest.importorskip(
        "pylx16a.lx16a", reason="needs pylx16a: pip install --no-deps pylx16a"
    )
    yield library
    if library.LX16A._controller is not None:
        library.LX16A._controller.close()
        library.LX16A._controller = None


def test_pylx16a(pylx16a: Any) -> None:
    with VirtualBus("lx16a") as bus:
        pylx16a.LX16A.initialize(bus.port, timeout=PATIENCE_S)
        # the constructor reads nine settings
        servos = [pylx16a.LX16A(servo_id) for servo_id in IDS]
        assert all(servo.is_torque_enabled(poll_hardware=True) for servo in servos)
        assert servos[0].get_angle_limits() == (0, 240)
        assert servos[0].get_led_error_triggers(poll_hardware=True) == (True, True, True)
        servos[0].move(120 + 12, time=100)
        time.sleep(SETTLED_S)
        assert servos[0].get_physical_angle() == pytest.approx(132, abs=1.5)
        assert servos[0].get_last_instant_move_hw() == (132, 100)
        assert servos[0].get_temp() == 25
        assert servos[0].get_vin() == 7400
        servos[1].set_angle_limits(100, 140)
        assert servos[1].get_angle_limits(poll_hardware=True) == (100.08, 139.92)
        servos[2].disable_torque()
        assert not servos[2].is_torque_enabled(poll_hardware=True)
        servos[3].set_id(33)
        assert servos[3].get_id(poll_hardware=True) == 33
        pylx16a.LX16A.set_timeout(0.1)
        with pytest.raises(pylx16a.ServoTimeoutError):
            pylx16a.LX16A(77)


def test_lewansoul_lx16a() -> None:
    library: Any = pytest.importorskip(
        "lewansoul_lx16a", reason="needs lewansoul-lx16a (extra dev)"
    )
    serial: Any = pytest.importorskip("serial", reason="needs pyserial (extra hardware)")
    with VirtualBus("lx16a") as bus, serial.Serial(bus.port, 115200, timeout=PATIENCE_S) as port:
        controller = library.ServoController(port, timeout=PATIENCE_S)
        for servo_id in IDS:
            controller.move_prepare(servo_id, 550, 200)
        controller.move_start()
        time.sleep(SETTLED_S)
        assert all(controller.get_position(i) == pytest.approx(550, abs=6) for i in IDS)
        joints_are_off_rest(bus, 50 * 0.24)
        assert controller.is_motor_on(5)
        assert controller.get_voltage_limits(5) == (4500, 12000)
        controller.set_position_offset(5, -7)
        assert controller.get_position_offset(5) == -7
        controller.set_motor_mode(6, -300)
        assert controller.get_motor_speed(6) == -300


def test_lewanlib_expects_an_echo() -> None:
    library: Any = pytest.importorskip(
        "lewanlib.bus", reason="needs lewanlib: pip install lewanlib"
    )
    with (
        VirtualBus("lx16a", echo=True) as bus,
        library.ServoBus(bus.port, timeout=PATIENCE_S) as client,
    ):
        client.move_time_write(1, 120 + 12, 0.1)
        time.sleep(SETTLED_S)
        assert client.pos_read(1) == pytest.approx(132, abs=1.5)
        assert client.temp_read(1, units="C") == 25
        assert client.vin_read(1) == pytest.approx(7.4)
        assert client.is_powered(1)
        assert not client.is_powered(2)


# -- Dynamixel

TORQUE_ENABLE, GOAL_POSITION, PRESENT_POSITION, MODEL_XL430 = 64, 116, 132, 1060


@pytest.fixture
def dynamixel_sdk(monkeypatch: pytest.MonkeyPatch) -> Any:
    library: Any = pytest.importorskip("dynamixel_sdk", reason="needs dynamixel-sdk (extra dev)")
    monkeypatch.setattr("dynamixel_sdk.port_handler.LATENCY_TIMER", 1000 * PATIENCE_S / 2)
    return library


def test_dynamixel_sdk(dynamixel_sdk: Any) -> None:
    ok = dynamixel_sdk.COMM_SUCCESS
    with VirtualBus("dynamixel") as bus:
        port, handler = dynamixel_sdk.PortHandler(bus.port), dynamixel_sdk.PacketHandler(2.0)
        assert port.openPort()
        assert handler.ping(port, 1) == (MODEL_XL430, ok, 0)
        found, _ = handler.broadcastPing(port)
        assert sorted(found) == list(IDS)
        goal = 2047 + round(GOAL_DEG * 4096 / 360)
        writer = dynamixel_sdk.GroupSyncWrite(port, handler, GOAL_POSITION, 4)
        for servo_id in IDS:
            assert handler.write1ByteTxRx(port, servo_id, TORQUE_ENABLE, 1) == (ok, 0)
            writer.addParam(servo_id, list(goal.to_bytes(4, "little")))
        assert writer.txPacket() == ok
        time.sleep(SETTLED_S)
        reader = dynamixel_sdk.GroupSyncRead(port, handler, PRESENT_POSITION, 4)
        for servo_id in IDS:
            reader.addParam(servo_id)
        for read in (reader.txRxPacket, reader.fastSyncRead):
            assert read() == ok
            for servo_id in IDS:
                position = reader.getData(servo_id, PRESENT_POSITION, 4)
                assert position == pytest.approx(goal, abs=28)
        assert handler.write4ByteTxRx(port, 1, GOAL_POSITION, 9000) == (ok, 6)
        assert handler.reboot(port, 1) == (ok, 0)
        assert handler.read1ByteTxRx(port, 1, TORQUE_ENABLE) == (0, ok, 0)
        port.closePort()


def test_dynamixel_sdk_reads_and_writes_in_bulk(dynamixel_sdk: Any) -> None:
    ok = dynamixel_sdk.COMM_SUCCESS
    with VirtualBus("dynamixel") as bus:
        port, handler = dynamixel_sdk.PortHandler(bus.port), dynamixel_sdk.PacketHandler(2.0)
        assert port.openPort()
        writer = dynamixel_sdk.GroupBulkWrite(port, handler)
        writer.addParam(1, 65, 1, [1])
        writer.addParam(2, GOAL_POSITION, 4, list((2100).to_bytes(4, "little")))
        assert writer.txPacket() == ok
        reader = dynamixel_sdk.GroupBulkRead(port, handler)
        reader.addParam(1, 65, 1)
        reader.addParam(2, GOAL_POSITION, 4)
        for read in (reader.txRxPacket, reader.fastBulkRead):
            assert read() == ok
            assert reader.getData(1, 65, 1) == 1
            assert reader.getData(2, GOAL_POSITION, 4) == 2100
        port.closePort()


# -- Feetech

STS_TORQUE_ENABLE, STS_GOAL_POSITION, STS_PRESENT_POSITION, MODEL_STS3215 = 40, 42, 56, 777


def test_feetech_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    library: Any = pytest.importorskip("scservo_sdk", reason="needs feetech-servo-sdk (extra dev)")
    monkeypatch.setattr("scservo_sdk.port_handler.LATENCY_TIMER", 1000 * PATIENCE_S / 2)
    ok = library.COMM_SUCCESS
    with VirtualBus("feetech") as bus:
        port, handler = library.PortHandler(bus.port), library.PacketHandler(0)
        assert port.openPort()
        assert handler.ping(port, 1) == (MODEL_STS3215, ok, 0)
        goal = 2047 + round(GOAL_DEG * 4096 / 360)
        # as its examples do: position, time and speed in one block
        writer = library.GroupSyncWrite(port, handler, STS_GOAL_POSITION, 6)
        for servo_id in IDS:
            assert handler.write1ByteTxRx(port, servo_id, STS_TORQUE_ENABLE, 1) == (ok, 0)
            block = goal.to_bytes(2, "little") + bytes(2) + (2000).to_bytes(2, "little")
            writer.addParam(servo_id, list(block))
        assert writer.txPacket() == ok
        time.sleep(SETTLED_S)
        reader = library.GroupSyncRead(port, handler, STS_PRESENT_POSITION, 2)
        for servo_id in IDS:
            reader.addParam(servo_id)
        assert reader.txRxPacket() == ok
        for servo_id in IDS:
            position = reader.getData(servo_id, STS_PRESENT_POSITION, 2)
            assert position == pytest.approx(goal, abs=28)
        assert handler.read2ByteTxRx(port, 5, STS_GOAL_POSITION) == (goal, ok, 0)
        port.closePort()
