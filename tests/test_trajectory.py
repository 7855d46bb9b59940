"""Trajectory files: what is written is read, and what is wrong is named."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from sim.dof import DOF_NAMES, N_DOF
from sim2real.trajectory import (
    COLUMNS,
    Trajectory,
    TrajectoryError,
    read_trajectory_csv,
    resample,
    write_trajectory_csv,
)

HEADER = "time_s," + ",".join(DOF_NAMES)
REST_CELLS = ",".join(["0.5"] * N_DOF)


@st.composite
def trajectories(draw: st.DrawFn) -> Trajectory:
    gaps = draw(st.lists(st.floats(1e-5, 5.0), min_size=1, max_size=20))
    start = draw(st.floats(0.0, 10.0))
    times = start + np.cumsum(gaps) - gaps[0]
    unit = st.floats(0.0, 1.0)
    commands = draw(npst.arrays(np.float64, (len(gaps), N_DOF), elements=unit))
    return Trajectory(times, commands)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "motion.csv"


@settings(deadline=None)
@given(trajectories())
def test_written_and_read_again(
    tmp_path_factory: pytest.TempPathFactory, trajectory: Trajectory
) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.csv"
    write_trajectory_csv(path, trajectory)
    again = read_trajectory_csv(path)
    np.testing.assert_allclose(again.times_s, trajectory.times_s, rtol=0, atol=0.6e-6)
    np.testing.assert_allclose(again.commands, trajectory.commands, rtol=0, atol=0.6e-6)
    content = path.read_bytes()
    write_trajectory_csv(path, again)
    assert path.read_bytes() == content


def test_the_file_is_as_documented(path: Path) -> None:
    write_trajectory_csv(path, Trajectory(np.array([0.0]), np.full((1, N_DOF), 0.25)))
    assert path.read_text() == HEADER + "\n0.000000" + ",0.250000" * N_DOF + "\n"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_columns_are_found_by_name(path: Path) -> None:
    order = np.random.default_rng(0).permutation(len(COLUMNS))
    values = [f"0.{index}" for index in range(len(COLUMNS))]
    path.write_text(
        ",".join(COLUMNS[i] for i in order) + "\n" + ",".join(values[i] for i in order) + "\n"
    )
    trajectory = read_trajectory_csv(path)
    assert trajectory.times_s[0] == 0.0
    np.testing.assert_array_equal(trajectory.commands[0], [float(v) for v in values[1:]])


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_spreadsheet_habits_are_accepted(path: Path, newline: str) -> None:
    lines = [HEADER.replace(",", ", "), f'"0", {REST_CELLS}', f"1e0,{REST_CELLS}", "", ""]
    path.write_bytes(b"\xef\xbb\xbf" + newline.join(lines).encode())
    assert read_trajectory_csv(path).times_s.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        (HEADER, "no rows"),
        (HEADER + "\n\n", "no rows"),
        (HEADER.removesuffix(",corner_right_stretch"), r"line 1.*missing: 'corner_right_stretch'"),
        (HEADER + ",tongue", r"line 1.*unknown: 'tongue'"),
        (HEADER + ",jaw_open", r"line 1.*duplicate: 'jaw_open'"),
        (HEADER.replace("time_s", "t"), r"missing: 'time_s'; unknown: 't'"),
        (f"{HEADER}\n0,{REST_CELLS},0.5", "line 2: has 12 values, the header has 11"),
        (f"{HEADER}\n0,0.5", "line 2: has 2 values, the header has 11"),
        (f"{HEADER}\n0,nan,{REST_CELLS[4:]}", "line 2, jaw_open: 'nan' is not a finite number"),
        (f"{HEADER}\n0,inf,{REST_CELLS[4:]}", "line 2, jaw_open: 'inf'"),
        (f"{HEADER}\n0,,{REST_CELLS[4:]}", "line 2, jaw_open: ''"),
        (f"{HEADER}\n0,0_1,{REST_CELLS[4:]}", "line 2, jaw_open: '0_1'"),
        (f"{HEADER}\n0,open,{REST_CELLS[4:]}", "line 2, jaw_open: 'open'"),
        (f"{HEADER}\n0,1.5,{REST_CELLS[4:]}", r"line 2, jaw_open: 1\.5 is not .* \[0, 1\]"),
        (f"{HEADER}\n0,-1e-9,{REST_CELLS[4:]}", r"line 2, jaw_open: -1e-09"),
        (f"{HEADER}\n0,1e999,{REST_CELLS[4:]}", "line 2, jaw_open: inf"),
        (f"{HEADER}\n-1,{REST_CELLS}", "line 2, time_s: -1.0 is not a time"),
        (f"{HEADER}\n1e9,{REST_CELLS}", "line 2, time_s: 1000000000.0 is not a time"),
        (f"{HEADER}\n1,{REST_CELLS}\n1,{REST_CELLS}", "line 3, time_s: 1.0 does not come after"),
        (f"{HEADER}\n1,{REST_CELLS}\n0,{REST_CELLS}", "line 3, time_s: 0.0 does not come after"),
        (f"{HEADER}\n0,{REST_CELLS}\n\n1,{REST_CELLS}", "line 3: is blank"),
        (f'{HEADER}\n"0,{REST_CELLS}', "not CSV"),
        (f"{HEADER}\n\xff".encode("latin-1"), f"byte {len(HEADER) + 1} is not UTF-8"),
    ],
)
def test_what_is_wrong_is_named(path: Path, content: str | bytes, message: str) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(TrajectoryError, match=message) as caught:
        read_trajectory_csv(path)
    assert str(path) in str(caught.value)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.csv", Path("a\0b")):
        with pytest.raises(TrajectoryError, match="cannot be read"):
            read_trajectory_csv(path)


@settings(deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda text: f"{HEADER}\n{text}".encode("utf-8", "replace")),
        st.text("0123456789.,-+eE\n\r\"' \t", max_size=300).map(
            lambda text: f"{HEADER}\n0,{REST_CELLS}\n{text}".encode()
        ),
    )
)
def test_any_bytes_are_a_trajectory_or_a_trajectory_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(content)
    try:
        trajectory = read_trajectory_csv(path)
    except TrajectoryError:
        return
    assert trajectory.commands.shape == (len(trajectory.times_s), N_DOF)


def test_times_closer_than_a_microsecond_cannot_be_written(path: Path) -> None:
    trajectory = Trajectory(np.array([0.0, 1e-7]), np.zeros((2, N_DOF)))
    with pytest.raises(TrajectoryError, match="rows 0 and 1"):
        write_trajectory_csv(path, trajectory)
    assert not path.exists()


def test_writing_into_a_missing_folder(tmp_path: Path) -> None:
    trajectory = Trajectory(np.array([0.0]), np.zeros((1, N_DOF)))
    with pytest.raises(TrajectoryError, match="folder"):
        write_trajectory_csv(tmp_path / "missing" / "motion.csv", trajectory)


@pytest.mark.parametrize(
    ("times", "commands", "message"),
    [
        (np.zeros(0), np.zeros((0, N_DOF)), "n >= 1"),
        (np.zeros((1, 1)), np.zeros((1, N_DOF)), "n >= 1"),
        (np.zeros(1), np.zeros((1, 9)), r"shape \(1, 10\)"),
        (np.zeros(2), np.zeros((2, N_DOF)), "row 1, time_s"),
        (np.array([np.nan]), np.zeros((1, N_DOF)), "row 0, time_s"),
        (np.zeros(1), np.full((1, N_DOF), np.nan), "row 0, jaw_open"),
        (np.zeros(1), np.full((1, N_DOF), 1.1), "row 0, jaw_open: 1.1"),
    ],
)
def test_a_trajectory_checks_itself(times: np.ndarray, commands: np.ndarray, message: str) -> None:
    with pytest.raises(TrajectoryError, match=message):
        Trajectory(times, commands)


def test_resampling_is_linear_and_holds_at_both_ends() -> None:
    commands = np.zeros((2, N_DOF))
    commands[1] = 1.0
    motion = resample(Trajectory(np.array([0.1, 0.2]), commands), 20.0)
    np.testing.assert_allclose(motion.times_s, [0.0, 0.05, 0.1, 0.15, 0.2])
    np.testing.assert_allclose(motion.commands[:, 0], [0, 0, 0, 0.5, 1])


@settings(deadline=None)
@given(trajectories(), st.sampled_from([1.0, 24.0, 29.97, 30.0, 50.0]))
def test_resampling_covers_the_motion_and_keeps_the_range(
    trajectory: Trajectory, fps: float
) -> None:
    motion = resample(trajectory, fps)
    np.testing.assert_array_equal(motion.times_s, np.arange(len(motion.times_s)) / fps)
    excess_frames = (motion.duration_s - trajectory.duration_s) * fps
    assert excess_frames >= -2.1e-6 * fps
    assert excess_frames < 1
    np.testing.assert_allclose(motion.commands[-1], trajectory.commands[-1], atol=1e-3)


def test_resampling_onto_its_own_grid_changes_nothing() -> None:
    times = np.arange(10 * 30) / 30
    commands = np.random.default_rng(0).uniform(size=(len(times), N_DOF))
    again = resample(Trajectory(times, commands), 30.0)
    np.testing.assert_array_equal(again.times_s, times)
    np.testing.assert_allclose(again.commands, commands)


@pytest.mark.parametrize("fps", [0.0, -1.0, float("nan"), float("inf")])
def test_resampling_refuses_odd_rates(fps: float) -> None:
    with pytest.raises(TrajectoryError, match="frame rate"):
        resample(Trajectory(np.array([0.0]), np.zeros((1, N_DOF))), fps)
