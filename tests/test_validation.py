"""Whether validation finds what is wrong, where it is, and nothing else."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import FaceTwin
from sim.dof import DOF_NAMES, N_DOF
from sim.poses import POSES
from sim.servo_table import ServoTable, load_servo_table
from sim.servos import COPPER_TEMPERATURE_COEFFICIENT
from sim2real.trajectory import Trajectory
from sim2real.validation import (
    Check,
    LimitsError,
    Playback,
    Report,
    check_lag,
    load_limits,
    motion_limits,
    play,
    validate,
)
from sim2real.validation.checks import (
    check_current,
    check_motion,
    check_overlap,
    check_range,
    check_strain,
    check_temperature,
    check_torque,
    check_tracking,
)
from sim2real.validation.limits import LIMITS_PATH, averaging_window_s, bandwidth_hz
from sim2real.validation.motion import derivatives

TABLE = load_servo_table()
LIMITS = load_limits()
MOTION = motion_limits(TABLE)
JAW, LEFT = DOF_NAMES.index("jaw_open"), DOF_NAMES.index("corner_left_stretch")


@pytest.fixture(scope="module")
def twin() -> FaceTwin:
    return FaceTwin()


def held(n: int = 60, rate_hz: float = 30.0) -> Trajectory:
    return Trajectory(np.arange(n) / rate_hz, np.tile(TABLE.rest_commands, (n, 1)))


def moved(dof: int, times_s: np.ndarray, column: np.ndarray) -> Trajectory:
    commands = np.tile(TABLE.rest_commands, (len(times_s), 1))
    commands[:, dof] = column
    return Trajectory(times_s, commands)


def still(n: int = 400) -> Playback:
    """A playback in which nothing happens."""
    times_s = np.arange(1, n + 1) / 100.0
    looks_s = times_s[::2]
    nothing = np.zeros((n, N_DOF))
    return Playback(
        times_s=times_s,
        positions=np.tile(TABLE.rest_commands, (n, 1)),
        torques=nothing,
        currents=nothing,
        temperature_rises=nothing,
        look_times_s=looks_s,
        aperture_mm=np.zeros(len(looks_s)),
        closed=np.ones(len(looks_s), dtype=bool),
        strain=np.zeros(len(looks_s)),
        overlap_mm=np.zeros(len(looks_s)),
    )


# -- limits


def test_limits_of_motion_follow_from_the_servo_table() -> None:
    servo = TABLE.types[0]
    assert MOTION.speed[0] == pytest.approx(servo.no_load_speed)
    assert MOTION.acceleration[0] == pytest.approx(servo.stall_torque / servo.rotor_inertia)
    frequency = math.sqrt(servo.stiffness / servo.rotor_inertia)
    assert MOTION.jerk[0] == pytest.approx(MOTION.acceleration[0] * frequency)
    low_supply = motion_limits(TABLE.model_copy(update={"supply_voltage": 3.7}))
    np.testing.assert_allclose(low_supply.speed, MOTION.speed / 2)


def test_the_averages_have_the_bandwidth_of_the_position_loop() -> None:
    servo = TABLE.types[0]
    ratio = bandwidth_hz(servo) * 2 * math.pi / math.sqrt(servo.stiffness / servo.rotor_inertia)
    loop = 1 / math.hypot(1 - ratio**2, 2 * servo.damping_ratio * ratio)
    averages = np.sinc(bandwidth_hz(servo) * averaging_window_s(servo)) ** 3
    assert loop == pytest.approx(math.sqrt(0.5))
    assert averages == pytest.approx(math.sqrt(0.5))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("supply_current: 10.0", "supply_current: -1", "supply_current: -1: "),
        ("supply_current: 10.0", "", "supply_current: Field required"),
        ("torque_share: 0.5", "torque_share: 2", "torque_share: 2: "),
        ("skin_strain: 3.0", "skin_strain: .nan", "skin_strain: nan: "),
        ("skin_strain: 3.0", "skin_strain: 3.0\nsmell: 1", "smell: 1: "),
        ("supply_current: 10.0", "supply_current: [", "not valid YAML"),
    ],
)
def test_wrong_limits_are_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "limits.yaml"
    path.write_text(LIMITS_PATH.read_text().replace(old, new))
    with pytest.raises(LimitsError, match=message) as caught:
        load_limits(path)
    assert str(path) in str(caught.value)


def test_limits_that_are_no_table_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "limits.yaml").write_text("10")
    with pytest.raises(LimitsError, match="holds no limits"):
        load_limits(tmp_path / "limits.yaml")
    with pytest.raises(LimitsError, match="cannot be read"):
        load_limits(tmp_path / "missing.yaml")


# -- motion


@pytest.mark.parametrize("rate_hz", [30.0, 100.0, 1000.0])
def test_derivatives_of_a_polynomial(rate_hz: float) -> None:
    times_s = np.arange(int(rate_hz) + 1) / rate_hz
    kinds = derivatives(times_s, 0.032)
    for kind, power, size in (
        (kinds.speed, 1, 1.0),
        (kinds.acceleration, 2, 2.0),
        (kinds.jerk, 3, 6.0),
    ):
        inside = (kind.times_s > 0.1) & (kind.times_s < 0.9)
        found = (kind.matrix @ times_s**power)[inside]
        # rows far apart cut the corners of a curve: the mean is right, single moments are not
        assert found.mean() == pytest.approx(size, rel=0.03)
        if rate_hz == 1000.0:
            np.testing.assert_allclose(found, size, rtol=0.05)


def test_the_rate_of_the_rows_hardly_matters() -> None:
    peaks = []
    for rate_hz in (30.0, 50.0, 100.0, 500.0):
        times_s = np.arange(int(2 * rate_hz) + 1) / rate_hz
        kinds = derivatives(times_s, 0.032)
        wave = 0.5 + 0.3 * np.sin(2 * np.pi * 2.0 * times_s)
        inside = [(k.times_s > 0.2) & (k.times_s < 1.8) for k in (kinds.speed, kinds.acceleration)]
        peaks.append(
            [
                np.abs(kinds.speed.matrix @ wave)[inside[0]].max(),
                np.abs(kinds.acceleration.matrix @ wave)[inside[1]].max(),
            ]
        )
    np.testing.assert_allclose(peaks, np.tile(peaks[-1], (4, 1)), rtol=0.1)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(1, 200))
def test_averaging_never_adds_speed(rows: list[float], rate_hz: float) -> None:
    times_s = np.arange(len(rows)) / rate_hz
    kinds = derivatives(times_s, 0.032)
    fastest = np.abs(np.diff(rows) * rate_hz).max(initial=0.0)
    assert np.abs(kinds.speed.matrix @ np.array(rows)).max() <= fastest + 1e-9
    ends = (kinds.speed.matrix @ np.array(rows))[[0, -1]]
    np.testing.assert_allclose(ends, 0.0, atol=1e-9)  # it starts and ends at rest


@pytest.mark.parametrize("dof", [JAW, LEFT])
@pytest.mark.parametrize(("share", "verdict"), [(0.9, "pass"), (1.1, "fail")])
def test_a_servo_told_to_turn_too_fast(dof: int, share: float, verdict: str) -> None:
    travel = math.radians(TABLE.servos[dof].travel_deg)
    speed = share * MOTION.speed[dof] / travel
    times_s = np.array([0.0, 1.0, 1.0 + 0.8 / speed, 3.0])
    found, *_ = check_motion(moved(dof, times_s, np.array([0.1, 0.1, 0.9, 0.9])), TABLE, MOTION)
    assert found.verdict == verdict
    assert found.dof == DOF_NAMES[dof]
    assert found.value == pytest.approx(share * MOTION.speed[dof], rel=1e-3)
    assert found.time_s is not None
    assert times_s[1] < found.time_s < times_s[2]


def test_a_step_breaks_speed_acceleration_and_jerk() -> None:
    steps = moved(JAW, np.array([0.0, 0.5, 0.501, 1.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    for check in check_motion(steps, TABLE, MOTION):
        assert (check.verdict, check.dof) == ("fail", "jaw_open")
        assert check.time_s == pytest.approx(0.5, abs=0.06)


def test_speech_like_rows_are_judged_as_a_servo_follows_them() -> None:
    """Rows at 30 Hz that glide between poses pass, though their finite differences are huge."""
    times_s = np.arange(60) / 30
    glide = 0.2 + 0.15 * np.sin(2 * np.pi * 3.0 * times_s)
    for check in check_motion(moved(JAW, times_s, glide), TABLE, MOTION):
        assert check.verdict == "pass"


# -- what the playback says


def test_range_tells_the_nearest_end() -> None:
    trajectory = moved(JAW, np.array([0.0, 1.0, 2.0]), np.array([0.3, 0.95, 0.3]))
    found = check_range(trajectory)
    assert (found.verdict, found.dof, found.time_s) == ("pass", "jaw_open", 1.0)
    assert found.value == pytest.approx(90.0)


def test_torque_is_judged_over_half_a_second() -> None:
    torques = np.zeros((400, N_DOF))
    torques[200:210, LEFT] = 2.0  # a short effort at stall torque
    assert check_torque(replace(still(), torques=torques), TABLE, LIMITS).verdict == "pass"
    torques[150:250, LEFT] = -1.1  # a long one at just above half of it
    found = check_torque(replace(still(), torques=torques), TABLE, LIMITS)
    assert (found.verdict, found.dof) == ("fail", "corner_left_stretch")
    assert found.time_s == pytest.approx(2.0, abs=0.5)


def test_temperature_of_constant_heat_is_that_of_standing_heat() -> None:
    tau_s = TABLE.types[0].thermal_time_constant
    standing = 30.0
    rises = np.zeros((400, N_DOF))
    rises[:, JAW] = standing * (1 - np.exp(-(np.arange(400) / 100.0) / tau_s))
    found = check_temperature(held(120), replace(still(), temperature_rises=rises), TABLE)
    hot = standing / (1 - COPPER_TEMPERATURE_COEFFICIENT * standing)
    assert found.dof == "jaw_open"
    assert found.value == pytest.approx(TABLE.ambient_temperature_degc + hot, abs=0.2)
    assert found.verdict == "pass"
    rises *= 3
    found = check_temperature(held(120), replace(still(), temperature_rises=rises), TABLE)
    assert found.verdict == "fail"
    assert "too hot after" in found.note


def test_temperature_of_many_plays_is_foretold_from_one() -> None:
    """With windings that warm within seconds, the twin can be played until they are warm."""
    quick = {
        name: servo.model_copy(update={"thermal_time_constant": 1.0})
        for name, servo in TABLE.servo_types.items()
    }
    table: ServoTable = TABLE.model_copy(update={"servo_types": quick})
    twin = FaceTwin(servos=table)
    rate_hz, n_plays = 50.0, 5
    times_s = np.arange(50) / rate_hz
    once = 0.5 - 0.4 * np.cos(2 * np.pi * 2 * np.arange(40) / 40)
    column = np.concatenate([once, np.full(10, once[0])])
    once_played = moved(JAW, times_s, column)
    found = check_temperature(once_played, play(once_played, twin), table)
    again = np.tile(column, n_plays)
    long = play(moved(JAW, np.arange(len(again)) / rate_hz, again), twin)
    # the play after the last is a pause; the one before it is warm by 1 - exp(-4)
    warmest = long.temperature_rises[-120:-20, JAW].max()
    assert warmest > 10.0
    assert found.dof == "jaw_open"
    foretold = found.shares[JAW] * (table.max_temperatures_degc[JAW] - 25.0)  # type: ignore[index]
    assert foretold == pytest.approx(warmest, rel=0.12)
    assert foretold > 0.97 * warmest


def test_current_is_that_of_all_servos_together() -> None:
    currents = np.zeros((400, N_DOF))
    currents[300:310] = np.where(np.arange(N_DOF) % 2, -1.05, 1.05)
    found = check_current(replace(still(), currents=currents), LIMITS)
    assert found.verdict == "fail"
    assert found.value == pytest.approx(10.5)
    assert found.time_s == pytest.approx(3.05, abs=0.06)
    short = np.zeros((400, N_DOF))
    short[300] = 3.0  # 30 A for 10 ms: the capacitors carry it
    assert check_current(replace(still(), currents=short), LIMITS).verdict == "pass"


def test_tracking_takes_the_usual_delay_off() -> None:
    times_s = np.arange(0.0, 4.01, 0.01)
    wave = 0.5 + 0.3 * np.sin(2 * np.pi * times_s)
    playback = still()
    positions = playback.positions.copy()
    late_s = playback.times_s - MOTION.delay_s[JAW]
    positions[:, JAW] = np.interp(late_s, times_s, wave)
    trajectory = moved(JAW, times_s, wave)
    found = check_tracking(trajectory, replace(playback, positions=positions), MOTION, LIMITS)
    assert found.value == pytest.approx(0.0, abs=1e-6)
    positions[100, JAW] += 0.3
    found = check_tracking(trajectory, replace(playback, positions=positions), MOTION, LIMITS)
    assert (found.verdict, found.dof) == ("fail", "jaw_open")
    assert found.time_s == pytest.approx(playback.times_s[100])


def test_strain_and_overlap() -> None:
    looks = len(still().look_times_s)
    strain = np.where(np.arange(looks) == 50, 3.1, 0.2)
    found = check_strain(replace(still(), strain=strain), LIMITS)
    assert (found.verdict, found.note) == ("fail", "")
    assert found.value == pytest.approx(310.0)
    assert found.time_s == still().look_times_s[50]
    assert "estimate" in check_strain(replace(still(), overlap_mm=None), LIMITS).note
    assert check_overlap(replace(still(), overlap_mm=None), LIMITS).verdict == "not checked"
    pressed = replace(still(), overlap_mm=0.15 * strain)
    assert check_overlap(pressed, LIMITS).verdict == "fail"


@pytest.mark.parametrize(
    ("lag_ms", "verdict"),
    [(0.0, "pass"), (89.0, "pass"), (91.0, "fail"), (-184.0, "pass"), (-186.0, "fail")],
)
def test_lag(lag_ms: float, verdict: str) -> None:
    assert check_lag(lag_ms, (-185.0, 90.0)).verdict == verdict
    assert check_lag(None, (-185.0, 90.0)).verdict == "not checked"


# -- the whole


def test_rest_passes_and_touches_every_check(twin: FaceTwin) -> None:
    report = validate(held(), twin)
    assert report.passed
    assert [check.name for check in report.checks] == [
        "range",
        "speed",
        "acceleration",
        "jerk",
        "torque",
        "temperature",
        "current",
        "tracking",
        "skin strain",
        "lip overlap",
    ]
    assert report.playback.closed.all()


def test_violence_fails_and_calm_passes(twin: FaceTwin) -> None:
    rng = np.random.default_rng(3)
    violent = Trajectory(np.arange(30) / 30, rng.uniform(size=(30, N_DOF)))
    failing = {check.name for check in validate(violent, twin).failures}
    assert {"speed", "acceleration", "jerk", "current", "tracking"} <= failing
    poses = np.array([POSES[name] for name in ("rest", "oh", "mm", "ee")])
    assert validate(Trajectory(np.array([0.0, 0.5, 1.0, 1.5]), poses), twin).passed


def test_one_row_is_a_trajectory_too(twin: FaceTwin) -> None:
    assert validate(Trajectory(np.array([0.0]), TABLE.rest_commands[None]), twin).passed


def test_the_same_trajectory_has_the_same_verdicts(twin: FaceTwin) -> None:
    poses = np.array([POSES[name] for name in ("rest", "aa", "mm")])
    trajectory = Trajectory(np.array([0.0, 0.2, 0.4]), poses)
    first, second = (validate(trajectory, twin).to_json() for _ in range(2))
    assert first == second


def test_a_trajectory_may_start_late(twin: FaceTwin) -> None:
    poses = np.array([POSES[name] for name in ("rest", "aa")])
    early = validate(Trajectory(np.array([0.0, 0.4]), poses), twin)
    late = validate(Trajectory(np.array([7.0, 7.4]), poses), twin)
    for one, other in zip(early.checks, late.checks, strict=True):
        assert other.value == pytest.approx(one.value)
        if one.time_s is not None and one.name != "range":
            assert other.time_s == pytest.approx(one.time_s + 7.0, abs=0.1)


def test_reports_become_json_and_take_more_checks() -> None:
    report = Report((check_range(held()), Check("lip overlap", "not checked")), still())
    assert report.passed
    content = json.loads(json.dumps(report.to_json()))
    assert content["passed"] is True
    assert content["checks"][0]["share_of_limit"]["jaw_open"] == pytest.approx(1.0)
    late = report.with_check(check_lag(300.0, (-185.0, 90.0)))
    assert not late.passed
    assert late.check("audio-lip lag").limit == 90.0
    in_time = late.with_check(check_lag(10.0, (-185.0, 90.0)))
    assert in_time.passed
    assert len(in_time.checks) == 3
    with pytest.raises(KeyError):
        report.check("taste")


def test_the_shell_is_asked_for_strain_and_overlap() -> None:
    poses = np.array([POSES["rest"], POSES["mm"]])
    report = validate(Trajectory(np.array([0.0, 0.2]), poses), FaceTwin("shell"))
    assert report.check("lip overlap").verdict == "pass"
    assert report.check("skin strain").note == ""
    assert report.passed
