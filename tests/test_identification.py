"""Identification: planted servo parameters come back, and bad logs are refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from liptwin.main import main
from sim.dof import DOF_NAMES, N_DOF
from sim.servo_table import ServoTable, load_servo_table
from sim2real.buses.bus import BusProfile
from sim2real.buses.registry import profile_of
from sim2real.calibration import Calibration, nominal_calibration
from sim2real.identification import (
    DeploymentLog,
    IdentificationError,
    Readings,
    excitation,
    gap_of,
    read_log,
    with_values,
    write_servo_table,
)
from sim2real.identification.setpoints import Setpoints, controls, setpoints_of
from sim2real.identification.simulation import Simulation
from sim2real.trajectory import Trajectory, resample, write_trajectory
from sim2real.validation import load_limits, validate
from sim2real.virtual_bus.bodies import ServoBodies
from sim2real.virtual_bus.scale import shaft_of_ticks, ticks_of_shaft

TABLE = load_servo_table()
PROFILE = profile_of("dynamixel")
CALIBRATION = nominal_calibration(TABLE, PROFILE)
MOVED = (1, 4)
"""Servos that move in the quick log; the others stand still."""
PLANTED = {
    1: {
        "no_load_speed": 4.4,
        "stiffness": 13.5,
        "latency": 0.032,
        "no_load_current": 0.16,
        "backlash_deg": 0.9,
    },
    4: {
        "no_load_speed": 4.9,
        "stiffness": 20.0,
        "latency": 0.014,
        "no_load_current": 0.07,
        "backlash_deg": 0.7,
    },
}


def deploy_simulated(
    table: ServoTable, sent: Trajectory, profile: BusProfile, calibration: Calibration, seed: int
) -> DeploymentLog:
    """A deployment on the bodies of the virtual bus, in simulated time: whole counts both ways,
    late frames, and encoders that waver by half a count."""
    rng = np.random.default_rng(seed)
    period_s = float(np.median(np.diff(sent.times_s)))
    unit = profile.position
    bodies = ServoBodies(table)
    shafts = table.shaft_from_command(
        calibration.commands_from_ticks(calibration.ticks_from_commands(sent.commands))
    )
    for dof in range(N_DOF):
        bodies.move(dof, float(shafts[0, dof]))
    bodies.advance(0.7)
    start_s = bodies.time_s
    woke_s = np.arange(len(shafts)) * period_s + rng.exponential(0.0003, len(shafts))
    woke_s -= woke_s[0]
    answers: list[list[float]] = []
    for woke, row in zip(woke_s, shafts, strict=True):
        bodies.advance(start_s + woke + 0.001)
        for dof in range(N_DOF):
            counted = shaft_of_ticks(unit, ticks_of_shaft(unit, float(row[dof])))
            bodies.move(dof, counted)
        bodies.advance(start_s + woke + 0.002)
        ticks = [ticks_of_shaft(unit, shaft) for shaft in bodies.shaft_angles()]
        noisy = np.array(ticks) + np.rint(rng.normal(0.0, 0.5, N_DOF))
        answers.append(calibration.commands_from_ticks(noisy).tolist())
    columns = np.array(answers).T
    return DeploymentLog(
        Trajectory(woke_s, sent.commands),
        tuple(Readings(woke_s + 0.002, column) for column in columns),
    )


@dataclass(frozen=True)
class Case:
    """A log and what is behind it."""

    log: DeploymentLog
    planted: ServoTable


@pytest.fixture(scope="module")
def case() -> Case:
    """Two servos with planted parameters, moved for a while."""
    lively = excitation(TABLE, 14.0)
    commands = np.tile(np.clip(TABLE.rest_commands, 0.2, 0.8), (len(lively.times_s), 1))
    commands[:, MOVED] = lively.commands[:, MOVED]
    planted = with_values(TABLE, PLANTED)
    sent = Trajectory(lively.times_s, commands)
    return Case(deploy_simulated(planted, sent, PROFILE, CALIBRATION, 0), planted)


def save(log: DeploymentLog, folder: Path) -> tuple[Path, Path]:
    """A log as `liptwin deploy --log` writes it."""
    commanded, readings = folder / "run.commanded.csv", folder / "run.readings.csv"
    write_trajectory(commanded, log.commanded)
    rows = sorted(
        (float(t), DOF_NAMES[dof], float(c))
        for dof, found in enumerate(log.readings)
        for t, c in zip(found.times_s, found.commands, strict=True)
    )
    lines = [f"{t:.6f},{name},{command:.6f}" for t, name, command in rows]
    readings.write_text("\n".join(["time_s,dof,command", *lines]) + "\n")
    return commanded, readings


# -- the fit


def test_planted_parameters_come_back(tmp_path: Path, case: Case) -> None:
    """The whole command: from the files of a deployment to a servo table, a report, a picture."""
    pytest.importorskip("mujoco.sysid.report.builder", reason="needs the extra `sysid`")
    commanded, readings = save(case.log, tmp_path)
    names = ("servos.yaml", "report.html", "fit.png")
    table, report, plot = (tmp_path / name for name in names)
    arguments = [str(commanded), str(readings), "--bus", "dynamixel", "-o", str(table)]
    with pytest.raises(SystemExit) as leaving:
        main(["identify", *arguments, "--report", str(report), "--plot", str(plot)])
    assert leaving.value.code == 0
    found = load_servo_table(table)
    for dof, planted in PLANTED.items():
        assert found.servos[dof].servo == f"identified_{DOF_NAMES[dof]}"
        assert "run.readings.csv" in found.types[dof].source
        for column, truth in planted.items():
            value = getattr(found.types[dof], column)
            if column == "latency":
                assert abs(value - truth) < 0.01  # a control period
            else:
                # half the log that friction and backlash need for 5 %
                share = 0.1 if column in ("no_load_current", "backlash_deg") else 0.05
                assert value == pytest.approx(truth, rel=share), (dof, column)
    for dof in set(range(N_DOF)) - set(MOVED):
        assert found.types[dof] == TABLE.types[dof]
    text = table.read_text()
    assert "jaw_open: unchanged, it was not told to move" in text
    assert "±" in text
    assert "jaw_forward.stiffness" in report.read_text()
    assert plot.read_bytes().startswith(b"\x89PNG")
    before, after = (gap_of(case.log, t, CALIBRATION).figures for t in (TABLE, found))
    for dof in MOVED:
        old, new = before[dof], after[dof]
        assert old is not None and new is not None
        assert new.rms_deg < 0.2 * old.rms_deg
        assert new.lag_ms == pytest.approx(0.0, abs=1.5)


# -- the parts


def test_readings_asked_in_turn_are_taken_one_after_the_other(tmp_path: Path) -> None:
    log = quiet_log(10.0)
    commanded, readings = save(log, tmp_path)
    names = DOF_NAMES
    rows = ["time_s,dof,command"]
    for k in range(500):
        for place in range(3):
            rows.append(f"{0.02 * (k + 1):.6f},{names[(3 * k + place) % N_DOF]},0.5")
    readings.write_text("\n".join(rows) + "\n")
    found = read_log(commanded, readings).readings
    # the first of three was asked two answers before the last
    assert found[2].times_s[0] - found[0].times_s[0] == pytest.approx(2 * 0.0017)
    assert found[2].times_s[0] == pytest.approx(0.02)


def test_setpoints_move_evenly_where_the_bus_does() -> None:
    times_s = np.arange(0.0, 1.0, 0.02)
    commands = np.full((len(times_s), N_DOF), 0.5)
    commands[25:, 0] = 0.7
    sent = Trajectory(times_s, commands)
    at_once = setpoints_of(sent, CALIBRATION)
    assert at_once.times_s is sent.times_s
    assert np.abs(at_once.commands - commands).max() < 0.002  # whole counts
    even = setpoints_of(sent, nominal_calibration(TABLE, profile_of("lx16a")))
    moving = (even.times_s > 0.502) & (even.times_s < 0.514)
    assert ((even.commands[moving, 0] > 0.51) & (even.commands[moving, 0] < 0.69)).all()
    arrived = even.commands[even.times_s > 0.52, 0]
    assert np.abs(arrived - 0.7).max() < 0.004


def test_even_moves_are_even_though_frames_come_a_little_late() -> None:
    """On a grid of their own, setpoints would stand at the beginning of every move."""
    times_s = 0.02 * np.arange(40) + np.random.default_rng(0).uniform(0.0, 0.0003, 40)
    to_and_fro = np.interp(np.arange(40) % 8, (0, 4, 8), (0.3, 0.7, 0.3))
    commands = np.tile(to_and_fro[:, None], N_DOF)
    calibration = nominal_calibration(TABLE, profile_of("lx16a"))
    found = setpoints_of(Trajectory(times_s - times_s[0], commands), calibration)
    middles_s = (found.times_s[:-1] + found.times_s[1:]) / 2
    way = np.interp(middles_s, times_s - times_s[0] + 0.02, commands[:, 0])
    on_the_way = (middles_s > 0.05) & (middles_s < 0.75)
    count = 1.0 / (calibration.servos[0].ticks_at_1 - calibration.servos[0].ticks_at_0)
    away = np.abs(found.commands[:-1, 0] - way)[on_the_way]
    assert away.max() < 0.005 + abs(count)  # a millisecond of the way, and rounding to counts


@given(st.floats(0.01, 0.05))
@settings(deadline=None)
def test_even_moves_never_overshoot(period_s: float) -> None:
    times_s = np.arange(12, dtype=np.float64) * period_s
    commands = np.tile(np.linspace(0.3, 0.7, 12)[:, None], N_DOF)
    calibration = nominal_calibration(TABLE, profile_of("lx16a"))
    found = setpoints_of(Trajectory(times_s, commands), calibration)
    assert (np.diff(found.commands[:, 0]) >= -1e-12).all()


def test_even_move_begins_when_a_late_frame_comes() -> None:
    commands = np.full((3, N_DOF), 0.5)
    commands[2] = 0.7
    calibration = nominal_calibration(TABLE, profile_of("lx16a"))
    found = setpoints_of(Trajectory(np.array([0.0, 0.02, 0.08]), commands), calibration)
    period_s = 0.04  # median
    before = found.times_s < 0.08 - 1e-9
    assert np.abs(found.commands[before] - 0.5).max() < 0.004
    half = np.interp(0.08 + period_s / 2, found.times_s, found.commands[:, 0])
    assert half == pytest.approx(0.6, abs=0.015)


def test_delay_between_steps_counts_in_full() -> None:
    commands = np.full((2, N_DOF), 0.5)
    commands[1, 0] = 0.6
    setpoints = Setpoints(np.array([0.0, 0.1]), commands)
    ends = []
    for latency_s in (0.0200, 0.0205, 0.0210):
        types = {"lx224": TABLE.servo_types["lx224"].model_copy(update={"latency": latency_s})}
        table = TABLE.model_copy(update={"servo_types": types})
        ends.append(controls(setpoints, table, 200, 0.002, 0.0)[:, 0].sum())
    assert ends[0] > ends[1] > ends[2]
    assert ends[0] - ends[1] == pytest.approx(ends[1] - ends[2], rel=1e-6)


def test_replay_is_what_the_twin_does() -> None:
    """The replay, with delay and play on the control, moves as `FaceTwin` with both inside."""
    from sim import FaceTwin

    lively = excitation(TABLE, 10.0)
    rows = lively.times_s < 2.0
    setpoints = Setpoints(lively.times_s[rows], lively.commands[rows])
    replay = Simulation(TABLE, setpoints, 2.0)
    shafts = replay.run(TABLE)
    twin = FaceTwin()
    twin.step(lively.commands[0], 0.5)
    seen = []
    for command in lively.commands[rows]:
        twin.step(command, 0.01)
        seen.append(TABLE.shaft_from_joint(twin.joint_positions()))
    times_s = setpoints.times_s + 0.01
    replayed = np.column_stack([np.interp(times_s, replay.times_s, s) for s in shafts.T])
    assert np.degrees(np.abs(replayed - np.array(seen))[times_s > 1.0]).max() < 0.3
    assert np.degrees(np.ptp(np.array(seen), axis=0)).min() > 5.0


def test_excitation_passes_validation() -> None:
    from sim import FaceTwin

    report = validate(excitation(TABLE, 10.0), FaceTwin(), load_limits())
    assert report.passed, report.failures


def test_excitation_uses_the_range_and_begins_and_ends_at_rest() -> None:
    found = excitation(TABLE, 30.0, seed=3)
    for end in (0, -1):
        np.testing.assert_allclose(found.commands[end], TABLE.rest_commands, atol=1e-3)
    assert np.ptp(found.commands, axis=0).min() > 0.5
    assert (excitation(TABLE, 30.0, seed=4).commands != found.commands).any()
    with pytest.raises(ValueError, match="sensible length"):
        excitation(TABLE, 5.0)


def test_written_tables_are_read_back(tmp_path: Path) -> None:
    table = with_values(TABLE, PLANTED, dict.fromkeys(PLANTED, "somewhere: else, µ"))
    write_servo_table(tmp_path / "servos.yaml", table, ["a remark", "# another: one"])
    assert load_servo_table(tmp_path / "servos.yaml") == table


# -- bad logs


def quiet_log(duration_s: float) -> DeploymentLog:
    """Servos that do what they are told."""
    sent = resample(excitation(TABLE, max(duration_s, 10.0)), 50.0)
    rows = sent.times_s <= duration_s
    sent = Trajectory(sent.times_s[rows], sent.commands[rows])
    readings = tuple(
        Readings(sent.times_s, np.interp(sent.times_s - 0.05, sent.times_s, column))
        for column in sent.commands.T
    )
    return DeploymentLog(sent, readings)


def refuse(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a command says that ends with status 2."""
    with pytest.raises(SystemExit) as leaving:
        main(arguments)
    assert leaving.value.code == 2
    return capsys.readouterr().err


def test_short_log_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(path) for path in save(quiet_log(3.0), tmp_path)]
    error = refuse(["identify", *files, "-o", str(tmp_path / "out.yaml")], capsys)
    assert "lasts 3.0 s" in error
    assert "liptwin excite" in error
    assert not (tmp_path / "out.yaml").exists()


def test_log_of_another_deployment_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = quiet_log(10.0)
    other = excitation(TABLE, 10.0, seed=9)
    files = [str(path) for path in save(replace(log, commanded=other), tmp_path)]
    error = refuse(["gap", *files], capsys)
    assert "two files of one deployment" in error
    files = [str(path) for path in save(replace(log, commanded=excitation(TABLE, 30.0)), tmp_path)]
    assert "spans" in refuse(["gap", *files], capsys)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("1.0,jaw_open,nan", "line 2, command: 'nan' is not a finite number"),
        ("x,jaw_open,0.5", "line 2, time_s: 'x' is not a finite number"),
        ("1.0,nose,0.5", "line 2, dof: 'nose' is no degree of freedom"),
        ("1.0,jaw_open", "line 2: has 2 values, expected 3"),
        ("9.0,jaw_open,0.5\n1.0,jaw_open,0.5", "the times of jaw_open go back"),
    ],
)
def test_bad_readings_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: str, complaint: str
) -> None:
    commanded, readings = save(quiet_log(10.0), tmp_path)
    readings.write_text(f"time_s,dof,command\n{row}\n")
    error = refuse(["gap", str(commanded), str(readings)], capsys)
    assert complaint in error
    assert "run.readings.csv" in error


def test_nothing_measured_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commanded, readings = save(quiet_log(10.0), tmp_path)
    readings.write_text("time_s,dof,command\n")
    assert "no servo answered" in refuse(["gap", str(commanded), str(readings)], capsys)
    # commands in place of measurements: what `measured` holds for servos that never answered
    assert "no servo answered" in refuse(["gap", str(commanded), str(commanded)], capsys)


def test_servos_that_stand_still_cannot_be_identified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("mujoco.sysid.report.builder", reason="needs the extra `sysid`")
    log = quiet_log(10.0)
    still = tuple(Readings(r.times_s, np.full(len(r.times_s), 0.5)) for r in log.readings)
    files = [str(path) for path in save(replace(log, readings=still), tmp_path)]
    error = refuse(["identify", *files, "-o", str(tmp_path / "out.yaml")], capsys)
    assert "no servo can be identified" in error
    assert "jaw_open: it did not move" in error


def test_unknown_bus_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(path) for path in save(quiet_log(10.0), tmp_path)]
    assert "--bus" in refuse(["gap", *files, "--bus", "smoke"], capsys)


def test_excite_writes_a_trajectory(tmp_path: Path) -> None:
    path = tmp_path / "excite.csv"
    with pytest.raises(SystemExit) as leaving:
        main(["excite", "-o", str(path), "--seconds", "12"])
    assert leaving.value.code == 0
    assert yaml.safe_load(path.read_text().splitlines()[2][2:])["source"] == (
        "liptwin excite --seed 0"
    )


def test_errors_are_of_one_kind(tmp_path: Path) -> None:
    with pytest.raises(IdentificationError, match="cannot be read"):
        read_log(tmp_path / "none.csv", tmp_path / "none.csv")
