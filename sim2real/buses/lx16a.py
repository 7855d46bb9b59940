"""Hiwonder LX-16A, LX-224 and their relatives.

No sync write: ten moves are ten frames. Positions are read one by one, so a player reads a few
in turn. The servos have no error register; alerts are told from temperature, supply and load.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Final, Self

from sim2real.buses.bus import Alert, BusProfile, PositionUnit
from sim2real.buses.exchange import Exchange
from sim2real.buses.lx16a_frames import OVERHEAD, Lx16aFrame, encode, parser
from sim2real.buses.moves import check_moves, clipped
from sim2real.buses.serial_port import SerialPort
from sim2real.buses.wire_tables import LX16A

PROFILE: Final = BusProfile(
    name="lx16a",
    baud=115200,
    position=PositionUnit(ticks_per_rad=1000 / math.radians(240), lowest=0, highest=1000),
    reads_position=True,
    reads_temperature=True,
    reads_voltage=True,
    reads_all_at_once=False,
    shares_wire=True,
)

HIGHEST_ID: Final = 253
LONGEST_MOVE_S: Final = 30.0
"""The protocol's greatest move time."""


class Lx16aBus:
    """Driver; see `ServoBus` for what the methods do.

    Args:
        port: open port to the servos; the bus closes it.
        patience_s: how long servo and adapter may take beyond the wire's own time.
    """

    profile = PROFILE

    def __init__(self, port: SerialPort, patience_s: float) -> None:
        self._exchange = Exchange(port, parser(), patience_s)
        self.counters = self._exchange.counters
        self._holding: set[int] = set()
        self._limits: dict[tuple[str, int], tuple[int, ...]] = {}

    def ping(self, servo_id: int) -> bool:
        """Whether a servo answers."""
        return self._ask("id_read", servo_id) is not None

    def set_torque(self, servo_ids: Iterable[int], on: bool) -> None:
        """Hold where the servo is, or let go."""
        wanted = list(servo_ids)
        if on:
            self._holding.update(wanted)  # also the silent ones, so that they tell when they can
            positions = self.read_positions(wanted)
            self.move(clipped(PROFILE, positions), 0.0)
            wanted = list(positions)
        else:
            self._holding.difference_update(wanted)
        for servo_id in wanted:
            self._tell("load_or_unload_write", servo_id, int(on))

    def read_torque(self, servo_ids: Iterable[int]) -> dict[int, bool]:
        """Whether they hold, by bus id of the servos that answered."""
        loads = self._ask_all("load_or_unload_read", servo_ids)
        return {servo_id: bool(values[0]) for servo_id, values in loads}

    def move(self, ticks: Mapping[int, int], duration_s: float) -> None:
        """Send servos to positions within `duration_s`; they move evenly."""
        check_moves(PROFILE, HIGHEST_ID, ticks)
        time_ms = round(1000 * min(max(duration_s, 0.0), LONGEST_MOVE_S))
        for servo_id, position in ticks.items():
            self._tell("move_time_write", servo_id, position, time_ms)

    def read_positions(self, servo_ids: Iterable[int]) -> dict[int, int]:
        """Positions (ticks by bus id) of the servos that answered."""
        return {servo_id: values[0] for servo_id, values in self._ask_all("pos_read", servo_ids)}

    def read_temperatures_degc(self, servo_ids: Iterable[int]) -> dict[int, float]:
        """Temperatures by bus id of the servos that answered."""
        return {
            servo_id: float(values[0]) for servo_id, values in self._ask_all("temp_read", servo_ids)
        }

    def read_voltages(self, servo_ids: Iterable[int]) -> dict[int, float]:
        """Supply voltages (V) by bus id of the servos that answered."""
        return {
            servo_id: values[0] / 1000 for servo_id, values in self._ask_all("vin_read", servo_ids)
        }

    def read_alerts(self, servo_ids: Iterable[int]) -> dict[int, frozenset[Alert]]:
        """What is wrong, judged by each servo's own limits (read once, then remembered)."""
        alerts = {}
        for servo_id in servo_ids:
            temperature = self._ask("temp_read", servo_id)
            supply = self._ask("vin_read", servo_id)
            load = self._ask("load_or_unload_read", servo_id)
            if temperature is None or supply is None or load is None:
                continue
            hottest = self._limit("temp_max_limit_read", servo_id)[0]
            lowest, highest = self._limit("vin_limit_read", servo_id)
            signs = {
                Alert.OVERHEATING: temperature[0] >= hottest,
                Alert.UNDER_VOLTAGE: supply[0] < lowest,
                Alert.OVER_VOLTAGE: supply[0] > highest,
                Alert.LET_GO: servo_id in self._holding and not load[0],
            }
            alerts[servo_id] = frozenset(alert for alert, is_on in signs.items() if is_on)
        return alerts

    def close(self) -> None:
        """Give the port back; safe to call again."""
        self._exchange.port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _limit(self, name: str, servo_id: int) -> tuple[int, ...]:
        """A servo's own limits; those of a new servo while it does not tell."""
        known = self._limits.get((name, servo_id)) or self._ask(name, servo_id)
        if known is None:
            return tuple(parameter.default or 0 for parameter in LX16A[name].answers)
        self._limits[name, servo_id] = known
        return known

    def _tell(self, name: str, servo_id: int, *values: int) -> None:
        command = LX16A[name]
        pairs = zip(command.sends, values, strict=True)
        parameters = b"".join(parameter.encode(value) for parameter, value in pairs)
        self._exchange.tell(encode(Lx16aFrame(servo_id, command.code, parameters)))

    def _ask_all(
        self, name: str, servo_ids: Iterable[int]
    ) -> Iterable[tuple[int, tuple[int, ...]]]:
        for servo_id in servo_ids:
            values = self._ask(name, servo_id)
            if values is not None:
                yield servo_id, values

    def _ask(self, name: str, servo_id: int) -> tuple[int, ...] | None:
        """The values of a servo's answer; None if there is none."""
        command = LX16A[name]

        def accept(frame: Lx16aFrame) -> tuple[int, bytes] | None:
            is_answer = frame.command == command.code
            if is_answer and len(frame.parameters) == command.answered_bytes:
                return frame.servo_id, frame.parameters
            return None

        answers = self._exchange.ask(
            [servo_id],
            lambda ids: encode(Lx16aFrame(ids[0], command.code)),
            accept,
            OVERHEAD + command.answered_bytes,
        )
        if servo_id not in answers:
            return None
        data, values = answers[servo_id], []
        for parameter in command.answers:
            values.append(parameter.decode(data[: parameter.size]))
            data = data[parameter.size :]
        return tuple(values)
