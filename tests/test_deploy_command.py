"""What `liptwin deploy` refuses before it touches a servo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs.speech.audio import Audio, write_wav
from liptwin import gl
from liptwin.commands.deploy import deploy
from liptwin.errors import CommandError
from sim.servo_table import load_servo_table
from sim2real.trajectory import Trajectory, write_trajectory_csv

REST = load_servo_table().rest_commands


@pytest.fixture(autouse=True)
def graphics(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command sets it for its own process; other tests have this one."""
    monkeypatch.setenv(gl.VARIABLE, os.environ.get(gl.VARIABLE, ""))


@pytest.fixture
def still(tmp_path: Path) -> Path:
    """A trajectory that does not move."""
    path = tmp_path / "still.csv"
    write_trajectory_csv(path, Trajectory(np.array([0.0, 0.3]), np.tile(REST, (2, 1))))
    return path


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    write_wav(path, Audio(np.full(1600, 0.1, np.float32), 16_000, "tone"))
    return path


def refusal(**options: Any) -> CommandError:
    with pytest.raises(CommandError) as refused:
        deploy(**options)
    return refused.value


def test_what_to_play_and_where_must_be_said_once(still: Path, tone: Path) -> None:
    assert "say what to play" in str(refusal(dry_run=True))
    assert "say what to play" in str(refusal(source=still, stream=True, dry_run=True))
    assert "--audio goes with a file" in str(refusal(stream=True, audio=tone, dry_run=True))
    assert "say where to play" in str(refusal(source=still))
    assert "say where to play" in str(refusal(source=still, port="/dev/ttyUSB0", dry_run=True))


def test_options_are_checked(still: Path, tmp_path: Path) -> None:
    assert "use one of lx16a" in str(refusal(source=still, dry_run=True, bus="telepathy"))
    assert "give 10 to 400" in str(refusal(source=still, dry_run=True, rate=1.0))
    assert "leave out --echo" in str(refusal(source=still, dry_run=True, bus="maestro", echo=True))
    assert "must end in .csv" in str(refusal(source=still, dry_run=True, log=tmp_path / "a.txt"))


def test_files_are_checked(still: Path, tmp_path: Path) -> None:
    missing = tmp_path / "none"
    for options in ({"source": missing}, {"source": still, "audio": missing}):
        assert str(missing) in str(refusal(dry_run=True, **options))
    wrong = tmp_path / "face.yaml"
    wrong.write_text("protocol: lx16a\n")
    assert "servos" in str(refusal(source=still, dry_run=True, calibration=wrong))


def test_a_port_that_is_not_there_is_an_error_of_the_machine(still: Path) -> None:
    error = refusal(source=still, port="/dev/nothing")
    assert "/dev/nothing: there is no such port" in str(error)
    assert error.exit_status == 1


def test_a_trajectory_that_is_not_safe_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "violent.csv"
    times_s = np.arange(0.0, 1.0, 0.02)
    commands = np.tile(REST, (len(times_s), 1))
    commands[::2, 0] = 1.0
    write_trajectory_csv(path, Trajectory(times_s, commands))
    error = refusal(source=path, dry_run=True)
    assert "not safe: speed" in str(error)
    assert "--force" in str(error)
    assert error.exit_status == 1


def test_without_a_sound_device_nothing_is_played(still: Path, tone: Path) -> None:
    try:
        import sounddevice

        sounddevice.query_devices(kind="output")
    except (ImportError, OSError, ValueError):
        error = refusal(source=still, audio=tone, dry_run=True, force=True)
        assert "leave out --audio" in str(error)
        assert error.exit_status == 1
    else:
        pytest.skip("there is a sound device here")
