"""The command line as a user meets it: files out, messages on stderr, exit statuses."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from envs.speech.audio import Audio, write_wav
from liptwin import gl
from liptwin.errors import CommandError
from liptwin.main import main
from liptwin.options import Outputs, parse_size
from liptwin.production import MEASUREMENT_COLUMNS
from liptwin.progress import tracked
from liptwin.rollout import measured, roll_out
from sim.dof import DOF_NAMES
from sim.measurements import LipMeasurements
from sim2real.trajectory import COLUMNS, read_trajectory_csv

RATE_HZ = 16_000
AMPLITUDE = ["--policy", "amplitude"]
SMALL = ["--size", "64", "--quality", "fast"]


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    """Half a second of a tone that swells and fades, as a recording."""
    times = np.arange(RATE_HZ // 2) / RATE_HZ
    samples = 0.5 * np.sin(2 * np.pi * 220 * times) * np.sin(2 * np.pi * times) ** 2
    path = tmp_path / "speech.wav"
    write_wav(path, Audio(samples.astype(np.float32), RATE_HZ, "tone"))
    return path


def liptwin(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, as a shell would."""
    command = [sys.executable, "-m", "liptwin", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """What the command says on stderr when it refuses `arguments` as bad input."""
    with pytest.raises(SystemExit) as leaving:
        main(list(map(str, arguments)))
    assert leaving.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    return said.err


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_speaking_a_recording_writes_everything_asked_for(tmp_path: Path, speech: Path) -> None:
    video, commands, lips = (tmp_path / name for name in ("a.mp4", "commands.csv", "lips.csv"))
    run = liptwin(
        "speak", speech, *AMPLITUDE, "-o", video, "--trajectory", commands, "--measurements", lips,
        *SMALL,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    n_frames, duration_s = imageio_ffmpeg.count_frames_and_secs(str(video))
    assert duration_s == pytest.approx(0.5, abs=1 / 30)
    trajectory = read_trajectory_csv(commands)
    assert len(trajectory.times_s) == n_frames
    assert ",".join(("time_s", *DOF_NAMES)) in commands.read_text().splitlines()
    assert trajectory.metadata.fps == 30.0
    assert trajectory.metadata.audio_sha256 == hashlib.sha256(speech.read_bytes()).hexdigest()
    measured = rows_of(lips)
    assert tuple(measured[0]) == MEASUREMENT_COLUMNS
    assert len(measured) == n_frames
    times_s = [float(row["time_s"]) for row in measured]
    assert times_s == pytest.approx(trajectory.times_s, abs=1e-5)
    assert float(measured[0]["jaw_deg"]) == pytest.approx(0.0, abs=0.5)
    assert max(float(row["jaw_deg"]) for row in measured) > 2.0


def test_speaking_a_text_needs_no_recording(tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader")
    lips = tmp_path / "lips.csv"
    run = liptwin("speak", "--text", "papa", *AMPLITUDE, "--fps", "25", "--measurements", lips)
    assert run.returncode == 0, run.stderr
    assert float(rows_of(lips)[1]["time_s"]) == pytest.approx(1 / 25)


def test_what_speech_asks_of_servos_can_be_fixed(tmp_path: Path) -> None:
    pytest.importorskip("clarabel")
    pytest.importorskip("espeakng_loader")
    text = ("--text", "Papa bought a map.", *AMPLITUDE)
    asked, fixed = tmp_path / "asked.csv", tmp_path / "fixed.csv"
    assert liptwin("speak", *text, "--trajectory", asked).returncode == 0
    assert liptwin("validate", asked).returncode == 1
    lips = tmp_path / "lips.csv"
    run = liptwin("speak", *text, "--fix", "--trajectory", fixed, "--measurements", lips)
    assert run.returncode == 0, run.stderr
    assert "fixed speed" in run.stdout
    assert liptwin("validate", fixed).returncode == 0
    # What the lips did is what they do on the fixed commands.
    again = tmp_path / "again.csv"
    video = tmp_path / "again.mp4"
    run = liptwin("render", fixed, "-o", video, "--measurements", again, *SMALL)
    assert run.returncode == 0, run.stderr
    for one, other in zip(rows_of(lips), rows_of(again), strict=True):
        assert float(one["aperture_mm"]) == pytest.approx(float(other["aperture_mm"]), abs=0.01)


def test_without_a_video_no_graphics_are_touched(tmp_path: Path, speech: Path) -> None:
    lips = tmp_path / "lips.csv"
    environment = {**os.environ, gl.VARIABLE: "osmesa", "LD_LIBRARY_PATH": "/nonexistent"}
    command = [sys.executable, "-m", "liptwin", "speak", str(speech), *AMPLITUDE]
    command += ["--measurements", str(lips)]
    subprocess.run(command, env=environment, check=True)
    assert rows_of(lips)


def test_a_trajectory_file_renders_to_the_same_measurements(tmp_path: Path, speech: Path) -> None:
    commands, spoken, rendered = (tmp_path / f"{name}.csv" for name in ("c", "spoken", "rendered"))
    run = liptwin("speak", speech, *AMPLITUDE, "--trajectory", commands, "--measurements", spoken)
    assert run.returncode == 0, run.stderr
    video = tmp_path / "r.mp4"
    run = liptwin(
        "render", commands, "--audio", speech, "-o", video, "--measurements", rendered, *SMALL
    )
    assert run.returncode == 0, run.stderr
    for one, other in zip(rows_of(spoken), rows_of(rendered), strict=True):
        for column in MEASUREMENT_COLUMNS[:5]:
            assert float(one[column]) == pytest.approx(float(other[column]), abs=0.01)
    n_frames, _ = imageio_ffmpeg.count_frames_and_secs(str(video))
    assert n_frames == len(rows_of(spoken))


def test_a_pose_is_a_picture_of_the_size_asked_for(tmp_path: Path) -> None:
    picture = tmp_path / "open.png"
    run = liptwin(
        "pose", "jaw_open=0.8,jaw_forward=0.5", "-o", picture, "--size", "96x64", "--quality",
        "fast",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    with Image.open(picture) as image:
        assert image.size == (96, 64)
        assert len(image.convert("RGB").getcolors(maxcolors=96 * 64) or []) > 20


def test_the_sheet_shows_every_named_pose(tmp_path: Path) -> None:
    from sim.poses import POSES

    picture = tmp_path / "sheet.png"
    run = liptwin("pose", "--sheet", "-o", picture, *SMALL)
    assert run.returncode == 0, run.stderr
    with Image.open(picture) as image:
        assert (image.width // 64) * (image.height // 64) >= len(POSES)


def _heed_interrupts() -> None:
    """A job started in the background inherits deaf ears for SIGINT; a terminal's does not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_no_half_written_file(tmp_path: Path, stop: signal.Signals) -> None:
    commands = tmp_path / "long.csv"
    rest = ",0.4" * len(DOF_NAMES)
    commands.write_text(",".join(COLUMNS) + f"\n0{rest}\n3000{rest}\n")
    video = tmp_path / "long.mp4"
    command = [sys.executable, "-m", "liptwin", "render", str(commands), "-o", str(video), *SMALL]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_heed_interrupts,
    ) as process:
        while process.poll() is None and len(list(tmp_path.iterdir())) < 2:
            time.sleep(0.05)
        os.killpg(process.pid, stop)
        try:
            _, said = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 130
    assert said.strip() == "liptwin: interrupted; no half-written file is left"
    assert [path.name for path in tmp_path.iterdir()] == ["long.csv"]


def test_bad_input_is_named(
    tmp_path: Path, speech: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video = tmp_path / "a.mp4"
    not_audio = tmp_path / "notes.txt"
    not_audio.write_text("hello")
    refusals: dict[str, list[str | Path]] = {
        "nothing to do": ["speak", speech],
        "not both": ["speak", speech, "--text", "hi", "-o", video],
        "an audio file, or --text": ["speak", "-o", video],
        "no such file": ["speak", tmp_path / "none.wav", "-o", video],
        "not audio": ["speak", not_audio, "-o", video],
        "a directory": ["speak", tmp_path, "-o", video],
        "the text is empty": ["speak", "--text", " ", "-o", video],
        "unknown voice 'klingon'": ["speak", "--text", "hi", "--voice", "klingon", "-o", video],
        "--policy 'magic' does not exist; there is learned, amplitude": [
            "speak", speech, "--policy", "magic", "-o", video,
        ],
        "must end in .mp4": ["speak", speech, "-o", tmp_path / "a.avi"],
        "must end in .csv": ["speak", speech, "--trajectory", tmp_path / "a.txt"],
        "there is no folder": ["speak", speech, "-o", tmp_path / "none" / "a.mp4"],
        "the same name": [
            "speak", speech, "--trajectory", tmp_path / "a.csv", "--measurements",
            tmp_path / "a.csv",
        ],
        "33 is odd": ["speak", speech, "-o", video, "--size", "33"],
        "cannot be read": ["render", tmp_path / "none.csv", "-o", video],
        "expected time_s": ["render", not_audio, "-o", video],
        "say where the picture goes": ["pose", "rest"],
        "say what to show": ["pose", "-o", tmp_path / "a.png"],
        "there is no mouth shape 'frobnicate'": ["pose", "frobnicate", "-o", tmp_path / "a.png"],
        "did you mean jaw_open?": ["pose", "jaw_opn=1", "-o", tmp_path / "a.png"],
        "jaw_open=2: a command is a number from 0 to 1": [
            "pose", "jaw_open=2", "-o", tmp_path / "a.png",
        ],
        "jaw_open=wide": ["pose", "jaw_open=wide", "-o", tmp_path / "a.png"],
    }  # fmt: skip
    for message, arguments in refusals.items():
        assert message in refusal(capsys, *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "speech.wav"]


def test_wrong_usage_is_refused(speech: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["frobnicate"],
        ["speak", speech, "--camera", "upstairs"],
        ["speak", speech, "--fps", "0"],
        ["speak", speech, "--fps", "fast"],
        ["speak", speech, "--frobnicate"],
        ["render"],
    ):
        assert refusal(capsys, *arguments)


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("speak", "target", "retarget", "render", "align", "score", "pose", "doctor"):
        with pytest.raises(SystemExit) as leaving:
            main([command, "--help"])
        assert leaving.value.code == 0
        said = capsys.readouterr().out
        assert "Examples" in said
        assert f"liptwin {command}" in said


def test_help_does_not_load_the_simulator() -> None:
    code = (
        "import sys, contextlib, liptwin.main\n"
        "with contextlib.suppress(SystemExit): liptwin.main.main(['--help'])\n"
        "sys.exit(', '.join({'mujoco', 'numpy', 'scipy'} & set(sys.modules)) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.strip() == f"liptwin {version('liptwin')}"
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", version("liptwin"))


@pytest.mark.parametrize(
    ("text", "size"), [("512", (512, 512)), ("640x360", (640, 360)), (" 64X48 ", (64, 48))]
)
def test_sizes_are_understood(text: str, size: tuple[int, int]) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "0", "8", "33", "64x47", "-64", "64x", "9998", "big", "6e2"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(CommandError, match="--size"):
        parse_size(text)


def test_outputs_must_not_share_a_file(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="same name"):
        Outputs(None, tmp_path / "a.csv", tmp_path / "." / "a.csv")


@dataclass
class FirstOrderTwin:
    """Stands in for the twin: each step brings the jaw half of the way."""

    jaw_deg: float = 0.0
    steps_s: list[float] = field(default_factory=list)

    def measure(self) -> LipMeasurements:
        return LipMeasurements(0.0, 50.0, 0.0, self.jaw_deg, True, False)

    def step(self, commands: NDArray[np.float64], duration_s: float) -> None:
        self.jaw_deg += (float(commands[0]) - self.jaw_deg) / 2
        self.steps_s.append(duration_s)


def test_frame_zero_is_the_face_before_any_command() -> None:
    twin = FirstOrderTwin()
    frames = list(measured(twin, roll_out(twin, np.ones((4, 10)), 25.0)))
    assert [frame.measurements.jaw_deg for frame in frames] == [0.0, 0.5, 0.75, 0.875]
    assert [frame.time_s for frame in frames] == [0.0, 0.04, 0.08, 0.12]
    assert twin.steps_s == pytest.approx([0.04] * 4)


def test_the_twin_waits_in_the_state_of_the_frame_held() -> None:
    twin = FirstOrderTwin()
    for time_s in roll_out(twin, np.ones((4, 10)), 25.0):
        assert len(twin.steps_s) == round(time_s * 25.0)


def test_progress_is_silent_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(tracked(range(5), 5, "counting")) == [0, 1, 2, 3, 4]
    assert capsys.readouterr() == ("", "")


def test_a_back_end_that_the_user_chose_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(gl.VARIABLE, "glfw")
    gl.choose_backend()
    assert os.environ[gl.VARIABLE] == "glfw"


@pytest.mark.parametrize(
    ("present", "chosen"),
    [({"libEGL.so.1", "libOSMesa.so.8"}, "egl"), ({"libOSMesa.so.8"}, "osmesa"), (set(), None)],
)
def test_without_a_screen_a_back_end_is_chosen(
    monkeypatch: pytest.MonkeyPatch, present: set[str], chosen: str | None
) -> None:
    for name in (gl.VARIABLE, "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.setenv(name, "to be removed")
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(gl, "_loads", present.__contains__)
    gl.choose_backend()
    assert os.environ.get(gl.VARIABLE) == chosen


def test_rendering_is_switched_off_where_nothing_is_rendered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(gl.VARIABLE, "osmesa")
    gl.prepare(rendering=False)
    assert os.environ[gl.VARIABLE] == "disabled"


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("osmesa", "MUJOCO_GL=osmesa needs libOSMesa.so.8, which is not installed"),
        ("vulkan", "MUJOCO_GL=vulkan is not a rendering back end"),
    ],
)
def test_a_back_end_that_cannot_work_is_named(
    monkeypatch: pytest.MonkeyPatch, backend: str, message: str
) -> None:
    monkeypatch.setenv(gl.VARIABLE, backend)
    monkeypatch.setattr(gl, "_loads", lambda library: False)
    with pytest.raises(CommandError, match=message):
        gl.prepare(rendering=True)
