"""Deployments on a bus in memory, in time that passes only when someone waits."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sim.dof import DOF_NAMES
from sim.servo_table import load_servo_table
from sim2real.buses.bus import Alert, BusCounters, BusError, BusProfile, PositionUnit
from sim2real.calibration import nominal_calibration
from sim2real.deployment.clock import ClockError, MonotonicClock
from sim2real.deployment.easing import soft_duration_s, soft_motion
from sim2real.deployment.face import ServoFace
from sim2real.deployment.pacing import Timer, beats
from sim2real.deployment.player import Outcome, Phase, Player
from sim2real.deployment.retreat import TORQUE_OFF_REPEATS, TORQUE_OFF_TRIES
from sim2real.deployment.sources import CommandSource, TrajectorySource
from sim2real.deployment.stopping import StopRequest
from sim2real.trajectory import Trajectory, read_trajectory_csv

TABLE = load_servo_table()
RATE_HZ = 50.0
SPEED_TICKS_PER_S = 1250.0
"""300 degrees per second in ticks of an LX-16A."""


class SteppedTime:
    """A clock that moves when it is slept on."""

    def __init__(self) -> None:
        self.time_s = 0.0
        self.events: list[tuple[float, Callable[[], None]]] = []

    def now(self) -> float:
        """Every look takes a microsecond, so that spinning ends."""
        self.time_s += 1e-6
        return self.time_s

    def sleep(self, duration_s: float) -> None:
        """Let time pass, and happen what is due."""
        self.time_s += duration_s
        due = [event for event in self.events if event[0] <= self.time_s]
        self.events = [event for event in self.events if event[0] > self.time_s]
        for _, happen in due:
            happen()


class MemoryBus:
    """Ten servos that follow at `SPEED_TICKS_PER_S`; what they were told is kept."""

    def __init__(
        self, time: SteppedTime, *, reads_position: bool = True, reads_all_at_once: bool = False
    ) -> None:
        self.profile = BusProfile(
            name="lx16a",
            baud=115200,
            position=PositionUnit(1000 / math.radians(240), 0, 1000),
            reads_position=reads_position,
            reads_temperature=True,
            reads_voltage=True,
            reads_all_at_once=reads_all_at_once,
            shares_wire=True,
        )
        self.counters = BusCounters()
        self.time = time
        self.positions = dict.fromkeys(range(1, 11), 500.0)
        self.goals: dict[int, float] = {}
        self.torque = dict.fromkeys(range(1, 11), False)
        self.moves: list[tuple[float, dict[int, int]]] = []
        self.silent: set[int] = set()
        self.jammed: set[int] = set()
        self.temperatures = dict.fromkeys(range(1, 11), 30.0)
        self.voltage = 7.4
        self.alerts: dict[int, frozenset[Alert]] = {}
        self.deaf_to: dict[int, int] = {}  # how many orders to let go a servo does not get
        self.unplugged = False
        self.torque_was_on = False
        self.answer_s = 0.0
        self._moved_at_s = time.time_s

    def _touch(self) -> None:
        if self.unplugged:
            raise BusError("the port is gone; plug the adapter in")
        reach = SPEED_TICKS_PER_S * (self.time.time_s - self._moved_at_s)
        self._moved_at_s = self.time.time_s
        for bus_id, goal in self.goals.items():
            if self.torque[bus_id] and bus_id not in self.jammed:
                here = self.positions[bus_id]
                self.positions[bus_id] = min(max(goal, here - reach), here + reach)

    def _answering(self, servo_ids: Iterable[int]) -> list[int]:
        self._touch()
        ids = list(servo_ids)
        self.counters.reads += len(ids)
        self.counters.lost += len(self.silent & set(ids))
        return [bus_id for bus_id in ids if bus_id not in self.silent]

    def ping(self, servo_id: int) -> bool:
        return bool(self._answering([servo_id]))

    def set_torque(self, servo_ids: Iterable[int], on: bool) -> None:
        self._touch()
        for bus_id in servo_ids:
            if not on and self.deaf_to.get(bus_id, 0):
                self.deaf_to[bus_id] -= 1
                continue
            self.torque[bus_id] = on
            self.goals[bus_id] = self.positions[bus_id]
        self.torque_was_on |= on

    def read_torque(self, servo_ids: Iterable[int]) -> dict[int, bool]:
        return {bus_id: self.torque[bus_id] for bus_id in self._answering(servo_ids)}

    def move(self, ticks: Mapping[int, int], duration_s: float) -> None:
        self._touch()
        low, high = self.profile.position.lowest, self.profile.position.highest
        assert all(low <= tick <= high for tick in ticks.values())
        self.goals.update(ticks)
        self.moves.append((self.time.time_s, dict(ticks)))
        self.counters.writes += 1
        if not self.profile.reads_position:
            self.torque.update(dict.fromkeys(ticks, True))

    def read_positions(self, servo_ids: Iterable[int]) -> dict[int, int]:
        self.time.sleep(self.answer_s)
        return {bus_id: round(self.positions[bus_id]) for bus_id in self._answering(servo_ids)}

    def read_temperatures_degc(self, servo_ids: Iterable[int]) -> dict[int, float]:
        return {bus_id: self.temperatures[bus_id] for bus_id in self._answering(servo_ids)}

    def read_voltages(self, servo_ids: Iterable[int]) -> dict[int, float]:
        return dict.fromkeys(self._answering(servo_ids), self.voltage)

    def read_alerts(self, servo_ids: Iterable[int]) -> dict[int, frozenset[Alert]]:
        return {
            bus_id: self.alerts.get(bus_id, frozenset()) for bus_id in self._answering(servo_ids)
        }

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def wave(duration_s: float = 2.0) -> Trajectory:
    """A jaw that opens and closes once a second."""
    times_s = np.arange(0.0, duration_s, 0.02)
    commands = np.tile(TABLE.rest_commands, (len(times_s), 1))
    commands[:, 0] = 0.4 * np.sin(np.pi * times_s) ** 2
    return Trajectory(times_s, commands)


@dataclass
class Stage:
    """Everything a deployment needs, in memory."""

    time: SteppedTime = field(default_factory=SteppedTime)
    stop: StopRequest = field(default_factory=StopRequest)
    reads_position: bool = True
    reads_all_at_once: bool = False
    phases: list[Phase] = field(default_factory=list)
    at_phase: dict[Phase, Callable[[], None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bus = MemoryBus(
            self.time,
            reads_position=self.reads_position,
            reads_all_at_once=self.reads_all_at_once,
        )
        self.calibration = nominal_calibration(TABLE, self.bus.profile)
        rest = self.calibration.ticks_from_commands(TABLE.rest_commands)
        self.rest = dict(zip(self.calibration.bus_ids, map(int, rest), strict=True))
        self.bus.positions.update(self.rest)

    def later(self, delay_s: float, happen: Callable[[], None]) -> None:
        self.time.events.append((self.time.time_s + delay_s, happen))

    def run(
        self, source: CommandSource | None = None, clock: MonotonicClock | None = None
    ) -> Outcome:
        player = Player(
            ServoFace(self.bus, self.calibration, TABLE),
            RATE_HZ,
            self.stop,
            Timer(self.time.now, self.time.sleep),
            on_phase=self._enter,
        )
        source = source or TrajectorySource(wave())
        return player.run(source, clock or MonotonicClock(self.time.now))

    def _enter(self, phase: Phase) -> None:
        self.phases.append(phase)
        if phase in self.at_phase:
            self.later(0.1, self.at_phase[phase])

    def assert_over(self) -> None:
        """Limp, and told to rest last."""
        assert not any(self.bus.torque.values())
        if self.bus.torque_was_on:
            assert self.bus.moves[-1][1] == self.rest


def test_a_deployment_plays_the_trajectory_and_ends_at_rest_without_torque() -> None:
    stage = Stage()
    outcome = stage.run()
    assert outcome.succeeded
    assert stage.phases == [
        Phase.CONNECTING, Phase.SOFT_START, Phase.PLAYING, Phase.RETURNING,
    ]  # fmt: skip
    stage.assert_over()
    commanded = outcome.recording.commanded()
    assert commanded is not None
    wanted = TrajectorySource(wave())
    expected = np.array([wanted.at(t) for t in commanded.times_s])
    assert commanded.commands == pytest.approx(expected, abs=2e-3)
    assert outcome.recording.statistics().lost == 0


def test_the_measured_log_follows_the_commands(tmp_path: Path) -> None:
    stage = Stage()
    outcome = stage.run()
    written = outcome.recording.save(tmp_path / "run.csv")
    assert [path.name for path in written] == [
        "run.commanded.csv", "run.measured.csv", "run.readings.csv",
    ]  # fmt: skip
    commanded, measured = (read_trajectory_csv(path) for path in written[:2])
    assert measured.times_s == pytest.approx(commanded.times_s)
    assert measured.commands == pytest.approx(commanded.commands, abs=0.05)
    assert (tmp_path / "run.readings.csv").read_text().startswith("time_s,dof,command\n")


def test_a_soft_start_leaves_from_where_the_servos_are_without_a_jump() -> None:
    stage = Stage()
    stage.bus.positions[1] += 200
    stage.bus.positions[5] -= 60
    found = dict(stage.bus.positions)
    assert stage.run().succeeded
    sent = np.array([list(move.values()) for _, move in stage.bus.moves], float)
    assert np.abs(sent[0] - list(found.values())).max() <= 2
    degrees_per_s = np.abs(np.diff(sent, axis=0)).max() * RATE_HZ * 0.24
    assert degrees_per_s < 150  # the wave itself needs 75


def test_servos_that_say_nothing_are_taken_to_be_at_rest() -> None:
    stage = Stage(reads_position=False)
    outcome = stage.run()
    assert outcome.succeeded
    assert "cannot tell where its servos are" in outcome.notes[0]
    stage.assert_over()
    assert outcome.recording.measured() is None


def test_commands_are_clamped_and_no_faster_than_the_servos() -> None:
    times_s = np.array([0.0, 0.5, 0.501, 1.0])
    commands = np.tile(TABLE.rest_commands, (4, 1))
    commands[2:, 0] = 1.0
    stage = Stage()
    stage.calibration = stage.calibration.model_copy(
        update={
            "servos": (
                stage.calibration.servos[0].model_copy(update={"limits": (500, 600)}),
                *stage.calibration.servos[1:],
            )
        }
    )
    outcome = stage.run(TrajectorySource(Trajectory(times_s, commands)))
    jaw = np.array([move[1] for _, move in stage.bus.moves])
    assert jaw.max() == 600
    assert outcome.recording.statistics().limited > 5
    commanded = outcome.recording.commanded()
    assert commanded is not None
    speeds = np.abs(np.diff(commanded.commands, axis=0)) / np.diff(commanded.times_s)[:, None]
    top_speeds = ServoFace(stage.bus, stage.calibration, TABLE).top_speeds
    assert np.all(speeds <= top_speeds * 1.01)


Breaking = Callable[[Stage], None]


def _overheat(stage: Stage) -> None:
    stage.bus.temperatures[4] = 95.0


def _brown_out(stage: Stage) -> None:
    stage.bus.voltage = 4.0


def _lose_one(stage: Stage) -> None:
    stage.bus.silent.add(3)


def _lose_all(stage: Stage) -> None:
    stage.bus.silent.update(range(1, 11))


def _overload(stage: Stage) -> None:
    stage.bus.alerts[7] = frozenset({Alert.OVERLOAD})


TROUBLES: dict[str, tuple[Breaking, str]] = {
    "overheat": (_overheat, "servo 4 .*95 degC"),
    "brown-out": (_brown_out, "supply of 4.0 V"),
    "one silent": (_lose_one, "servo 3 .upper_lip_raise."),
    "all silent": (_lose_all, r"servo \d+ .*check"),
    "overload": (_overload, "servo 7 .*overload"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("phase", [Phase.CONNECTING, Phase.SOFT_START, Phase.PLAYING])
def test_trouble_in_any_phase_is_told_and_ends_at_rest(trouble: str, phase: Phase) -> None:
    break_it, message = TROUBLES[trouble]
    stage = Stage()
    stage.bus.positions[1] += 150  # a soft start that takes its time
    if phase is Phase.CONNECTING:
        break_it(stage)
    else:
        stage.at_phase[phase] = lambda: break_it(stage)
    outcome = stage.run(TrajectorySource(wave(8.0)))
    assert outcome.phase in (phase, Phase.PLAYING)
    assert outcome.problems
    assert re.search(message, outcome.problems[0])
    assert outcome.retreat.torque_off
    stage.assert_over()
    assert stage.bus.torque_was_on == (phase is not Phase.CONNECTING)


@pytest.mark.parametrize("phase", [Phase.SOFT_START, Phase.PLAYING, Phase.RETURNING])
def test_a_port_that_goes_away_is_told_and_nothing_hangs(phase: Phase) -> None:
    stage = Stage()
    stage.at_phase[phase] = lambda: setattr(stage.bus, "unplugged", True)
    outcome = stage.run()
    assert "plug the adapter in" in str(outcome.problems + outcome.retreat.problems)
    assert not outcome.retreat.torque_off
    assert "switch the supply off NOW" in str(outcome.retreat)
    assert not outcome.succeeded


@pytest.mark.parametrize("heard", [1, TORQUE_OFF_TRIES])
def test_a_servo_that_does_not_get_the_order_to_let_go_gets_it_again(heard: int) -> None:
    stage = Stage()
    # Each order is sent to all, then to each: it gets the last of `heard` orders that follow.
    stage.bus.deaf_to = {4: 2 * (TORQUE_OFF_REPEATS + heard) - 1}
    outcome = stage.run()
    assert outcome.succeeded, outcome.retreat
    stage.assert_over()


def test_a_servo_that_never_lets_go_is_told() -> None:
    stage = Stage()
    stage.bus.deaf_to = {4: 1000}
    outcome = stage.run()
    assert not outcome.succeeded
    assert "servo 4" in str(outcome.retreat) and "did not let go" in str(outcome.retreat)
    assert "switch the supply off NOW" in str(outcome.retreat)


def test_mute_servos_whose_controller_falls_silent_are_noticed() -> None:
    stage = Stage(reads_position=False)
    stage.at_phase[Phase.PLAYING] = lambda: _lose_all(stage)
    outcome = stage.run(TrajectorySource(wave(20.0)))
    assert "nobody on the bus answers" in outcome.problems[0]
    stage.assert_over()


def test_a_port_that_is_away_from_the_start_moves_nothing() -> None:
    stage = Stage()
    stage.bus.unplugged = True
    outcome = stage.run()
    assert outcome.phase is Phase.CONNECTING
    assert not stage.bus.moves


@pytest.mark.parametrize("phase", [Phase.SOFT_START, Phase.PLAYING])
def test_a_stop_ends_softly_and_a_second_one_at_once(phase: Phase) -> None:
    soft = Stage()
    soft.at_phase[phase] = lambda: soft.stop.ask("SIGINT")
    outcome = soft.run()
    assert outcome.stopped_by == "SIGINT"
    assert outcome.phase is phase
    assert outcome.retreat.softly and outcome.retreat.torque_off
    soft.assert_over()

    hurried = Stage()
    hurried.bus.positions[1] += 150
    hurried.at_phase[phase] = lambda: hurried.stop.ask("SIGINT")
    hurried.at_phase[Phase.RETURNING] = lambda: hurried.stop.ask("SIGINT")
    outcome = hurried.run()
    assert outcome.retreat.cut_short and outcome.retreat.torque_off
    assert not any(hurried.bus.torque.values())
    assert len(hurried.bus.moves) < len(soft.bus.moves) + 100


def test_an_error_that_nobody_foresaw_is_raised_after_the_way_to_rest() -> None:
    class Broken(TrajectorySource):
        def at(self, time_s: float) -> NDArray[np.float64]:
            if time_s > 0.5:
                raise ZeroDivisionError
            return super().at(time_s)

    stage = Stage()
    with pytest.raises(ZeroDivisionError):
        stage.run(Broken(wave()))
    stage.assert_over()


@pytest.mark.parametrize("phase", Phase)
def test_not_even_a_broken_observer_keeps_the_servos_from_rest(phase: Phase) -> None:
    class Shut(Stage):
        def _enter(self, now: Phase) -> None:
            super()._enter(now)
            if now is phase:
                raise OSError("the terminal is gone")

    stage = Shut()
    with pytest.raises(OSError, match="terminal"):
        stage.run()
    stage.assert_over()


def test_a_clock_that_fails_ends_the_playback() -> None:
    class Failing(MonotonicClock):
        def time_s(self) -> float:
            if super().time_s() > 0.5:
                raise ClockError("the sound device has stopped")
            return super().time_s()

    stage = Stage()
    outcome = stage.run(clock=Failing(stage.time.now))
    assert outcome.problems == ["the sound device has stopped"]
    stage.assert_over()


def test_a_jammed_servo_is_noticed_in_the_soft_start_and_while_playing() -> None:
    jammed = Stage()
    jammed.bus.positions[1] += 100
    jammed.bus.jammed.add(1)
    outcome = jammed.run()
    assert outcome.phase is Phase.SOFT_START
    assert "servo 1 (jaw_open)" in outcome.problems[0]
    assert not any(jammed.bus.torque.values())

    later = Stage()
    later.at_phase[Phase.PLAYING] = lambda: later.bus.jammed.add(1)
    times_s = np.array([0.0, 0.3, 3.0])
    commands = np.tile(TABLE.rest_commands, (3, 1))
    commands[1:, 0] = 0.9
    outcome = later.run(TrajectorySource(Trajectory(times_s, commands)))
    assert outcome.phase is Phase.PLAYING
    assert "does not follow" in outcome.problems[0]


def test_a_servo_far_outside_its_range_is_not_moved() -> None:
    stage = Stage()
    stage.bus.positions[1] = 100
    outcome = stage.run()
    assert "outside its range" in outcome.problems[0]
    assert not stage.bus.moves


def test_playback_follows_the_clock_it_is_given() -> None:
    class Fast(MonotonicClock):
        def time_s(self) -> float:
            return 1.25 * super().time_s()

    stage = Stage()
    outcome = stage.run(clock=Fast(stage.time.now))
    commanded = outcome.recording.commanded()
    assert commanded is not None
    assert commanded.duration_s == pytest.approx(wave().duration_s / 1.25, abs=0.05)
    assert outcome.recording.statistics().clock_offset_ms == pytest.approx(
        250 * commanded.duration_s, rel=0.02
    )


def test_answers_that_take_longer_than_a_period_cost_no_commands() -> None:
    stage = Stage()
    stage.bus.answer_s = 1.3 / RATE_HZ
    outcome = stage.run()
    assert outcome.succeeded
    assert outcome.recording.statistics().lost == 0
    assert len(outcome.recording.readings()) > 100


def test_a_missed_period_is_left_out_and_counted() -> None:
    time = SteppedTime()
    pulse = beats(RATE_HZ, Timer(time.now, time.sleep))
    assert next(pulse).lost == 0
    assert next(pulse).lateness_s < 1e-4
    time.sleep(0.055)
    late = next(pulse)
    assert late.lost == 1
    assert late.deadline_s == pytest.approx(0.06, abs=1e-4)
    assert late.lateness_s < 0.016
    assert next(pulse).lost == 0


@settings(max_examples=60, deadline=None)
@given(
    start=st.lists(st.floats(-0.2, 1.2), min_size=10, max_size=10),
    end=st.lists(st.floats(0, 1), min_size=10, max_size=10),
)
def test_soft_motions_are_slow_and_arrive(start: list[float], end: list[float]) -> None:
    top_speeds = np.full(len(DOF_NAMES), 0.8)
    a, b = np.array(start), np.array(end)
    duration_s = soft_duration_s(a, b, top_speeds, 0.5)
    path = np.array([a, *soft_motion(a, b, duration_s, 100.0)])
    assert path[-1] == pytest.approx(b)
    assert np.abs(np.diff(path, axis=0)).max() * 100.0 <= 0.8 * 1.05
    assert np.all(path <= np.maximum(a, b) + 1e-9)
