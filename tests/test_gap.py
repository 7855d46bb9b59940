"""`liptwin gap`: what lies between hardware and twin, before and after identification."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from liptwin.main import main
from sim.servo_table import ServoTable, load_servo_table
from sim2real.buses.registry import profile_of
from sim2real.calibration import nominal_calibration
from sim2real.identification import (
    DeploymentLog,
    Readings,
    excitation,
    gap_of,
    with_values,
    write_servo_table,
)
from sim2real.identification.setpoints import setpoints_of
from sim2real.identification.simulation import Simulation
from sim2real.trajectory import write_trajectory

TABLE = load_servo_table()
CALIBRATION = nominal_calibration(TABLE, profile_of("feetech"))


def log_of(table: ServoTable, offset: float = 0.0) -> DeploymentLog:
    """A log as servos of a table would leave it, all of them `offset` commands away."""
    sent = excitation(TABLE, 10.0)
    simulation = Simulation(table, setpoints_of(sent, CALIBRATION), 10.0)
    commands = table.command_from_shaft(simulation.run(table)) + offset
    times_s = np.arange(0.005, 10.0, 0.01)
    return DeploymentLog(
        sent,
        tuple(
            Readings(times_s, np.interp(times_s, simulation.times_s, column))
            for column in commands.T
        ),
    )


def slower() -> ServoTable:
    """Servos of which one, the second, is later by 30 ms."""
    return with_values(TABLE, {1: {"latency": TABLE.types[1].latency + 0.030}})


def test_the_twin_itself_has_no_gap() -> None:
    for figures in gap_of(log_of(TABLE), TABLE, CALIBRATION).figures:
        assert figures is not None
        assert figures.worst < 1e-6
        assert figures.lag_ms == pytest.approx(0.0, abs=1e-6)


def test_lag_and_offset_are_found() -> None:
    found = gap_of(log_of(slower(), offset=0.02), TABLE, CALIBRATION).figures
    assert found[1] is not None and found[1].lag_ms == pytest.approx(30.0, abs=2.0)
    assert found[0] is not None and found[0].lag_ms == pytest.approx(0.0, abs=2.0)
    assert found[0].rms == pytest.approx(0.02, rel=0.02)
    assert found[0].rms_deg == pytest.approx(0.02 * 60.0, rel=0.02)
    assert found[0].rms <= found[0].p95 <= found[0].worst
    assert found[1].worst > 3 * found[0].worst


def test_command_compares_before_and_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = log_of(slower())
    commanded, measured = tmp_path / "commanded.csv", tmp_path / "readings.csv"
    write_trajectory(commanded, log.commanded)
    from sim.dof import DOF_NAMES

    lines = [
        f"{t:.6f},{name},{readings.commands[k]:.6f}"
        for k, t in enumerate(log.readings[0].times_s)
        for name, readings in zip(DOF_NAMES, log.readings, strict=True)
    ]
    measured.write_text("\n".join(["time_s,dof,command", *lines]) + "\n")
    after = tmp_path / "after.yaml"
    write_servo_table(after, slower(), [])
    files = [str(commanded), str(measured), "--bus", "feetech", "--identified", str(after)]
    outputs = ["--json", str(tmp_path / "gap.json"), "--plot", str(tmp_path / "gap.png")]
    with pytest.raises(SystemExit) as leaving:
        main(["gap", *files, *outputs])
    assert leaving.value.code == 0
    figures = json.loads((tmp_path / "gap.json").read_text())
    assert figures["twin"]["jaw_forward"]["lag_ms"] == pytest.approx(30.0, abs=2.0)
    assert figures["identified"]["jaw_forward"]["rms_deg"] < 0.05
    assert figures["twin"]["jaw_forward"]["rms_deg"] > 1.0
    assert (tmp_path / "gap.png").read_bytes().startswith(b"\x89PNG")
    assert "jaw_forward" in capsys.readouterr().out


def test_measured_file_will_do(tmp_path: Path) -> None:
    log = log_of(TABLE)
    from sim2real.trajectory import Trajectory

    commanded, measured = tmp_path / "commanded.csv", tmp_path / "measured.csv"
    write_trajectory(commanded, log.commanded)
    columns = np.column_stack([readings.commands for readings in log.readings])
    write_trajectory(measured, Trajectory(log.readings[0].times_s, np.clip(columns, 0.0, 1.0)))
    with pytest.raises(SystemExit) as leaving:
        main(["gap", str(commanded), str(measured), "--bus", "feetech"])
    assert leaving.value.code == 0
