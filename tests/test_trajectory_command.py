"""`liptwin convert` as a user meets it."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from liptwin.main import main
from sim.dof import DOF_NAMES
from sim.poses import POSES
from sim2real.trajectory import (
    Metadata,
    Trajectory,
    audio_sha256,
    read_trajectory,
    write_trajectory_csv,
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.csv"
    commands = np.array([POSES[name] for name in ("rest", "aa", "mm")])
    metadata = Metadata(fps=2.0, source="a test")
    write_trajectory_csv(path, Trajectory(np.array([0.0, 0.5, 1.0]), commands, metadata))
    return path


def run(*arguments: str | Path) -> int:
    """The exit status of the command."""
    with pytest.raises(SystemExit) as leaving:
        main(["convert", *map(str, arguments)])
    code = leaving.value.code
    assert isinstance(code, int | None)
    return code or 0


def test_to_binary_and_back(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, source: Path
) -> None:
    assert run(source, tmp_path / "b.npz") == 0
    assert "3 rows" in capsys.readouterr().out
    assert run(tmp_path / "b.npz", tmp_path / "c.csv") == 0
    assert (tmp_path / "c.csv").read_bytes() == source.read_bytes()


def test_another_rate_and_the_sound(tmp_path: Path, source: Path) -> None:
    sound = tmp_path / "a.wav"
    sound.write_bytes(b"sound")
    assert run(source, tmp_path / "fast.csv", "--fps", "50", "--audio", sound) == 0
    found = read_trajectory(tmp_path / "fast.csv")
    assert len(found.times_s) == 51
    assert found.metadata == Metadata(50.0, None, audio_sha256(sound), "a test")


def test_another_robots_file(tmp_path: Path) -> None:
    foreign, columns = tmp_path / "robot.txt", tmp_path / "robot.yaml"
    foreign.write_text("10\n20\n")
    columns.write_text("rate_hz: 30\ncolumns:\n  - {dofs: [jaw_open], values: [10, 20]}\n")
    assert run(foreign, tmp_path / "out.csv", "--columns", columns) == 0
    found = read_trajectory(tmp_path / "out.csv")
    assert found.commands[:, DOF_NAMES.index("jaw_open")].tolist() == [0.0, 1.0]
    assert found.metadata.source == "imported from robot.txt"


def test_to_ros(tmp_path: Path, source: Path) -> None:
    assert run(source, tmp_path / "out.yaml") == 0
    message = yaml.safe_load((tmp_path / "out.yaml").read_text())
    assert message["points"][1]["time_from_start"] == {"sec": 0, "nanosec": 500_000_000}
    assert message["points"][1]["positions"][0] == pytest.approx(0.25, abs=1e-6)


def test_bad_input_is_refused_in_one_message(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, source: Path
) -> None:
    for arguments, message in (
        ((source, tmp_path / "out.txt"), "must end in .csv, .npz or .yaml"),
        ((source, source), "same file"),
        ((source, tmp_path / "none" / "out.csv"), "no folder"),
        ((tmp_path / "missing.csv", tmp_path / "out.csv"), "cannot be read"),
        ((source, tmp_path / "out.csv", "--columns", source), "source.csv"),
        ((source, tmp_path / "out.csv", "--audio", tmp_path / "none.wav"), "cannot be read"),
        ((source, tmp_path / "out.csv", "--servos", source), "source.csv"),
    ):
        assert run(*arguments) == 2, arguments
        said = capsys.readouterr()
        assert message in said.err, arguments
        assert "Traceback" not in said.err
        assert not (tmp_path / "out.csv").exists()
