"""Servos that are memory behind a wire: what the drivers of Dynamixel and Feetech share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from sim2real.buses.bus import Alert, BusProfile
from sim2real.buses.exchange import Exchange
from sim2real.buses.frame_parser import FrameParser
from sim2real.buses.moves import check_moves, clipped
from sim2real.buses.serial_port import SerialPort
from sim2real.buses.wire_tables import Register, RegisterTable

Frame = TypeVar("Frame")


@dataclass(frozen=True)
class Dialect(Generic[Frame]):
    """How a protocol says what every servo with registers is told and asked.

    Attributes:
        profile: what the protocol offers.
        table: its registers. All dialects name `id`, `torque_enable`, `goal_position`,
            `present_position` and `present_temperature` alike.
        highest_id: greatest servo id.
        errors: name of the register whose bits are `table.alerts`.
        voltage: name of the register of the supply.
        motion_limits: names of registers that slow goals down unless they are 0.
        overhead: bytes of an answer beside its parameters.
        parser: makes a parser.
        read: bytes that ask servos (one, or several at once) for a register.
        sync_write: bytes that store a register's data by servo id.
        answer: servo id and parameters of an answer; None for other frames.
    """

    profile: BusProfile
    table: RegisterTable
    highest_id: int
    errors: str
    voltage: str
    motion_limits: tuple[str, ...]
    overhead: int
    parser: Callable[[], FrameParser[Frame]]
    read: Callable[[Sequence[int], Register], bytes]
    sync_write: Callable[[Register, Mapping[int, bytes]], bytes]
    answer: Callable[[Frame], tuple[int, bytes] | None]


class RegisterBus(Generic[Frame]):
    """Driver; see `ServoBus` for what the methods do.

    Args:
        dialect: of the servos.
        port: open port to them; the bus closes it.
        patience_s: how long servo and adapter may take beyond the wire's own time.
    """

    def __init__(self, dialect: Dialect[Frame], port: SerialPort, patience_s: float) -> None:
        self.profile = dialect.profile
        self._dialect = dialect
        self._exchange = Exchange(port, dialect.parser(), patience_s)
        self.counters = self._exchange.counters
        self._holding: set[int] = set()

    def ping(self, servo_id: int) -> bool:
        """Whether a servo answers, and with its own id."""
        # not the protocols' ping: Feetech's answer to it can look like an echo of the question
        return self._read("id", [servo_id]) == {servo_id: servo_id}

    def set_torque(self, servo_ids: Iterable[int], on: bool) -> None:
        """Hold where the servo is, with no limit on the motion to come, or let go."""
        wanted = list(servo_ids)
        if on:
            self._holding.update(wanted)  # also the silent ones, so that they tell when they can
            positions = self.read_positions(wanted)
            wanted = list(positions)
            for name in self._dialect.motion_limits:
                self._write(name, dict.fromkeys(wanted, 0))
            self.move(clipped(self.profile, positions), 0.0)
        else:
            self._holding.difference_update(wanted)
        self._write("torque_enable", dict.fromkeys(wanted, int(on)))

    def read_torque(self, servo_ids: Iterable[int]) -> dict[int, bool]:
        """Whether they hold, by bus id of the servos that answered."""
        return {i: bool(value) for i, value in self._read("torque_enable", servo_ids).items()}

    def move(self, ticks: Mapping[int, int], duration_s: float) -> None:
        """Send servos to positions with one sync write; the duration is not used."""
        check_moves(self.profile, self._dialect.highest_id, ticks)
        self._write("goal_position", ticks)

    def read_positions(self, servo_ids: Iterable[int]) -> dict[int, int]:
        """Positions (ticks by bus id) of the servos that answered."""
        return self._read("present_position", servo_ids)

    def read_temperatures_degc(self, servo_ids: Iterable[int]) -> dict[int, float]:
        """Temperatures by bus id of the servos that answered."""
        return self._read_scaled("present_temperature", servo_ids)

    def read_voltages(self, servo_ids: Iterable[int]) -> dict[int, float]:
        """Supply voltages (V) by bus id of the servos that answered."""
        return self._read_scaled(self._dialect.voltage, servo_ids)

    def read_alerts(self, servo_ids: Iterable[int]) -> dict[int, frozenset[Alert]]:
        """What the servos' error registers say, and who lost its torque."""
        wanted = list(servo_ids)
        errors = self._read(self._dialect.errors, wanted)
        torques = self.read_torque(wanted)
        alerts = {}
        for servo_id in errors.keys() & torques.keys():
            let_go = servo_id in self._holding and not torques[servo_id]
            own = frozenset({Alert.LET_GO} if let_go else ())
            alerts[servo_id] = self._dialect.table.alerts_of(errors[servo_id]) | own
        return alerts

    def close(self) -> None:
        """Give the port back; safe to call again."""
        self._exchange.port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, name: str, values: Mapping[int, int]) -> None:
        if values:
            register = self._dialect.table[name]
            data = {servo_id: register.encode(value) for servo_id, value in values.items()}
            self._exchange.tell(self._dialect.sync_write(register, data))

    def _read(self, name: str, servo_ids: Iterable[int]) -> dict[int, int]:
        dialect, register = self._dialect, self._dialect.table[name]

        def accept(frame: Frame) -> tuple[int, bytes] | None:
            answer = dialect.answer(frame)
            return answer if answer is not None and len(answer[1]) == register.size else None

        answers = self._exchange.ask(
            list(servo_ids),
            lambda ids: dialect.read(ids, register),
            accept,
            dialect.overhead + register.size,
        )
        return {servo_id: register.decode(data) for servo_id, data in answers.items()}

    def _read_scaled(self, name: str, servo_ids: Iterable[int]) -> dict[int, float]:
        count = self._dialect.table[name].count
        return {servo_id: value * count for servo_id, value in self._read(name, servo_ids).items()}
