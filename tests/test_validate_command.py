"""`liptwin validate` as a user meets it: tables, files, exit statuses."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from envs.speech.audio import Audio, write_wav
from liptwin.main import main
from sim.dof import DOF_NAMES
from sim.poses import POSES
from sim.servo_table import load_servo_table
from sim2real.trajectory import (
    Metadata,
    Trajectory,
    read_trajectory,
    write_trajectory_csv,
    write_trajectory_npz,
)
from sim2real.validation import validate
from sim2real.validation.limits import LIMITS_PATH

RATE_HZ = 16_000
JAW = DOF_NAMES.index("jaw_open")


@pytest.fixture
def calm(tmp_path: Path) -> Path:
    path = tmp_path / "calm.csv"
    commands = np.array([POSES[name] for name in ("rest", "oh")])
    write_trajectory_csv(path, Trajectory(np.array([0.0, 0.5]), commands))
    return path


@pytest.fixture
def hasty(tmp_path: Path) -> Path:
    path = tmp_path / "hasty.csv"
    commands = np.array([POSES[name] for name in ("rest", "aa", "mm")])
    write_trajectory_csv(path, Trajectory(np.array([0.0, 0.04, 0.08]), commands))
    return path


def run(*arguments: str | Path) -> int:
    """The exit status of the command."""
    with pytest.raises(SystemExit) as leaving:
        main(["validate", *map(str, arguments)])
    code = leaving.value.code
    assert isinstance(code, int | None)
    return code or 0


def test_a_calm_trajectory_passes(capsys: pytest.CaptureFixture[str], calm: Path) -> None:
    assert run(calm) == 0
    said = capsys.readouterr().out
    assert "passed" in said
    for name in ("range", "speed", "jerk", "torque", "temperature", "current", "tracking"):
        assert name in said


def test_a_hasty_one_fails_and_says_where(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, hasty: Path
) -> None:
    as_json, plot = tmp_path / "report.json", tmp_path / "report.png"
    assert run(hasty, "--json", as_json, "--plot", plot) == 1
    assert "failed" in capsys.readouterr().out
    report = json.loads(as_json.read_text())
    assert report["passed"] is False
    speed = next(check for check in report["checks"] if check["name"] == "speed")
    assert (speed["verdict"], speed["dof"]) == ("fail", "jaw_open")
    assert 0.0 < speed["time_s"] < 0.1
    with Image.open(plot) as picture:
        assert picture.format == "PNG"
        assert min(picture.size) > 500
        assert len(np.unique(np.asarray(picture.convert("L")))) > 20


def test_fixing_writes_one_that_passes(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, hasty: Path
) -> None:
    pytest.importorskip("clarabel", reason="the repair of trajectories needs Clarabel")
    fixed, as_json = tmp_path / "fixed.csv", tmp_path / "report.json"
    assert run(hasty, "--fix", "-o", fixed, "--json", as_json) == 0
    said = capsys.readouterr().out
    assert "changed" in said
    assert "closures kept" in said
    assert validate(read_trajectory(fixed)).passed
    report = json.loads(as_json.read_text())
    assert (report["passed"], report["fixed"]["passed"]) == (False, True)
    assert report["fixed"]["changes"]
    assert run(fixed) == 0


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_fixing_never_touches_one_that_passes(tmp_path: Path, calm: Path, suffix: str) -> None:
    source = calm
    if suffix == ".npz":
        source = tmp_path / "calm.npz"
        write_trajectory_npz(source, read_trajectory(calm))
    else:
        calm.write_bytes(calm.read_bytes().replace(b".500000", b".5"))
    fixed = tmp_path / f"fixed{suffix}"
    assert run(source, "--fix", "-o", fixed) == 0
    assert fixed.read_bytes() == source.read_bytes()


def test_lips_that_are_late_are_found_and_moved(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Bursts of sound, and a jaw that opens to each of them 0.2 s late."""
    bursts_s = np.array([0.3, 0.75, 1.3])
    times_s = np.arange(2 * RATE_HZ) / RATE_HZ
    envelope = np.exp(-(((times_s[:, None] - bursts_s) / 0.06) ** 2)).sum(axis=1)
    sound = tmp_path / "bursts.wav"
    tone = 0.5 * envelope * np.sin(2 * np.pi * 200 * times_s)
    write_wav(sound, Audio(tone.astype(np.float32), RATE_HZ, "bursts"))
    rows_s = np.arange(60) / 30
    commands = np.tile(load_servo_table().rest_commands, (60, 1))
    commands[:, JAW] = 0.35 * np.interp(rows_s - 0.2, times_s, envelope)
    late = tmp_path / "late.csv"
    write_trajectory_csv(late, Trajectory(rows_s, commands, Metadata(audio_sha256="0" * 64)))
    fixed, as_json = tmp_path / "fixed.csv", tmp_path / "report.json"
    assert run(late, "--audio", sound, "--fix", "-o", fixed, "--json", as_json) == 0
    assert "another sound" in capsys.readouterr().err
    checks = {check["name"]: check for check in json.loads(as_json.read_text())["checks"]}
    assert 180 <= checks["audio-lip lag"]["value"] <= 300
    assert [name for name, check in checks.items() if check["verdict"] == "fail"] == [
        "audio-lip lag"
    ]
    repaired = json.loads(as_json.read_text())["fixed"]
    moved = next(check for check in repaired["checks"] if check["name"] == "audio-lip lag")
    assert abs(moved["value"]) <= 30
    assert repaired["passed"]


def test_other_limits_and_other_faces(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, calm: Path
) -> None:
    weak = tmp_path / "weak.yaml"
    weak.write_text(LIMITS_PATH.read_text().replace("supply_current: 10.0", "supply_current: 0.1"))
    assert run(calm, "--limits", weak) == 1
    assert "current" in capsys.readouterr().out
    foreign = tmp_path / "foreign.csv"
    foreign.write_text("# face_model: 000000000000\n" + calm.read_text())
    assert run(foreign) == 0
    assert "face model 000000000000" in capsys.readouterr().err


def test_bad_input_is_refused_in_one_message(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, calm: Path
) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text(calm.read_text().replace("0.500000,", "0.500000,nan,", 1))
    for arguments, message in (
        ((tmp_path / "missing.csv",), "cannot be read"),
        ((broken,), "line"),
        ((calm, "--fix"), "go together"),
        ((calm, "-o", tmp_path / "out.csv"), "go together"),
        ((calm, "--fix", "-o", tmp_path / "out.txt"), "must end in .csv"),
        ((calm, "--fix", "-o", calm), "same name"),
        ((calm, "--json", tmp_path / "out.txt"), "must end in .json"),
        ((calm, "--plot", tmp_path / "none" / "out.png"), "no folder"),
        ((calm, "--audio", broken), "broken.csv"),
        ((calm, "--limits", broken), "broken.csv"),
    ):
        assert run(*arguments) == 2, arguments
        said = capsys.readouterr()
        assert message in said.err, arguments
        assert said.out == ""
        assert "Traceback" not in said.err
