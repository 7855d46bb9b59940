"""The drivers, over pseudo-terminals, against small servos that answer as the manuals say."""

from __future__ import annotations

import contextlib
import math
import os
import random
import select
import threading
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from sim2real.buses import dynamixel_frames as dynamixel
from sim2real.buses import feetech_frames as feetech
from sim2real.buses import lx16a_frames as lx16a
from sim2real.buses import maestro_frames as maestro
from sim2real.buses.bus import Alert, BusError, ServoBus
from sim2real.buses.frame_parser import Damage, FrameParser
from sim2real.buses.registry import BUSES, open_bus, profile_of
from sim2real.buses.wire_tables import DYNAMIXEL, FEETECH, LX16A, RegisterTable

IDS = range(1, 11)
PATIENCE_S = 0.15
"""Long, for busy machines: only tests of silence wait for it."""

with_feedback = pytest.mark.parametrize("name", ["lx16a", "dynamixel", "feetech"])
every_bus = pytest.mark.parametrize("name", list(BUSES))


@dataclass
class Peer:
    """The far end of a line: ten servos of one protocol.

    Attributes:
        heard: frames that arrived.
        silent: servos that do nothing.
        spoil: changes the bytes of each answer.
        memory: by servo id: registers, or for LX-16A values by command; for Maestro targets.
    """

    answer: Callable[[Peer, Any], list[bytes]]
    parser: FrameParser[Any]
    memory: dict[int, Any]
    heard: list[Any] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    silent: set[int] = field(default_factory=set)
    spoil: Callable[[bytes], bytes] = bytes
    echo: bool = False

    def take(self, data: bytes) -> bytes:
        """Bytes that go back when bytes arrive."""
        back = data if self.echo else b""
        for what in self.parser.feed(data):
            if isinstance(what, Damage):
                self.damage.append(what)
            else:
                self.heard.append(what)
                back += b"".join(self.spoil(answer) for answer in self.answer(self, what))
        return back


def registers_of_new_servo(table: RegisterTable, servo_id: int) -> bytearray:
    memory = bytearray(256)
    for register in table.registers:
        memory[register.address : register.end] = register.encode(register.default or 0)
    for name, value in {
        "id": servo_id,
        "present_position": 2000 + servo_id,
        "present_temperature": 41,
        "present_voltage": 74,
        "present_input_voltage": 74,
    }.items():
        with contextlib.suppress(KeyError):
            memory[table[name].address : table[name].end] = table[name].encode(value)
    return memory


def answer_lx16a(peer: Peer, frame: lx16a.Lx16aFrame) -> list[bytes]:
    if frame.servo_id in peer.silent or frame.servo_id not in peer.memory:
        return []
    command = LX16A.by_code[frame.command]
    if command.answered_bytes:
        values = peer.memory[frame.servo_id][command.name]
        data = b"".join(p.encode(v) for p, v in zip(command.answers, values, strict=True))
        return [lx16a.encode(lx16a.Lx16aFrame(frame.servo_id, frame.command, data))]
    if command.name == "load_or_unload_write":
        peer.memory[frame.servo_id]["load_or_unload_read"] = (frame.parameters[0],)
    return []


def answer_dynamixel(peer: Peer, packet: dynamixel.Packet) -> list[bytes]:
    assert isinstance(packet, dynamixel.Instruction)
    match packet.instruction:
        case dynamixel.SYNC_WRITE:
            split = dynamixel.split_sync_write(packet.parameters)
            assert split is not None
            for servo_id, data in split[1].items():
                if servo_id not in peer.silent:
                    peer.memory[servo_id][split[0] : split[0] + len(data)] = data
            return []
        case dynamixel.READ:
            asked = [packet.servo_id]
            address, size = packet.parameters[0], packet.parameters[2]
        case dynamixel.SYNC_READ:
            asked = list(packet.parameters[4:])
            address, size = packet.parameters[0], packet.parameters[2]
        case _:
            return []
    answers = []
    for servo_id in asked:
        # each waits for the one before it
        if servo_id in peer.silent or servo_id not in peer.memory:
            break
        data = bytes(peer.memory[servo_id][address : address + size])
        error = dynamixel.ALERT_BIT * (peer.memory[servo_id][70] > 0)
        answers.append(dynamixel.encode(dynamixel.Status(servo_id, error, data)))
    return answers


def answer_feetech(peer: Peer, frame: feetech.FeetechFrame) -> list[bytes]:
    address, size = (*frame.parameters[:2], 0, 0)[:2]
    match frame.code:
        case feetech.SYNC_WRITE:
            split = feetech.split_sync_write(frame.parameters)
            assert split is not None
            for servo_id, data in split[1].items():
                if servo_id not in peer.silent:
                    peer.memory[servo_id][split[0] : split[0] + len(data)] = data
            return []
        case feetech.READ:
            asked = [frame.servo_id]
        case feetech.SYNC_READ:
            asked = list(frame.parameters[2:])
        case _:
            return []
    return [
        feetech.encode(
            feetech.FeetechFrame(
                servo_id,
                peer.memory[servo_id][65],
                bytes(peer.memory[servo_id][address : address + size]),
            )
        )
        for servo_id in asked
        if servo_id not in peer.silent and servo_id in peer.memory
    ]


def answer_maestro(peer: Peer, frame: maestro.MaestroFrame) -> list[bytes]:
    peer.memory.update(maestro.targets_of(frame))
    if frame.command == maestro.GET_POSITION:
        return [peer.memory.get(frame.data[0], 0).to_bytes(2, "little")]
    if frame.command == maestro.GET_ERRORS:
        return [peer.memory.get(-1, 0).to_bytes(2, "little")]
    return []


def new_lx16a(position: int) -> dict[str, tuple[int, ...]]:
    values = {
        command.name: tuple(parameter.default or 0 for parameter in command.answers)
        for command in LX16A.commands
    }
    return values | {
        "pos_read": (position,),
        "temp_read": (41,),
        "vin_read": (7400,),
        "load_or_unload_read": (0,),
    }


def peer_of(name: str) -> Peer:
    match name:
        case "lx16a":
            servos = {servo_id: new_lx16a(100 + servo_id) for servo_id in IDS}
            return Peer(answer_lx16a, lx16a.parser(), servos)
        case "dynamixel":
            memory = {i: registers_of_new_servo(DYNAMIXEL, i) for i in IDS}
            return Peer(answer_dynamixel, dynamixel.parser(), memory)
        case "feetech":
            memory = {i: registers_of_new_servo(FEETECH, i) for i in IDS}
            return Peer(answer_feetech, feetech.parser(), memory)
        case _:
            return Peer(answer_maestro, maestro.parser(crc=name == "maestro-crc"), {})


class Line:
    """A pseudo-terminal with a peer at its far end."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        os.close(slave)
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def say(self, data: bytes) -> None:
        """Send bytes that nobody asked for."""
        os.write(self._master, data)

    def unplug(self) -> None:
        """Take the peer away."""
        if self._thread.is_alive():
            os.write(self._stop_write, b"x")
            self._thread.join()
            for descriptor in (self._master, self._stop_read, self._stop_write):
                os.close(descriptor)

    def settle(self) -> None:
        """Wait until the peer has heard everything."""
        while select.select([self._master], [], [], 0.05)[0]:
            pass

    def _serve(self) -> None:
        while True:
            readable, _, _ = select.select([self._master, self._stop_read], [], [])
            if self._stop_read in readable:
                return
            try:
                data = os.read(self._master, 4096)
            except OSError:  # nobody has the other end open
                if select.select([self._stop_read], [], [], 0.01)[0]:
                    return
                continue
            back = self.peer.take(data)
            if back:
                os.write(self._master, back)


@contextlib.contextmanager
def line_to(peer: Peer) -> Iterator[Line]:
    line = Line(peer)
    try:
        yield line
    finally:
        line.unplug()


@contextlib.contextmanager
def connected(
    name: str, *, echo: bool = False, patience_s: float = PATIENCE_S
) -> Iterator[tuple[ServoBus, Peer, Line]]:
    peer = peer_of(name)
    peer.echo = echo
    with (
        line_to(peer) as line,
        open_bus(name, line.port, echo=echo, patience_s=patience_s) as bus,
    ):
        yield bus, peer, line


def expected_positions(name: str) -> dict[int, int]:
    return {servo_id: (100 if name == "lx16a" else 2000) + servo_id for servo_id in IDS}


@with_feedback
@pytest.mark.parametrize("echo", [False, True])
def test_all_feedback_is_read(name: str, echo: bool) -> None:
    with connected(name, echo=echo) as (bus, peer, _):
        assert bus.read_positions(IDS) == expected_positions(name)
        assert bus.read_temperatures_degc((3, 4)) == {3: 41, 4: 41}
        assert bus.read_voltages((1, 2)) == pytest.approx({1: 7.4, 2: 7.4})
        assert bus.ping(7)
        assert bus.counters.reads == 15
        assert (bus.counters.lost, bus.counters.retries, bus.counters.corrupt) == (0, 0, 0)
        assert not peer.damage
        assert bus.read_positions(()) == {}


@every_bus
@pytest.mark.parametrize("echo", [False, True])
def test_moves_arrive(name: str, echo: bool) -> None:
    unit = profile_of(name).position
    goals = {servo_id: unit.centre + 7 * servo_id for servo_id in IDS}
    with connected(name, echo=echo) as (bus, peer, line):
        bus.move(goals, 0.02)
        assert bus.ping(1)
        line.settle()
        assert not peer.damage
        match name:
            case "lx16a":
                moves = [frame for frame in peer.heard if frame.command == 1]
                assert len(moves) == bus.counters.writes == 10
                for frame in moves:
                    assert frame.parameters == goals[frame.servo_id].to_bytes(2, "little") + (
                        b"\x14\x00"  # 20 ms
                    )
            case "maestro" | "maestro-crc":
                assert peer.memory == goals
                assert bus.counters.writes == 1
            case _:
                goal = (DYNAMIXEL if name == "dynamixel" else FEETECH)["goal_position"]
                for servo_id, ticks in goals.items():
                    memory = peer.memory[servo_id]
                    assert goal.decode(memory[goal.address : goal.end]) == ticks
                assert bus.counters.writes == 1


@every_bus
def test_who_holds_is_told(name: str) -> None:
    with connected(name) as (bus, peer, line):
        bus.set_torque(IDS, on=True)
        bus.move(dict.fromkeys(IDS, profile_of(name).position.centre), 0.02)
        assert bus.read_torque((1, 2, 3)) == dict.fromkeys((1, 2, 3), True)
        bus.set_torque((2,), on=False)
        assert bus.read_torque((1, 2, 3)) == {1: True, 2: False, 3: True}
        line.settle()
        peer.silent = {1}
        if profile_of(name).reads_position:
            assert bus.read_torque((1, 2)) == {2: False}


def test_maestro_sends_the_fewest_bytes() -> None:
    with connected("maestro") as (bus, peer, line):
        bus.move({1: 6000, 2: 6001, 3: 6002, 7: 5000}, 0.02)
        bus.ping(0)
        line.settle()
        assert [frame.command for frame in peer.heard[:2]] == [
            maestro.SET_MULTIPLE_TARGETS,
            maestro.SET_TARGET,
        ]
        assert peer.memory == {1: 6000, 2: 6001, 3: 6002, 7: 5000}


def test_maestro_lets_go_by_sending_no_pulses() -> None:
    with connected("maestro") as (bus, peer, line):
        bus.set_torque(IDS, on=True)
        bus.set_torque(IDS, on=False)
        bus.ping(0)
        line.settle()
        assert peer.memory == dict.fromkeys(IDS, 0)
        assert bus.read_positions(IDS) == bus.read_voltages(IDS) == {}
        assert bus.read_temperatures_degc(IDS) == {}
        assert not bus.ping(24)


def test_maestro_tells_of_damaged_commands() -> None:
    with connected("maestro") as (bus, peer, _):
        assert bus.read_alerts((1, 2)) == {1: frozenset(), 2: frozenset()}
        peer.memory[-1] = 0b10000
        assert bus.read_alerts((1, 2)) == {
            1: {Alert.COMMUNICATION},
            2: {Alert.COMMUNICATION},
        }


def test_silent_maestro_is_counted() -> None:
    with connected("maestro", patience_s=0.01) as (bus, peer, _):
        peer.spoil = lambda _: b"\x00"
        assert not bus.ping(3)
        assert bus.read_alerts((3, 4)) == {}
        assert bus.counters.lost_by_servo == {3: 2, 4: 1}


@with_feedback
def test_torque_holds_servos_where_they_are(name: str) -> None:
    with connected(name) as (bus, peer, line):
        peer.silent = {4}
        bus.set_torque(IDS, on=True)
        assert bus.ping(1)
        line.settle()
        awake = [servo_id for servo_id in IDS if servo_id != 4]
        if name == "lx16a":
            commands = [(frame.servo_id, frame.command) for frame in peer.heard]
            for servo_id in awake:
                hold = commands.index((servo_id, 1)), commands.index((servo_id, 31))
                assert hold[0] < hold[1]  # told where to stay before it gets torque
                assert peer.memory[servo_id]["load_or_unload_read"] == (1,)
            assert (4, 31) not in commands
            moves = {f.servo_id: f.parameters[:2] for f in peer.heard if f.command == 1}
            assert {i: int.from_bytes(data, "little") for i, data in moves.items()} == {
                i: 100 + i for i in awake
            }
        else:
            table = DYNAMIXEL if name == "dynamixel" else FEETECH
            goal, torque = table["goal_position"], table["torque_enable"]
            for servo_id in awake:
                memory = peer.memory[servo_id]
                assert goal.decode(memory[goal.address : goal.end]) == 2000 + servo_id
                assert memory[torque.address] == 1
        bus.set_torque(IDS, on=False)
        assert bus.ping(1)
        line.settle()
        for servo_id in awake:
            servo = peer.memory[servo_id]
            state = (
                servo["load_or_unload_read"][0]
                if name == "lx16a"
                else servo[64 if name == "dynamixel" else 40]
            )
            assert state == 0


@with_feedback
def test_positions_beyond_the_range_are_held_at_its_end(name: str) -> None:
    """A hand can turn a limp servo anywhere; holding it must not raise."""
    with connected(name) as (bus, peer, line):
        if name == "lx16a":
            peer.memory[1]["pos_read"] = (-20,)
        else:
            position = (DYNAMIXEL if name == "dynamixel" else FEETECH)["present_position"]
            peer.memory[1][position.address : position.end] = position.encode(-20)
        bus.set_torque((1,), on=True)
        assert bus.read_positions((1,)) == {1: -20}
        line.settle()
        if name == "lx16a":
            assert [f.parameters[:2] for f in peer.heard if f.command == 1] == [b"\x00\x00"]


@with_feedback
def test_silent_servo_is_left_out_and_counted(name: str) -> None:
    with connected(name, patience_s=0.03) as (bus, peer, _):
        peer.silent = {1, 5}
        wanted = {i: p for i, p in expected_positions(name).items() if i not in peer.silent}
        assert bus.read_positions(IDS) == wanted
        assert bus.counters.lost_by_servo == {1: 1, 5: 1}
        retries = bus.counters.retries
        assert retries >= 2
        # known as silent: asked, but not again, and never before those that answer
        assert bus.read_positions(IDS) == wanted
        assert bus.counters.retries == retries
        assert bus.counters.lost_by_servo == {1: 2, 5: 2}
        assert not bus.ping(5)
        peer.silent = set()
        assert bus.read_positions(IDS) == expected_positions(name)
        assert bus.counters.lost == 5


@pytest.mark.parametrize("name", ["dynamixel", "feetech"])
def test_lost_question_to_all_is_asked_again_to_all(name: str) -> None:
    with connected(name) as (bus, peer, _):
        whole = peer.take
        cuts = iter([5])
        peer.take = lambda data: whole(data[next(cuts, 0) :])  # type: ignore[method-assign]
        assert bus.read_positions(IDS) == expected_positions(name)
        assert bus.counters.retries == 1
        assert bus.counters.lost == 0


@with_feedback
def test_face_without_power_is_given_up_soon(name: str) -> None:
    with connected(name, patience_s=0.01) as (bus, peer, _):
        peer.silent = set(IDS)
        assert bus.read_positions(IDS) == {}
        assert bus.read_positions(IDS) == {}
        assert bus.counters.lost == 20
        assert bus.counters.retries <= 11


@with_feedback
def test_damaged_answer_is_asked_for_again(name: str) -> None:
    with connected(name) as (bus, peer, _):
        answers = iter(range(1000))

        def spoil(answer: bytes) -> bytes:
            if next(answers) % 7 != 2:
                return answer
            return answer[:-1] + bytes((answer[-1] ^ 0x10,))

        peer.spoil = spoil
        for _ in range(3):
            assert bus.read_positions(IDS) == expected_positions(name)
        assert bus.counters.corrupt >= 3
        assert bus.counters.retries >= 3
        assert bus.counters.lost == 0


@with_feedback
@pytest.mark.parametrize("noise", [b"\x00", b"\xff\xff", b"\x55\x55\x01", b"\xff\xff\xfd\x00\x01"])
def test_noise_around_answers_is_no_trouble(name: str, noise: bytes) -> None:
    with connected(name) as (bus, peer, _):
        peer.spoil = lambda answer: noise + answer + noise
        assert bus.read_positions(IDS) == expected_positions(name)


@with_feedback
def test_old_answers_are_not_taken_for_new_ones(name: str) -> None:
    with connected(name) as (bus, peer, line):
        question = {
            "lx16a": lx16a.encode(lx16a.Lx16aFrame(1, 28)),
            "dynamixel": dynamixel.encode(dynamixel.read(1, 132, 4)),
            "feetech": feetech.encode(feetech.read(1, 56, 2)),
        }[name]
        line.say(peer.take(question))
        if name == "lx16a":
            peer.memory[1]["pos_read"] = (777,)
        else:
            position = (DYNAMIXEL if name == "dynamixel" else FEETECH)["present_position"]
            peer.memory[1][position.address : position.end] = position.encode(777)
        assert bus.read_positions((1,)) == {1: 777}


@with_feedback
def test_answers_of_others_are_not_taken(name: str) -> None:
    """A servo with the wrong id, or an answer to another question, is no answer."""
    with connected(name, patience_s=0.02) as (bus, peer, _):
        wrong = {
            "lx16a": lx16a.encode(lx16a.Lx16aFrame(1, 27, b"\x00\x00")),
            "dynamixel": dynamixel.encode(dynamixel.Status(1, 4, bytes(4))),
            "feetech": feetech.encode(feetech.FeetechFrame(2, 0, b"\x00\x00")),
        }[name]
        peer.spoil = lambda _: wrong
        assert bus.read_positions((1,)) == {}


@with_feedback
def test_an_echo_that_nobody_announced_is_no_answer(name: str) -> None:
    """Above all, no position: a face would jump to it."""
    with connected(name, patience_s=0.03) as (bus, peer, _):
        peer.echo = True
        assert bus.read_positions(IDS) == expected_positions(name)
        assert bus.read_positions((3,)) == {3: expected_positions(name)[3]}
        peer.silent = {3}
        assert bus.read_positions((3,)) == {}
        assert not bus.ping(3)


@with_feedback
def test_an_announced_echo_that_does_not_come_costs_only_time(name: str) -> None:
    with line_to(peer_of(name)) as line, open_bus(name, line.port, echo=True) as bus:
        assert bus.read_positions((3,)) == {3: expected_positions(name)[3]}


@with_feedback
@pytest.mark.parametrize("lost", [1, 3, 9])
def test_a_damaged_echo_costs_no_more_than_a_retry(name: str, lost: int) -> None:
    with connected(name, echo=True) as (bus, peer, _):
        whole = peer.take
        cuts = iter([lost])
        peer.take = lambda data: whole(data)[next(cuts, 0) :]  # type: ignore[method-assign]
        assert bus.read_positions((2,)) == {2: expected_positions(name)[2]}
        assert bus.counters.retries <= 1


def test_lx16a_alerts_follow_the_limits_of_each_servo() -> None:
    with connected("lx16a") as (bus, peer, line):
        assert bus.read_alerts((1, 2)) == {1: frozenset(), 2: frozenset()}
        bus.set_torque((3,), on=True)
        bus.ping(3)
        line.settle()
        peer.memory[1]["temp_read"] = (85,)
        peer.memory[2]["vin_read"] = (4400,)
        peer.memory[3]["load_or_unload_read"] = (0,)
        peer.memory[4]["vin_limit_read"] = (4500, 7000)
        peer.silent = {5}
        assert bus.read_alerts((1, 2, 3, 4, 5)) == {
            1: {Alert.OVERHEATING},
            2: {Alert.UNDER_VOLTAGE},
            3: {Alert.LET_GO},
            4: {Alert.OVER_VOLTAGE},
        }


@pytest.mark.parametrize(
    ("name", "bits", "alerts"),
    [
        ("dynamixel", 0b100, {Alert.OVERHEATING}),
        ("dynamixel", 0b110001, {Alert.VOLTAGE, Alert.ELECTRICAL_SHOCK, Alert.OVERLOAD}),
        ("feetech", 0b100, {Alert.OVERHEATING}),
        ("feetech", 0b101001, {Alert.VOLTAGE, Alert.OVER_CURRENT, Alert.OVERLOAD}),
    ],
)
def test_error_registers_become_alerts(name: str, bits: int, alerts: set[Alert]) -> None:
    with connected(name) as (bus, peer, line):
        bus.set_torque((1, 2), on=True)
        bus.ping(1)
        line.settle()
        peer.memory[1][70 if name == "dynamixel" else 65] = bits
        peer.memory[2][64 if name == "dynamixel" else 40] = 0
        assert bus.read_alerts((1, 2, 3)) == {1: alerts, 2: {Alert.LET_GO}, 3: set()}
        # a servo in trouble still tells where it is
        assert bus.read_positions((1,)) == {1: 2001}


@with_feedback
def test_random_answers_never_raise(name: str) -> None:
    source = random.Random(11)
    with connected(name, patience_s=0.001) as (bus, peer, _):

        def spoil(answer: bytes) -> bytes:
            spoilt = bytearray(answer)
            spoilt[source.randrange(len(spoilt))] = source.randrange(256)
            return source.choice(
                (b"", answer, bytes(spoilt), answer[: source.randrange(9)], source.randbytes(12))
            )

        peer.spoil = spoil
        for _ in range(40):
            for read in (bus.read_positions, bus.read_alerts, bus.read_voltages):
                assert read((1, 2, 3)).keys() <= {1, 2, 3}
        assert bus.counters.corrupt > 0


@pytest.mark.parametrize(
    ("name", "moves", "reads"),
    [("lx16a", 100, 140), ("dynamixel", 64, 174), ("feetech", 38, 98), ("maestro", 23, 0)],
)
def test_bytes_on_the_wire_are_those_of_the_documentation(
    name: str, moves: int, reads: int
) -> None:
    """`docs/buses.md` has these numbers for ten servos."""
    with connected(name) as (bus, peer, line):
        whole = peer.take
        sizes: list[int] = []

        def count(data: bytes) -> bytes:
            back = whole(data)
            sizes.append(len(data) + len(back))
            return back

        peer.take = count  # type: ignore[method-assign]
        bus.move(dict.fromkeys(IDS, bus.profile.position.centre), 0.02)
        bus.read_positions(IDS)
        line.settle()
        assert sum(sizes) == moves + reads


@every_bus
def test_moves_out_of_range_are_refused_before_anything_is_sent(name: str) -> None:
    unit = profile_of(name).position
    with connected(name) as (bus, peer, _):
        for ticks in (unit.lowest - 1, unit.highest + 1):
            with pytest.raises(ValueError, match=rf"servo 2: position {ticks} is outside of"):
                bus.move({1: unit.centre, 2: ticks}, 0.02)
        with pytest.raises(ValueError, match="none is 254"):
            bus.move({254: unit.centre}, 0.02)
        assert not peer.heard
        assert bus.counters.writes == 0


@every_bus
def test_unplugged_port_is_a_bus_error(name: str) -> None:
    with connected(name) as (bus, _, line):
        assert bus.ping(1)
        line.unplug()
        for action in (
            lambda: bus.ping(1),
            lambda: bus.move({1: bus.profile.position.centre}, 0.02),
            lambda: bus.set_torque((1,), on=False),
        ):
            with pytest.raises(BusError, match=f"{line.port}: .*check the USB cable"):
                # a first write may still find room in the kernel
                [action() for _ in range(3)]


@every_bus
def test_closed_bus_says_so(name: str) -> None:
    with connected(name) as (bus, _, _):
        bus.close()
        bus.close()
        with pytest.raises(BusError, match="the port is closed"):
            bus.ping(1)


@with_feedback
def test_flood_of_noise_does_not_hang(name: str) -> None:
    """A broken servo that never stops sending must not hold the driver."""
    with connected(name, patience_s=0.02) as (bus, peer, line):
        stop = threading.Event()
        peer.silent = set(IDS)

        def babble() -> None:
            while not stop.is_set():
                line.say(bytes.fromhex("ff ff fd 00 55 55 ff ff 01 f0 00 12"))
                stop.wait(0.001)

        babbler = threading.Thread(target=babble)
        babbler.start()
        try:
            assert bus.read_positions(IDS) == {}
            assert bus.counters.lost == 10
        finally:
            stop.set()
            babbler.join()


def test_missing_port_names_what_there_is() -> None:
    with pytest.raises(BusError, match=r"/dev/ttyNONE: there is no such port; ports on"):
        open_bus("lx16a", "/dev/ttyNONE")


def test_port_in_use_says_so() -> None:
    with (
        line_to(peer_of("lx16a")) as line,
        open_bus("lx16a", line.port),
        pytest.raises(BusError, match="in use by another program"),
    ):
        open_bus("feetech", line.port)


def test_impossible_speed_says_so() -> None:
    with (
        line_to(peer_of("lx16a")) as line,
        pytest.raises(BusError, match="cannot be opened at -5 baud"),
    ):
        open_bus("lx16a", line.port, baud=-5)


def test_unknown_protocol_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="use one of lx16a, dynamixel, feetech, maestro"):
        open_bus("canbus", "/dev/null")


def test_profiles_count_angles_as_documented() -> None:
    for name, per_turn, centre in (
        ("lx16a", 1500, 500),
        ("dynamixel", 4096, 2047),
        ("feetech", 4096, 2047),
        ("maestro", 16000, 6000),
    ):
        unit = profile_of(name).position
        assert unit.ticks_per_rad * math.tau == pytest.approx(per_turn)
        assert unit.centre == centre
