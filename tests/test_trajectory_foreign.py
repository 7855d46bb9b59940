"""Other robots' command files, and trajectories for ROS 2."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.dof import DOF_NAMES, N_DOF
from sim.servo_table import load_servo_table
from sim2real.trajectory import (
    ColumnMap,
    ColumnRule,
    Trajectory,
    TrajectoryError,
    load_column_map,
    read_foreign,
    write_joint_trajectory_yaml,
)

REST = load_servo_table().rest_commands
JAW, LEFT, RIGHT = (
    DOF_NAMES.index(name) for name in ("jaw_open", "corner_left_raise", "corner_right_raise")
)
MAP = """
rate_hz: 25
separator: space
skip_rows: 1
columns:
  - {dofs: [jaw_open], values: [90, 130]}
  - ~
  - {dofs: [corner_left_raise, corner_right_raise], values: [180, 0]}
"""


@pytest.fixture
def column_map(tmp_path: Path) -> ColumnMap:
    path = tmp_path / "robot.yaml"
    path.write_text(MAP)
    return load_column_map(path)


def test_rows_become_commands(tmp_path: Path, column_map: ColumnMap) -> None:
    path = tmp_path / "robot.txt"
    path.write_text("jaw x corners\n90 text 180\n\n 110   7\t45 \n130 - 0")
    found = read_foreign(path, column_map, REST)
    np.testing.assert_allclose(found.times_s, [0, 0.04, 0.08])
    np.testing.assert_allclose(found.commands[:, JAW], [0, 0.5, 1])
    np.testing.assert_allclose(found.commands[:, LEFT], [0, 0.75, 1])  # falls as values grow
    np.testing.assert_allclose(found.commands[:, RIGHT], found.commands[:, LEFT])
    others = [k for k in range(N_DOF) if k not in (JAW, LEFT, RIGHT)]
    np.testing.assert_allclose(found.commands[:, others], np.tile(REST[others], (3, 1)))
    assert found.metadata.fps == 25.0


def test_columns_of_one_joint_add_up(tmp_path: Path) -> None:
    rest = float(REST[LEFT])
    rules = (
        ColumnRule(dofs=("corner_left_raise",), values=(0, 1), commands=(rest, 1)),
        ColumnRule(dofs=("corner_left_raise",), values=(0, 1), commands=(rest, 0)),
    )
    path = tmp_path / "up_and_down.csv"
    path.write_text("0,0\n1,0\n0,1\n1,1\n")
    found = read_foreign(path, ColumnMap(rate_hz=30, columns=rules), REST)
    both = rest + (1 - rest) - rest
    np.testing.assert_allclose(found.commands[:, LEFT], [rest, 1, 0, both], atol=1e-12)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("h\n90 1", "line 2: has 2 values, the column map has 3"),
        ("h\n90 1 0\n9x 1 0", "line 3, column 1: '9x' is not a finite number"),
        ("h\n90 1 nan", "line 2, column 3: 'nan'"),
        ("h\n131 1 0", r"line 2, column 1 \(jaw_open\): 131 is beyond 90 to 130"),
        ("h\n", "no rows"),
    ],
)
def test_wrong_rows_are_named(
    tmp_path: Path, column_map: ColumnMap, content: str, message: str
) -> None:
    path = tmp_path / "robot.txt"
    path.write_text(content)
    with pytest.raises(TrajectoryError, match=message) as caught:
        read_foreign(path, column_map, REST)
    assert str(path) in str(caught.value)


def test_values_beyond_the_range_are_clipped_only_if_asked(tmp_path: Path) -> None:
    path = tmp_path / "robot.csv"
    path.write_text("1.5\n-1\n")
    rule = ColumnRule(dofs=("jaw_open",), values=(0, 1))
    found = read_foreign(path, ColumnMap(rate_hz=30, clip=True, columns=(rule,)), REST)
    assert found.commands[:, JAW].tolist() == [1.0, 0.0]


def test_a_sum_beyond_the_range_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "robot.csv"
    path.write_text("0.9,0.9\n")
    rule = ColumnRule(dofs=("corner_left_raise",), values=(0, 1))
    with pytest.raises(TrajectoryError, match=r"line 1: the columns of corner_left_raise add up"):
        read_foreign(path, ColumnMap(rate_hz=30, columns=(rule, rule)), REST)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no column map"),
        ("a: [", "not valid YAML"),
        ("columns: [{dofs: [jaw_open], values: [0, 1]}]", "rate_hz: Field required"),
        ("rate_hz: 0\ncolumns: [{dofs: [jaw_open], values: [0, 1]}]", "rate_hz: 0: "),
        ("rate_hz: 30\ncolumns: [~]", "columns drive nothing"),
        ("rate_hz: 30\ncolumns: []", "columns: "),
        ("rate_hz: 30\ncolumns: [~, {dofs: [tongue], values: [0, 1]}]", r"columns\[2\].*'tongue'"),
        ("rate_hz: 30\ncolumns: [{dofs: [jaw_open], values: [1, 1]}]", "same at both ends"),
        ("rate_hz: 30\ncolumns: [{dofs: [jaw_open], values: [0, .nan]}]", "finite"),
        ("rate_hz: 30\nspeed: 1\ncolumns: [{dofs: [jaw_open], values: [0, 1]}]", "speed: 1: "),
    ],
)
def test_wrong_maps_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(content)
    with pytest.raises(TrajectoryError, match=message) as caught:
        load_column_map(path)
    assert str(path) in str(caught.value)


@settings(deadline=None)
@given(st.text(max_size=200), st.sampled_from(["comma", "semicolon", "tab", "space"]))
def test_any_text_is_a_trajectory_or_a_trajectory_error(
    tmp_path_factory: pytest.TempPathFactory, text: str, separator: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.txt"
    path.write_bytes(text.encode("utf-8", "replace"))
    rule = ColumnRule(dofs=("jaw_open",), values=(0, 9))
    columns = ColumnMap.model_validate({"rate_hz": 30, "separator": separator, "columns": [rule]})
    try:
        found = read_foreign(path, columns, REST)
    except TrajectoryError:
        return
    assert found.commands.shape == (len(found.times_s), N_DOF)


def test_ros_messages_have_the_fields_of_the_definition(tmp_path: Path) -> None:
    table = load_servo_table()
    times_s = np.array([0.0, 0.5, 1.0, 2.9999999999])
    commands = np.random.default_rng(1).uniform(size=(4, N_DOF))
    path = tmp_path / "m.yaml"
    write_joint_trajectory_yaml(path, Trajectory(times_s, commands), table)
    message = yaml.safe_load(path.read_text())
    assert set(message) == {"header", "joint_names", "points"}
    assert message["header"] == {"stamp": {"sec": 0, "nanosec": 0}, "frame_id": ""}
    assert message["joint_names"] == [row.joint for row in table.servos]
    fields = {"positions", "velocities", "accelerations", "effort", "time_from_start"}
    for time_s, command, point in zip(times_s, commands, message["points"], strict=True):
        assert set(point) == fields
        assert all(isinstance(x, float) for x in point["positions"] + point["velocities"])
        np.testing.assert_allclose(point["positions"], table.joint_from_command(command), atol=1e-9)
        due = point["time_from_start"]
        assert 0 <= due["nanosec"] < 10**9
        assert due["sec"] + due["nanosec"] / 1e9 == pytest.approx(time_s, abs=1e-9)
    assert not any(message["points"][0]["velocities"] + message["points"][-1]["velocities"])
    slope = (table.joint_from_command(commands[2]) - table.joint_from_command(commands[0])) / 1.0
    np.testing.assert_allclose(message["points"][1]["velocities"], slope, atol=1e-8)
