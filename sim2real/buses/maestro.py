"""Pololu Maestro controllers with hobby servos; a servo's bus id is its channel.

Hobby servos say nothing: no positions, temperatures or voltages. What answers is the controller.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final, Self

from sim2real.buses import maestro_frames as frames
from sim2real.buses.bus import Alert, BusCounters, BusProfile, PositionUnit
from sim2real.buses.moves import check_moves
from sim2real.buses.serial_port import SerialPort
from sim2real.buses.wire_tables import MAESTRO

PROFILE: Final = BusProfile(
    name="maestro",
    baud=115200,
    # 500 to 2500 us in quarters; 1000 us turn a common hobby servo by 90 degrees
    position=PositionUnit(ticks_per_rad=4000 / math.radians(90), lowest=2000, highest=10000),
    reads_position=False,
    reads_temperature=False,
    reads_voltage=False,
    reads_all_at_once=False,
    shares_wire=False,
)
CRC_PROFILE: Final = replace(PROFILE, name="maestro-crc")

NO_PULSES: Final = 0
"""Target that switches a channel off; the servo goes limp."""


class MaestroBus:
    """Driver; see `ServoBus` for what the methods do.

    Args:
        port: open port to the controller ("USB Dual Port" mode, its command port); the bus
            closes it.
        patience_s: how long controller and adapter may take beyond the wire's own time.
        crc: whether the CRC is switched on in the controller's settings.
    """

    def __init__(self, port: SerialPort, patience_s: float, crc: bool = False) -> None:
        self.profile = CRC_PROFILE if crc else PROFILE
        self.counters = BusCounters()
        self._port = port
        self._patience_s = patience_s
        self._crc = crc

    def ping(self, servo_id: int) -> bool:
        """Whether the controller answers and has this channel; the servo itself cannot answer."""
        if not 0 <= servo_id < frames.CHANNELS:
            return False
        return self._ask(_question(servo_id), servo_id) is not None

    def set_torque(self, servo_ids: Iterable[int], on: bool) -> None:
        """Let go by sending no pulses; servos hold again with the first `move`."""
        if not on:
            self._set_targets(dict.fromkeys(servo_ids, NO_PULSES))

    def read_torque(self, servo_ids: Iterable[int]) -> dict[int, bool]:
        """Whether their channels send pulses, by bus id."""
        pulses = {i: self._ask(_question(i), i) for i in servo_ids}
        return {i: any(pulse) for i, pulse in pulses.items() if pulse is not None}

    def move(self, ticks: Mapping[int, int], duration_s: float) -> None:
        """Send servos to positions, neighbouring channels at once; the duration is not used."""
        check_moves(PROFILE, frames.CHANNELS - 1, ticks)
        self._set_targets(ticks)

    def read_positions(self, servo_ids: Iterable[int]) -> dict[int, int]:
        """Nothing: hobby servos do not say where they are."""
        return {}

    def read_temperatures_degc(self, servo_ids: Iterable[int]) -> dict[int, float]:
        """Nothing: hobby servos do not say how warm they are."""
        return {}

    def read_voltages(self, servo_ids: Iterable[int]) -> dict[int, float]:
        """Nothing: hobby servos do not report their supply."""
        return {}

    def read_alerts(self, servo_ids: Iterable[int]) -> dict[int, frozenset[Alert]]:
        """The controller's errors since they were last read, for every channel asked for."""
        wanted = list(servo_ids)
        answer = self._ask(frames.MaestroFrame(frames.GET_ERRORS), *wanted)
        if answer is None:
            return {}
        return dict.fromkeys(wanted, MAESTRO.alerts_of(int.from_bytes(answer, "little")))

    def close(self) -> None:
        """Give the port back; safe to call again."""
        self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _set_targets(self, targets: Mapping[int, int]) -> None:
        packets = [frames.encode(frame, self._crc) for frame in _commands(targets)]
        if packets:
            self.counters.writes += len(packets)
            self._port.write(b"".join(packets))

    def _ask(self, question: frames.MaestroFrame, *servo_ids: int) -> bytes | None:
        """The bare bytes of an answer; None if they do not come. Never asked again: reading the
        errors clears them."""
        size = MAESTRO.by_code[question.command].answered_bytes
        self.counters.reads += 1
        self._port.drop_input()
        self._port.write(frames.encode(question, self._crc))
        deadline = self._port.sent_by_s + self._port.wire_time_s(size) + self._patience_s
        answer = b""
        while len(answer) < size:
            data = self._port.read(deadline)
            if not data:
                self.counters.lost += 1
                for servo_id in servo_ids:
                    lost = self.counters.lost_by_servo.get(servo_id, 0)
                    self.counters.lost_by_servo[servo_id] = lost + 1
                return None
            answer += data
        self.counters.corrupt += len(answer) > size
        return answer[:size]


def _question(channel: int) -> frames.MaestroFrame:
    """What pulse a channel sends."""
    return frames.MaestroFrame(frames.GET_POSITION, bytes((channel,)))


def _commands(targets: Mapping[int, int]) -> Iterator[frames.MaestroFrame]:
    """The shortest commands: one for each run of neighbouring channels."""
    run: list[int] = []
    for channel in sorted(targets):
        if run and channel != run[-1] + 1:
            yield _command(run, targets)
            run = []
        run.append(channel)
    if run:
        yield _command(run, targets)


def _command(run: list[int], targets: Mapping[int, int]) -> frames.MaestroFrame:
    if len(run) == 1:
        return frames.set_target(run[0], targets[run[0]])
    return frames.set_multiple_targets(run[0], [targets[channel] for channel in run])
