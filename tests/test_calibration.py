"""Calibrations: files, what contradicts the servo table, and the walk that finds them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from liptwin import gl
from liptwin.commands.calibrate import calibrate
from liptwin.errors import CommandError
from sim.dof import DOF_NAMES, N_DOF
from sim.servo_table import load_servo_table
from sim2real.buses.bus import ServoBus
from sim2real.buses.registry import BUSES, open_bus, profile_of
from sim2real.calibration import (
    CalibrationError,
    load_calibration,
    nominal_calibration,
    save_calibration,
)
from sim2real.calibration.walk import (
    Marks,
    ServoWalk,
    Walk,
    WalkAbandoned,
    parse_script,
    scripted,
)
from sim2real.virtual_bus import VirtualBus

TABLE = load_servo_table()
LX16A = profile_of("lx16a")
PATIENCE_S = 0.1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of the nominal calibration."""
    path = tmp_path / "face.yaml"
    save_calibration(path, nominal_calibration(TABLE, LX16A))
    return path


@pytest.mark.parametrize("protocol", BUSES)
def test_a_calibration_comes_back_from_its_file(tmp_path: Path, protocol: str) -> None:
    profile = profile_of(protocol)
    nominal = nominal_calibration(TABLE, profile)
    save_calibration(tmp_path / "a.yaml", nominal)
    assert load_calibration(tmp_path / "a.yaml", TABLE, profile) == nominal
    assert [file.name for file in tmp_path.iterdir()] == ["a.yaml"]


@settings(deadline=None)
@given(commands=st.lists(st.floats(0, 1), min_size=N_DOF, max_size=N_DOF))
def test_commands_survive_ticks_to_within_the_resolution(commands: list[float]) -> None:
    nominal = nominal_calibration(TABLE, LX16A)
    back = nominal.commands_from_ticks(nominal.ticks_from_commands(commands))
    travel = np.array([abs(row.ticks_at_1 - row.ticks_at_0) for row in nominal.servos])
    assert np.all(np.abs(back - commands) * travel <= 1.0)


def change(row: int, **columns: Any) -> Callable[[dict[str, Any]], None]:
    def apply(content: dict[str, Any]) -> None:
        content["servos"][row].update(columns)

    return apply


CONTRADICTIONS: dict[str, Callable[[dict[str, Any]], None]] = {
    "column 'protocol': 'feetech': the bus is 'lx16a'": lambda c: c.update(protocol="feetech"),
    r"row 3 \(upper_lip_raise\), column 'bus_id': 33: the servo table says 3": change(2, bus_id=33),
    r"row 1 \(jaw_open\), columns .* 750 and 500: the servo turns against 'direction' \+1": change(
        0, ticks_at_0=750, ticks_at_1=500
    ),
    r"row 1 \(jaw_open\), columns .* 500 and 900: are 96.0 degrees apart, 'travel_deg' .* 60": (
        change(0, ticks_at_1=900)
    ),
    r"row 6 \(lower_lip_curl\), column 'limits': \[-20, 1100\]: the protocol has 0 to 1000": change(
        5, limits=[-20, 1100]
    ),
    r"row 1 \(jaw_open\), column 'rest': 480: lies outside the limits \[500, 750\]": change(
        0, rest=480
    ),
    r"row 2 \(jaw_forward\), column 'rest': 520: the ends put the rest at 500": change(1, rest=520),
    r"row 4 \(upper_lip_curl\), column 'limits': .*inverted|row 4.*limits 700 to 300": change(
        3, limits=[700, 300]
    ),
    r"row 5 \(lower_lip_depress\), column 'ticks_at_0': 'many'": change(4, ticks_at_0="many"),
    r"row 5 \(lower_lip_depress\), column 'colour': 'red'": change(4, colour="red"),
    "needs one row each": lambda c: c["servos"].pop(),
    "bus ids are used twice": change(1, bus_id=1),
}


@pytest.mark.parametrize("message", CONTRADICTIONS)
def test_a_file_that_contradicts_the_servo_table_is_refused(path: Path, message: str) -> None:
    content = yaml.safe_load(path.read_text())
    CONTRADICTIONS[message](content)
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(CalibrationError, match=message) as refusal:
        load_calibration(path, TABLE, LX16A)
    assert all(line.startswith(str(path)) for line in str(refusal.value).splitlines())


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "holds no calibration"), ("{a", "not valid YAML"), ("- 1", "holds no calibration")],
)
def test_other_files_are_refused(path: Path, text: str, message: str) -> None:
    path.write_text(text)
    with pytest.raises(CalibrationError, match=message):
        load_calibration(path, TABLE, LX16A)
    with pytest.raises(CalibrationError, match=r"cannot be read .*check the path"):
        load_calibration(path.with_name("none.yaml"), TABLE, LX16A)


def test_marks_put_the_line_through_the_rest_and_the_limits_at_the_ends() -> None:
    servo = TABLE.servos[1]  # jaw_forward: rest 3/7 of 167 ticks
    row = Marks(rest=480, at_0=410, at_1=575).calibration(servo, LX16A.position)
    assert row.limits == (410, 575)
    assert row.ticks_at_1 - row.ticks_at_0 == pytest.approx(165, abs=1)
    line_rest = row.ticks_at_0 + TABLE.rest_commands[1] * (row.ticks_at_1 - row.ticks_at_0)
    assert line_rest == pytest.approx(480, abs=1)
    only_rest = Marks(rest=480).calibration(servo, LX16A.position)
    assert only_rest.ticks_at_1 - only_rest.ticks_at_0 == pytest.approx(1000 * 40 / 240, abs=1)


@pytest.mark.parametrize(
    ("marks", "message"),
    [
        (Marks(), "mark the rest first"),
        (Marks(rest=500, at_0=450, at_1=450), "same place"),
        (Marks(rest=500, at_0=600, at_1=430), "turns against 'direction'"),
        (Marks(rest=500, at_0=430, at_1=480), "degrees apart|ends put it"),
        (Marks(rest=550, at_0=430, at_1=597), "the ends put it at"),
    ],
)
def test_marks_that_cannot_be_are_refused(marks: Marks, message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        marks.calibration(TABLE.servos[1], LX16A.position)


@pytest.fixture(scope="module")
def virtual() -> Iterator[VirtualBus]:
    """Ten servos that nobody has calibrated."""
    with VirtualBus("lx16a", TABLE) as virtual:
        yield virtual


@pytest.fixture
def bus(virtual: VirtualBus) -> Iterator[ServoBus]:
    with open_bus("lx16a", virtual.port, patience_s=PATIENCE_S) as bus:
        yield bus


def assert_limp(virtual: VirtualBus) -> None:
    for _ in range(100):
        if not any(virtual.snapshot().is_driven):
            return
        time.sleep(0.02)
    raise AssertionError("servos are still driven")


def test_a_scripted_walk_moves_marks_and_lets_go(virtual: VirtualBus, bus: ServoBus) -> None:
    script = dict.fromkeys(DOF_NAMES, "r") | {"jaw_open": "r ]] + r --"}
    found = Walk(bus, TABLE, scripted(script)).run()
    nominal = nominal_calibration(TABLE, LX16A)
    assert found.servos[0].rest == pytest.approx(500 + 11 * 1000 / 240, abs=8)
    for row, wanted in zip(found.servos[1:], nominal.servos[1:], strict=True):
        assert row.bus_id == wanted.bus_id
        assert row.rest == pytest.approx(wanted.rest, abs=8)
        assert row.ticks_at_0 == pytest.approx(wanted.ticks_at_0, abs=8)
    assert_limp(virtual)


def test_a_walk_tells_what_it_does_not_accept_and_can_be_given_up(
    virtual: VirtualBus, bus: ServoBus
) -> None:
    keys = iter("x?nr[nbq")
    notes: list[str] = []

    def press(walk: ServoWalk) -> str:
        notes.append(walk.note)
        return next(keys)

    with pytest.raises(WalkAbandoned):
        Walk(bus, TABLE, press).run()
    assert "'x' is no key" in notes[1]
    assert "a small step towards command 1" in notes[2]
    assert "mark the rest first" in notes[3]
    assert_limp(virtual)


def test_keys_that_end_early_end_the_walk(virtual: VirtualBus, bus: ServoBus) -> None:
    def press(walk: ServoWalk) -> str:
        if walk.marks.rest is None:
            return "r"
        raise EOFError

    with pytest.raises(CalibrationError, match="the keys ended at jaw_open"):
        Walk(bus, TABLE, press).run()
    assert_limp(virtual)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jaw_open: r", "one line of keys each"),
        ("[", "not valid YAML"),
        ("\n".join(f"{name}: 'r'" for name in DOF_NAMES[1:]) + "\njaw_open: 'rz'", "jaw_open"),
        ("\n".join(f"{name}: 'r'" for name in DOF_NAMES[1:]) + "\njaw_open: 3", "jaw_open"),
    ],
)
def test_scripts_are_checked_before_anything_moves(text: str, message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        parse_script(text, "keys.yaml")


def test_the_command_writes_a_file_that_loads(
    virtual: VirtualBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(gl.VARIABLE, os.environ.get(gl.VARIABLE, ""))  # the command changes it
    keys = tmp_path / "keys.yaml"
    keys.write_text("\n".join(f"{name}: 'r'" for name in DOF_NAMES))
    output = tmp_path / "face.yaml"
    calibrate(port=virtual.port, output=output, script=keys)
    load_calibration(output, TABLE, LX16A)
    with pytest.raises(CommandError, match="there is no bus 'carrier pigeon'"):
        calibrate(port=virtual.port, output=output, bus="carrier pigeon", script=keys)
    with pytest.raises(CommandError, match="no such port"):
        calibrate(port="/dev/nothing", output=output, script=keys)
