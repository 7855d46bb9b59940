"""The servo side of every protocol, in simulated time: the same calls give the same motion."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fuzz_servos import fuzz_servos
from sim import FaceTwin
from sim2real.buses import dynamixel_frames, feetech_frames, lx16a_frames, maestro_frames
from sim2real.buses.lx16a_frames import Lx16aFrame
from sim2real.buses.registry import BUSES, profile_of
from sim2real.buses.wire_tables import DYNAMIXEL, FEETECH, LX16A
from sim2real.calibration.calibration import nominal_calibration
from sim2real.virtual_bus import Fault, FaultError, Faults, make_servos, parse_fault
from sim2real.virtual_bus.bodies import ServoBodies
from sim2real.virtual_bus.wire import Wire

PERIOD_S = 0.02
JAW = 0
JAW_ID = 1
IDS = tuple(range(1, 11))


class Bench:
    """Servos of a protocol, and a hand on the clock."""

    def __init__(self, protocol: str) -> None:
        self.bodies = ServoBodies()
        self.profile = profile_of(protocol)
        self.servos = make_servos(protocol, self.bodies, IDS)

    def ask(self, data: bytes) -> bytes:
        return b"".join(answer.data for answer in self.servos.receive(data))

    def wait(self, duration_s: float) -> None:
        self.bodies.advance(self.bodies.time_s + duration_s)

    def jaw_deg(self) -> float:
        return math.degrees(self.bodies.shaft_angles()[JAW])

    def jaw_goal_deg(self) -> float:
        """Where the jaw's servo heads for now."""
        return math.degrees(self.bodies.setpoint(JAW))

    def happen(
        self, *, supply: float | None = None, hot: float = math.nan, dead: bool = False
    ) -> None:
        """Let something happen to the jaw's servo, or to all."""
        self.bodies.set_supply(self.bodies.table.supply_voltage if supply is None else supply)
        self.bodies.set_heat(np.array([hot] + 9 * [math.nan]))
        self.bodies.set_dead(np.array([dead] + 9 * [False]))
        self.servos.watch()


def lx(command: str, servo_id: int, *values: int) -> bytes:
    known = LX16A[command]
    data = b"".join(p.encode(v) for p, v in zip(known.sends, values, strict=True))
    return lx16a_frames.encode(Lx16aFrame(servo_id, known.code, data))


def lx_values(data: bytes) -> list[tuple[int, int, bytes]]:
    frames = lx16a_frames.parser().feed(data)
    return [(f.servo_id, f.command, f.parameters) for f in frames if isinstance(f, Lx16aFrame)]


def dynamixel_write(name: str, value: int, servo_id: int = JAW_ID) -> bytes:
    register = DYNAMIXEL[name]
    data = register.encode(value)
    return dynamixel_frames.encode(dynamixel_frames.write(servo_id, register.address, data))


def dynamixel_read(bench: Bench, name: str, servo_id: int = JAW_ID) -> tuple[int, float]:
    """Error byte and value."""
    register = DYNAMIXEL[name]
    question = dynamixel_frames.read(servo_id, register.address, register.size)
    status = dynamixel_status(bench.ask(dynamixel_frames.encode(question)))
    assert status is not None
    return status.error, register.decode(status.parameters)


def dynamixel_status(data: bytes) -> dynamixel_frames.Status | None:
    found = dynamixel_frames.parser().feed(data)
    assert len(found) <= 1
    if not found:
        return None
    assert isinstance(found[0], dynamixel_frames.Status)
    return found[0]


def feetech_write(name: str, value: int, servo_id: int = JAW_ID) -> bytes:
    register = FEETECH[name]
    data = register.encode(value)
    return feetech_frames.encode(feetech_frames.write(servo_id, register.address, data))


def feetech_read(bench: Bench, name: str, servo_id: int = JAW_ID) -> tuple[int, float]:
    """Status byte and value."""
    register = FEETECH[name]
    question = feetech_frames.read(servo_id, register.address, register.size)
    found = feetech_frames.parser().feed(bench.ask(feetech_frames.encode(question)))
    assert isinstance(found[0], feetech_frames.FeetechFrame)
    return found[0].code, register.decode(found[0].parameters)


def torque_on(protocol: str) -> bytes:
    """Bytes that make all servos hold; with a Maestro and LX-16A, moving does."""
    if protocol == "dynamixel":
        address = DYNAMIXEL["torque_enable"].address
        packet = dynamixel_frames.sync_write(address, 1, dict.fromkeys(IDS, b"\1"))
        return dynamixel_frames.encode(packet)
    if protocol == "feetech":
        address = FEETECH["torque_enable"].address
        return feetech_frames.encode(
            feetech_frames.sync_write(address, 1, dict.fromkeys(IDS, b"\1"))
        )
    return b""


def move_all(protocol: str, ticks: Mapping[int, int], time_ms: int = 0) -> bytes:
    match protocol:
        case "lx16a":
            return b"".join(lx("move_time_write", i, t, time_ms) for i, t in ticks.items())
        case "dynamixel":
            goal = DYNAMIXEL["goal_position"]
            data = {i: goal.encode(t) for i, t in ticks.items()}
            return dynamixel_frames.encode(
                dynamixel_frames.sync_write(goal.address, goal.size, data)
            )
        case "feetech":
            goal = FEETECH["goal_position"]
            data = {i: goal.encode(t) for i, t in ticks.items()}
            return feetech_frames.encode(feetech_frames.sync_write(goal.address, goal.size, data))
        case _:
            targets = [ticks[i] for i in sorted(ticks)]
            move = maestro_frames.set_multiple_targets(min(ticks), targets)
            return maestro_frames.encode(move, crc=protocol == "maestro-crc")


def centred(protocol: str, offset: int = 0) -> dict[int, int]:
    return dict.fromkeys(IDS, profile_of(protocol).position.centre + offset)


# -- bodies


def test_setpoints_move_evenly_and_can_be_stopped() -> None:
    bodies = ServoBodies()
    bodies.move(JAW, 0.4, duration_s=0.2)
    bodies.advance(0.1)
    assert bodies.setpoint(JAW) == pytest.approx(0.2, abs=1e-3)
    assert bodies.is_moving(JAW)
    bodies.hold(JAW)
    bodies.advance(0.5)
    assert bodies.setpoint(JAW) == pytest.approx(0.2, abs=1e-3)
    assert bodies.shaft_angles()[JAW] == pytest.approx(0.2, abs=0.02)
    assert not bodies.is_moving(JAW)


def test_time_does_not_run_backwards() -> None:
    bodies = ServoBodies()
    bodies.advance(0.1)
    bodies.advance(0.05)
    assert bodies.time_s == pytest.approx(0.1)


def test_a_limp_jaw_sinks_back_and_holds_where_it_is_caught() -> None:
    bodies = ServoBodies()
    bodies.move(JAW, 0.8)
    bodies.advance(1.0)
    opened = bodies.shaft_angles()[JAW]
    bodies.set_torque(JAW, False)
    bodies.advance(1.3)
    falling = bodies.shaft_angles()[JAW]
    bodies.set_torque(JAW, True)
    bodies.advance(1.7)
    caught = bodies.shaft_angles()[JAW]
    assert opened == pytest.approx(0.8, abs=0.05)
    assert 0.1 < falling < opened - 0.1
    assert caught == pytest.approx(falling, abs=0.1)


def test_a_weak_supply_makes_servos_slow() -> None:
    turned = []
    for supply in (7.4, 4.5):
        bodies = ServoBodies()
        bodies.set_supply(supply)
        bodies.move(JAW, 1.0)
        bodies.advance(0.15)
        turned.append(bodies.shaft_angles()[JAW])
    assert 0.1 < turned[1] < 0.85 * turned[0]


def test_servos_that_lost_their_supply_restart() -> None:
    bodies = ServoBodies()
    bodies.set_supply(3.0)
    assert not bodies.answers(JAW)
    assert not bodies.is_driven(JAW)
    assert bodies.take_restarted() == []
    bodies.set_supply(7.4)
    assert bodies.take_restarted() == list(range(10))
    assert bodies.take_restarted() == []


# -- all protocols


def swinging(n_frames: int, rest: npt.NDArray[np.float64]) -> list[list[float]]:
    """Commands (n, 10) that leave rest smoothly, each joint at its own rate."""
    times_s = np.arange(n_frames) * PERIOD_S
    random_numbers = np.random.default_rng(1)
    rates = random_numbers.uniform(0.5, 2.5, 10)
    phases = random_numbers.uniform(0.0, 6.0, 10)
    sizes = random_numbers.uniform(0.2, 0.45, 10)
    swing = np.sin(2 * np.pi * rates * times_s[:, None] + phases) - np.sin(phases)
    path: list[list[float]] = np.clip(rest + sizes * swing, 0.0, 1.0).tolist()
    return path


@pytest.mark.parametrize("protocol", BUSES)
def test_the_same_commands_move_the_twin_alike_through_every_protocol(protocol: str) -> None:
    bench = Bench(protocol)
    table, unit = bench.bodies.table, bench.profile.position
    calibration = nominal_calibration(table, bench.profile)
    twin = FaceTwin()
    bench.ask(torque_on(protocol))
    ticks_per_joint = np.abs(table.gear) * unit.ticks_per_rad
    for commands in swinging(60, table.rest_commands):
        ticks = calibration.ticks_from_commands(commands).tolist()
        bench.ask(move_all(protocol, dict(zip(calibration.bus_ids, ticks, strict=True))))
        bench.wait(PERIOD_S)
        twin.step(commands, PERIOD_S)
        differences = np.abs(bench.bodies.joint_positions() - twin.joint_positions())
        assert (differences * ticks_per_joint).max() < 1.0


@pytest.mark.parametrize("protocol", BUSES)
def test_servos_are_limp_until_told(protocol: str) -> None:
    bench = Bench(protocol)
    assert not any(bench.bodies.is_driven(place) for place in range(10))
    bench.ask(torque_on(protocol) + move_all(protocol, centred(protocol)))
    assert all(bench.bodies.is_driven(place) for place in range(10))


@pytest.mark.parametrize("protocol", BUSES)
def test_a_dead_servo_is_silent_and_limp_and_comes_back_limp(protocol: str) -> None:
    bench = Bench(protocol)
    bench.ask(torque_on(protocol) + move_all(protocol, centred(protocol)))
    bench.happen(dead=True)
    assert not bench.bodies.is_driven(JAW)
    assert bench.bodies.is_driven(JAW + 1)
    bench.happen(dead=False)
    # hobby servos follow their pulses, which the controller never stopped
    assert bench.bodies.is_driven(JAW) == protocol.startswith("maestro")


@pytest.mark.parametrize("protocol", BUSES)
@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(st.binary(min_size=1, max_size=40), max_size=8))
def test_random_bytes_do_no_harm(protocol: str, pieces: list[bytes]) -> None:
    bench = shared_bench(protocol)
    for piece in pieces:
        bench.servos.receive(piece)
    bench.servos.line_is_quiet()
    bench.servos.watch()


_BENCHES: dict[str, Bench] = {}


def shared_bench(protocol: str) -> Bench:
    if protocol not in _BENCHES:
        _BENCHES[protocol] = Bench(protocol)
    return _BENCHES[protocol]


@pytest.mark.parametrize("protocol", BUSES)
def test_senseless_and_damaged_frames_do_no_harm(protocol: str) -> None:
    tally = fuzz_servos(protocol, 1500, seed=7)
    assert tally.answers > 100


# -- LX-16A


def test_lx16a_moves_within_the_time_it_is_given() -> None:
    bench = Bench("lx16a")
    bench.ask(lx("move_time_write", JAW_ID, 600, 400))
    bench.wait(0.2)
    half_way = bench.jaw_goal_deg()
    bench.wait(0.6)
    assert half_way == pytest.approx(12.0, abs=0.1)
    assert bench.jaw_deg() == pytest.approx(24.0, abs=1.5)
    assert lx_values(bench.ask(lx("move_time_read", JAW_ID))) == [(1, 2, bytes((88, 2, 144, 1)))]


def test_lx16a_starts_waiting_moves_together() -> None:
    bench = Bench("lx16a")
    bench.ask(lx("move_time_wait_write", 1, 600, 0) + lx("move_time_wait_write", 9, 400, 0))
    bench.wait(0.3)
    assert bench.jaw_deg() == pytest.approx(0.0, abs=0.5)
    bench.ask(lx("move_start", lx16a_frames.BROADCAST_ID))
    bench.wait(0.5)
    angles = [math.degrees(angle) for angle in bench.bodies.shaft_angles()]
    assert angles[0] == pytest.approx(24.0, abs=0.7)
    assert angles[8] == pytest.approx(-24.0, abs=0.7)


def test_lx16a_reports_as_the_table_says() -> None:
    bench = Bench("lx16a")
    wanted = {
        "id_read": b"\1",
        "angle_limit_read": bytes((0, 0, 232, 3)),
        "vin_limit_read": bytes((148, 17, 224, 46)),
        "temp_max_limit_read": b"\x55",
        "temp_read": b"\x19",
        "vin_read": (7400).to_bytes(2, "little"),
        "pos_read": (500).to_bytes(2, "little"),
        "or_motor_mode_read": bytes(4),
        "load_or_unload_read": b"\0",
        "led_error_read": b"\7",
    }
    for name, data in wanted.items():
        assert lx_values(bench.ask(lx(name, JAW_ID))) == [(1, LX16A[name].code, data)], name
    assert bench.ask(lx("temp_read", 77)) == b""


def test_lx16a_keeps_its_settings() -> None:
    bench = Bench("lx16a")
    bench.ask(lx("id_write", JAW_ID, 42) + lx("angle_limit_write", 42, 450, 550))
    bench.ask(lx("angle_limit_write", 42, 550, 450) + lx("temp_max_limit_write", 42, 200))
    bench.happen(supply=0.0)
    bench.happen()
    assert bench.ask(lx("id_read", JAW_ID)) == b""
    limits = lx_values(bench.ask(lx("angle_limit_read", 42)))
    assert limits == [(42, 21, bytes((194, 1, 38, 2)))]
    assert lx_values(bench.ask(lx("temp_max_limit_read", 42))) == [(42, 25, b"\x55")]
    bench.ask(lx("move_time_write", 42, 900, 0))
    bench.wait(0.5)
    assert bench.jaw_deg() == pytest.approx(50 * 0.24, abs=0.7)


def test_lx16a_trims_its_zero_and_forgets_it_unless_saved() -> None:
    bench = Bench("lx16a")
    bench.ask(lx("angle_offset_adjust", JAW_ID, -20) + lx("move_time_write", JAW_ID, 600, 0))
    bench.wait(0.5)
    assert bench.jaw_deg() == pytest.approx(80 * 0.24, abs=0.7)
    (_, _, data), *_ = lx_values(bench.ask(lx("pos_read", JAW_ID)))
    assert int.from_bytes(data, "little") == pytest.approx(600, abs=2)
    assert lx_values(bench.ask(lx("angle_offset_read", JAW_ID))) == [(1, 19, b"\xec")]
    bench.happen(supply=0.0)
    bench.happen()
    assert lx_values(bench.ask(lx("angle_offset_read", JAW_ID))) == [(1, 19, b"\0")]


def test_lx16a_answers_to_all_collide() -> None:
    bench = Bench("lx16a")
    answer = bench.ask(lx("id_read", lx16a_frames.BROADCAST_ID))
    assert len(answer) == lx16a_frames.OVERHEAD + 1
    assert not lx_values(answer)


def test_lx16a_lets_go_while_it_is_too_hot() -> None:
    bench = Bench("lx16a")
    bench.ask(lx("load_or_unload_write", JAW_ID, 1))
    bench.happen(hot=90.0)
    assert lx_values(bench.ask(lx("temp_read", JAW_ID))) == [(1, 26, b"\x5a")]
    assert lx_values(bench.ask(lx("load_or_unload_read", JAW_ID))) == [(1, 32, b"\0")]
    assert not bench.bodies.is_driven(JAW)
    bench.happen()
    assert bench.bodies.is_driven(JAW)


def test_lx16a_turns_on_in_motor_mode_up_to_the_stop() -> None:
    bench = Bench("lx16a")
    bench.ask(lx("or_motor_mode_write", JAW_ID, 1, 0, 500))
    bench.wait(0.2)
    assert 5.0 < bench.jaw_deg() < 35.0
    bench.ask(lx("move_time_write", JAW_ID, 500, 0))
    bench.wait(1.5)
    assert bench.jaw_deg() == pytest.approx(60.0, abs=1.5)


# -- Dynamixel


def test_dynamixel_holds_goals_only_with_torque() -> None:
    bench = Bench("dynamixel")
    assert dynamixel_status(bench.ask(dynamixel_write("goal_position", 2400)))
    bench.wait(0.3)
    assert bench.jaw_deg() == pytest.approx(0.0, abs=0.5)
    bench.ask(dynamixel_write("torque_enable", 1))
    bench.wait(0.5)
    assert bench.jaw_deg() == pytest.approx(353 * 360 / 4096, abs=0.7)
    error, position = dynamixel_read(bench, "present_position")
    assert error == 0
    assert position == pytest.approx(2400, abs=8)


def test_dynamixel_refuses_what_it_cannot_do() -> None:
    bench = Bench("dynamixel")

    def error_of(data: bytes) -> int:
        status = dynamixel_status(bench.ask(data))
        assert status is not None
        return status.error

    bench.ask(dynamixel_write("torque_enable", 1))
    assert error_of(dynamixel_write("id", 5)) == 7  # while it has torque
    assert error_of(dynamixel_write("present_position", 5)) == 7
    assert error_of(dynamixel_write("goal_position", 5000)) == 6
    assert dynamixel_read(bench, "goal_position") == (0, 2047)
    assert error_of(dynamixel_frames.encode(dynamixel_frames.read(1, 146, 2))) == 7
    unknown = dynamixel_frames.Instruction(1, 0x33)
    assert error_of(dynamixel_frames.encode(unknown)) == 2
    assert bench.ask(dynamixel_write("led", 1, servo_id=99)) == b""


def test_dynamixel_profiles_limit_speed_or_give_a_time() -> None:
    for drive_mode, velocity in ((0, 100), (4, 500)):
        bench = Bench("dynamixel")
        bench.ask(dynamixel_write("drive_mode", drive_mode))
        bench.ask(dynamixel_write("profile_velocity", velocity))
        bench.ask(dynamixel_write("torque_enable", 1) + dynamixel_write("goal_position", 2597))
        duration_s = 0.5 if drive_mode else math.radians(550 * 360 / 4096) / (100 * 0.02398)
        bench.wait(duration_s / 2)
        assert bench.jaw_goal_deg() == pytest.approx(550 * 360 / 4096 / 2, abs=0.2)


def test_dynamixel_answers_together_in_the_order_asked() -> None:
    bench = Bench("dynamixel")
    register = DYNAMIXEL["id"]
    question = dynamixel_frames.sync_read([3, 1, 2], register.address, register.size)
    found = dynamixel_frames.parser().feed(bench.ask(dynamixel_frames.encode(question)))
    assert [f.parameters[0] for f in found if isinstance(f, dynamixel_frames.Status)] == [3, 1, 2]
    fast = dynamixel_frames.fast_sync_read([3, 1, 2], register.address, register.size)
    status = dynamixel_status(bench.ask(dynamixel_frames.encode(fast)))
    assert status is not None
    joint = dynamixel_frames.split_joint_status(status, register.size)
    assert joint == {3: (0, b"\3"), 1: (0, b"\1"), 2: (0, b"\2")}


def test_dynamixel_answers_end_at_a_silent_servo() -> None:
    bench = Bench("dynamixel")
    bench.happen(dead=True)
    address = DYNAMIXEL["id"].address
    question = dynamixel_frames.encode(dynamixel_frames.sync_read([3, JAW_ID, 2], address, 1))
    status = dynamixel_status(bench.ask(question))
    assert status is not None and status.parameters == b"\3"
    fast = dynamixel_frames.encode(dynamixel_frames.fast_sync_read([3, JAW_ID, 2], address, 1))
    assert len(bench.ask(fast)) == 8 + 5  # header and one part of three


def test_dynamixel_overheating_lasts_until_a_reboot() -> None:
    bench = Bench("dynamixel")
    bench.ask(dynamixel_write("torque_enable", 1))
    bench.happen(hot=80.0)
    bench.happen()
    assert dynamixel_read(bench, "hardware_error_status") == (0x80, 4)
    assert not bench.bodies.is_driven(JAW)
    bench.ask(dynamixel_write("torque_enable", 1))
    assert dynamixel_read(bench, "torque_enable") == (0x80, 0)
    reboot = dynamixel_frames.Instruction(JAW_ID, dynamixel_frames.REBOOT)
    assert dynamixel_status(bench.ask(dynamixel_frames.encode(reboot)))
    bench.ask(dynamixel_write("torque_enable", 1))
    assert dynamixel_read(bench, "torque_enable") == (0, 1)


def test_dynamixel_watchdog_stops_it_and_forbids_goals() -> None:
    bench = Bench("dynamixel")
    bench.ask(dynamixel_write("bus_watchdog", 5) + dynamixel_write("torque_enable", 1))
    bench.wait(0.05)
    bench.servos.watch()
    assert dynamixel_read(bench, "bus_watchdog") == (0, 5)
    bench.wait(0.15)
    bench.servos.watch()
    assert dynamixel_read(bench, "bus_watchdog") == (0, -1)
    status = dynamixel_status(bench.ask(dynamixel_write("goal_position", 2200)))
    assert status is not None and status.error == 4
    bench.ask(dynamixel_write("bus_watchdog", 0))
    status = dynamixel_status(bench.ask(dynamixel_write("goal_position", 2200)))
    assert status is not None and status.error == 0


def test_dynamixel_return_level_silences_it() -> None:
    bench = Bench("dynamixel")
    bench.ask(dynamixel_write("status_return_level", 1))
    assert bench.ask(dynamixel_write("led", 1)) == b""
    assert dynamixel_read(bench, "led") == (0, 1)


def test_dynamixel_acts_on_registered_writes() -> None:
    bench = Bench("dynamixel")
    address = DYNAMIXEL["led"].address
    registered = dynamixel_frames.Instruction(
        JAW_ID, dynamixel_frames.REG_WRITE, address.to_bytes(2, "little") + b"\1"
    )
    bench.ask(dynamixel_frames.encode(registered))
    assert dynamixel_read(bench, "led") == (0, 0)
    action = dynamixel_frames.Instruction(dynamixel_frames.BROADCAST_ID, dynamixel_frames.ACTION)
    assert bench.ask(dynamixel_frames.encode(action)) == b""
    assert dynamixel_read(bench, "led") == (0, 1)


# -- Feetech


def test_feetech_moves_at_its_speed() -> None:
    bench = Bench("feetech")
    bench.ask(feetech_write("torque_enable", 1) + feetech_write("goal_speed", 600))
    bench.ask(feetech_write("goal_position", 2647))
    bench.wait(0.5)
    assert bench.jaw_goal_deg() == pytest.approx(300 * 360 / 4096, abs=0.1)
    assert feetech_read(bench, "moving") == (0, 1)
    bench.wait(1.0)
    status, position = feetech_read(bench, "present_position")
    assert status == 0
    assert position == pytest.approx(2647, abs=18)


def test_feetech_settings_need_the_lock_open() -> None:
    bench = Bench("feetech")
    bench.ask(feetech_write("id", 77))
    assert feetech_read(bench, "id") == (0, JAW_ID)
    bench.ask(feetech_write("lock", 0))
    bench.ask(feetech_write("id", 77))
    assert feetech_read(bench, "id", 77) == (0, 77)
    ping = feetech_frames.FeetechFrame(JAW_ID, feetech_frames.PING)
    assert bench.ask(feetech_frames.encode(ping)) == b""


def test_feetech_can_take_its_place_for_the_middle() -> None:
    bench = Bench("feetech")
    bench.ask(feetech_write("torque_enable", 1) + feetech_write("goal_position", 2200))
    bench.wait(0.5)
    bench.ask(feetech_write("torque_enable", 128))
    assert feetech_read(bench, "present_position") == (0, 2048)


def test_feetech_status_shows_what_is_wrong() -> None:
    bench = Bench("feetech")
    bench.ask(feetech_write("torque_enable", 1))
    bench.happen(hot=75.0, supply=8.5)
    assert feetech_read(bench, "present_temperature") == (5, 75)
    assert feetech_read(bench, "torque_enable") == (5, 0)
    bench.happen()
    assert feetech_read(bench, "torque_enable") == (0, 0)


def test_feetech_answers_end_at_a_silent_servo() -> None:
    bench = Bench("feetech")
    bench.happen(dead=True)
    address = FEETECH["id"].address
    question = feetech_frames.sync_read([2, JAW_ID, 3], address, 1)
    found = feetech_frames.parser().feed(bench.ask(feetech_frames.encode(question)))
    assert [f.parameters for f in found if isinstance(f, feetech_frames.FeetechFrame)] == [b"\2"]


# -- Maestro


def maestro(command: int, *data: int) -> bytes:
    return maestro_frames.encode(maestro_frames.MaestroFrame(command, bytes(data)))


def test_maestro_reports_pulses_and_not_shafts() -> None:
    bench = Bench("maestro")
    position = maestro(maestro_frames.GET_POSITION, JAW_ID)
    assert bench.ask(position) == b"\0\0"
    bench.ask(maestro_frames.encode(maestro_frames.set_target(JAW_ID, 7000)))
    assert int.from_bytes(bench.ask(position), "little") == 7000
    assert bench.jaw_deg() == pytest.approx(0.0, abs=0.5)
    bench.wait(0.5)
    assert bench.jaw_deg() == pytest.approx(22.5, abs=0.7)
    bench.ask(maestro_frames.encode(maestro_frames.set_target(JAW_ID, 0)))
    assert not bench.bodies.is_driven(JAW)


def test_maestro_limits_speed_after_the_first_pulse() -> None:
    bench = Bench("maestro")
    bench.ask(maestro(maestro_frames.SET_SPEED, JAW_ID, *maestro_frames.split_value(20)))
    bench.ask(maestro_frames.encode(maestro_frames.set_target(JAW_ID, 6000)))
    assert bench.ask(maestro(maestro_frames.GET_MOVING_STATE)) == b"\0"
    bench.ask(maestro_frames.encode(maestro_frames.set_target(JAW_ID, 8000)))
    assert bench.ask(maestro(maestro_frames.GET_MOVING_STATE)) == b"\1"
    bench.wait(0.5)
    pulse = bench.ask(maestro(maestro_frames.GET_POSITION, JAW_ID))
    assert int.from_bytes(pulse, "little") == pytest.approx(7000, abs=20)


def test_maestro_tells_errors_once() -> None:
    bench = Bench("maestro")
    assert bench.ask(maestro(maestro_frames.GET_ERRORS)) == b"\0\0"
    bench.ask(b"\x12\x13" + maestro(maestro_frames.GO_HOME))
    assert bench.ask(maestro(maestro_frames.GET_ERRORS)) == b"\x10\0"
    assert bench.ask(maestro(maestro_frames.GET_ERRORS)) == b"\0\0"


def test_encoders_waver_as_much_as_they_are_said_to() -> None:
    noisy, again = (ServoBodies(encoder_noise_rad=0.01, seed=3) for _ in range(2))
    seen = np.array([noisy.encoder_angle(JAW) for _ in range(2000)])
    assert np.std(seen) == pytest.approx(0.01, rel=0.1)
    assert np.mean(seen) == pytest.approx(noisy.shaft_angles()[JAW], abs=0.001)
    assert again.encoder_angle(JAW) == seen[0]
    assert ServoBodies().encoder_angle(JAW) == ServoBodies().shaft_angles()[JAW]


def test_a_maestro_with_crc_obeys_no_damaged_command() -> None:
    bench = Bench("maestro-crc")
    order = maestro_frames.encode(maestro_frames.set_target(JAW_ID, 7000), crc=True)
    bench.ask(order[:1] + bytes((JAW_ID + 1,)) + order[2:])
    bench.ask(maestro_frames.encode(maestro_frames.set_target(JAW_ID, 7000)))
    assert not bench.bodies.is_driven(JAW)
    assert not bench.bodies.is_driven(JAW + 1)
    bench.ask(order)
    assert bench.bodies.is_driven(JAW)


def test_maestro_servos_follow_at_once_when_power_returns() -> None:
    bench = Bench("maestro")
    bench.ask(maestro_frames.encode(maestro_frames.set_target(JAW_ID, 8000)))
    bench.wait(0.5)
    bench.happen(supply=0.0)
    bench.wait(1.0)
    fallen = bench.jaw_deg()
    bench.happen()
    bench.wait(0.5)
    assert fallen < 40.0
    assert bench.jaw_deg() == pytest.approx(45.0, abs=1.5)


# -- wire and faults


def test_a_wire_takes_ten_bits_a_byte_and_one_sender_at_a_time() -> None:
    wire = Wire(115200)
    assert wire.carry(12, 1.0) == pytest.approx(1.0 + 120 / 115200)
    assert wire.carry(12, 1.0) == pytest.approx(1.0 + 240 / 115200)
    assert wire.carry(1, 2.0) == pytest.approx(2.0 + 10 / 115200)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("dead:3", Fault("dead", 3)),
        ("dead:3@5", Fault("dead", 3, None, 5.0)),
        ("hot:10=71.5@2-4", Fault("hot", 10, 71.5, 2.0, 4.0)),
        ("drop=0.01", Fault("drop", None, 0.01)),
        ("brownout@1.5-2", Fault("brownout", None, None, 1.5, 2.0)),
        ("unplug@9", Fault("unplug", None, None, 9.0)),
    ],
)
def test_faults_are_read(text: str, fault: Fault) -> None:
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is not a fault"),
        ("fire", "there is no fault 'fire'"),
        ("dead", "name the servo"),
        ("drop:3=0.1", "leave out servo 3"),
        ("drop=1.5", "1.5 is not from 0 to 1"),
        ("dead:3=2", "takes no value"),
        ("drop=.", "empty number"),
        ("hot:3@4-2", "no time span"),
        ("unplug@1-2", "does not come back"),
    ],
)
def test_faults_that_make_no_sense_are_refused(text: str, complaint: str) -> None:
    with pytest.raises(FaultError, match=complaint):
        parse_fault(text)


@given(st.text(max_size=30))
def test_any_text_is_a_fault_or_refused(text: str) -> None:
    with contextlib.suppress(FaultError):
        assert parse_fault(text).kind in text


def test_bytes_are_dropped_and_changed_as_often_as_asked() -> None:
    data = bytes(range(256)) * 40
    assert Faults().mangle(data, 0.0) == data
    dropped = Faults([parse_fault("drop=0.1")], seed=3).mangle(data, 0.0)
    assert len(dropped) == pytest.approx(0.9 * len(data), rel=0.02)
    changed = Faults([parse_fault("corrupt=0.1")], seed=3).mangle(data, 0.0)
    differing = sum(a != b for a, b in zip(data, changed, strict=True))
    assert differing == pytest.approx(0.1 * len(data), rel=0.1)
    assert changed == Faults([parse_fault("corrupt=0.1")], seed=3).mangle(data, 0.0)


def test_faults_begin_and_end() -> None:
    faults = Faults([parse_fault("dead:2@1-2"), parse_fault("brownout=5@3")])
    assert faults.dead((1, 2), 0.5).tolist() == [False, False]
    assert faults.dead((1, 2), 1.0).tolist() == [False, True]
    assert faults.dead((1, 2), 2.0).tolist() == [False, False]
    assert (faults.supply_voltage(7.4, 0.0), faults.supply_voltage(7.4, 3.0)) == (7.4, 5.0)
    faults.inject(Fault("unplug"))
    assert faults.is_unplugged(0.0)
    faults.clear()
    assert not faults.is_unplugged(0.0)
    assert faults.supply_voltage(7.4, 3.0) == 7.4


def test_the_bench_has_the_ids_of_the_servo_table() -> None:
    assert tuple(row.bus_id for row in ServoBodies().table.servos) == IDS
