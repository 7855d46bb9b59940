"""`liptwin target`, `retarget` and `speak --policy nearest / --compare`, as a user meets them."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from envs.speech import Audio, Phone, write_wav
from envs.speech.timeline import write_phones_csv
from liptwin import gl
from liptwin.main import main
from policies import babble
from sim2real.trajectory import read_trajectory_csv

RATE_HZ = 16_000
SIDE = 64
STRIP = 40
SMALL = ["--size", str(SIDE), "--quality", "fast", "--camera", "lip_crop"]
PHONES = (Phone("_", 0.0, 0.2), Phone("m", 0.2, 0.35), Phone("ɑː", 0.35, 0.8))


@pytest.fixture(scope="module")
def small_table() -> babble.BabbleTable:
    return babble.babble(150, seed=0)


@pytest.fixture
def folder(
    tmp_path: Path, small_table: babble.BabbleTable, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Speech of 0.8 s, its phones, and a capture in which the jaw opens at 0.35 s."""
    monkeypatch.setattr("policies.nearest.cached_table", lambda progress: small_table)
    monkeypatch.setenv(gl.VARIABLE, os.environ.get(gl.VARIABLE, ""))  # commands change it
    times = np.arange(round(0.8 * RATE_HZ)) / RATE_HZ
    samples = 0.5 * np.sin(2 * np.pi * 200 * times) * (times > 0.35)
    write_wav(tmp_path / "a.wav", Audio(samples.astype(np.float32), RATE_HZ, "tone"))
    write_phones_csv(tmp_path / "a.phones.csv", PHONES)
    with (tmp_path / "capture.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["time_s", "jawOpen", "mouthFunnel", "mouthPucker"])
        for k in range(24):
            writer.writerow([f"{k / 30:.4f}", 0.5 if k / 30 > 0.35 else 0.0, 0.0, 0.0])
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What the command says on stderr."""
    with pytest.raises(SystemExit) as leaving:
        main(list(map(str, arguments)))
    said = capsys.readouterr()
    assert leaving.value.code in (0, None), said.err
    return said.err


def refusal(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    with pytest.raises(SystemExit) as leaving:
        main(list(map(str, arguments)))
    assert leaving.value.code == 2
    return capsys.readouterr().err


def frames_of(path: Path) -> NDArray[np.uint8]:
    reader = imageio_ffmpeg.read_frames(str(path))
    width, height = next(reader)["size"]
    return np.array([np.frombuffer(data, np.uint8).reshape(height, width, 3) for data in reader])


def column_of(path: Path, name: str) -> NDArray[np.float64]:
    with path.open(newline="") as stream:
        return np.array([float(row[name]) for row in csv.DictReader(stream)])


def darkness(frames: NDArray[np.uint8]) -> float:
    """Share of dark pixels around the middle of a lip crop: an open mouth."""
    middle = frames[:, SIDE // 3 : 2 * SIDE // 3, SIDE // 3 : 2 * SIDE // 3]
    return float((middle.max(axis=-1) < 70).mean())


def test_the_target_opens_its_mouth_over_the_strip(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, lips = folder / "t.mp4", folder / "t.csv"
    phones = ["--phones", folder / "a.phones.csv"]
    run(capsys, "target", folder / "a.wav", *phones, "-o", video, "--measurements", lips, *SMALL)
    frames = frames_of(video)
    assert frames.shape == (24, SIDE + STRIP, SIDE, 3)
    assert darkness(frames[6:10]) < 0.02
    assert darkness(frames[16:20]) > 0.1
    assert not np.array_equal(frames[4, SIDE:], frames[20, SIDE:])
    apertures = column_of(lips, "aperture_mm")
    assert len(apertures) == 24
    assert apertures[8] == 0.0
    assert column_of(lips, "lips_touching")[8] == 1.0
    assert apertures[17] > 6.0


def test_the_target_of_a_text_needs_no_phones(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("espeakng_loader")
    run(capsys, "target", "--text", "papa", "--measurements", folder / "t.csv")
    apertures = column_of(folder / "t.csv", "aperture_mm")
    assert apertures.min() == 0.0
    assert apertures.max() > 5.0


def test_a_capture_is_a_target_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = ["--capture", folder / "capture.csv"]
    run(capsys, "target", folder / "a.wav", *capture, "--measurements", folder / "t.csv")
    jaw_deg = column_of(folder / "t.csv", "jaw_deg")
    assert jaw_deg[5] == 0.0
    assert jaw_deg[20] > 5.0


def test_retargeting_writes_what_speaking_writes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, commands, lips = (folder / name for name in ("r.mp4", "c.csv", "lips.csv"))
    sound = ["--audio", folder / "a.wav"]
    outputs = ["-o", video, "--trajectory", commands, "--measurements", lips]
    run(capsys, "retarget", folder / "capture.csv", *sound, *outputs, *SMALL)
    assert frames_of(video).shape == (24, SIDE, SIDE, 3)
    assert len(read_trajectory_csv(commands).times_s) == 24
    jaw_deg = column_of(lips, "jaw_deg")
    assert jaw_deg[20] > jaw_deg[5] + 3.0


def test_the_nearest_policy_speaks_phones(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lips = folder / "lips.csv"
    phones = ["--phones", folder / "a.phones.csv"]
    run(capsys, "speak", folder / "a.wav", *phones, "--policy", "nearest", "--measurements", lips)
    apertures = column_of(lips, "aperture_mm")
    assert apertures[20] > apertures[8] + 4.0


def test_comparing_shows_four_faces_over_one_strip(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="needs torch: pip install 'liptwin[learn]'")
    pytest.importorskip("librosa", reason="needs librosa: pip install 'liptwin[learn]'")
    from policies.learned.action_transformer import ActionTransformer
    from policies.learned.imagination import Imagination
    from policies.learned.speech_encoder import SpeechEncoder
    from policies.learned.weights import save_weights

    untrained = {"speech": SpeechEncoder, "imagination": Imagination, "action": ActionTransformer}
    for name, network in untrained.items():
        save_weights(folder / f"{name}.safetensors", network())
    video = folder / "c.mp4"
    known = ["--phones", folder / "a.phones.csv", "--weights", folder]
    run(capsys, "speak", folder / "a.wav", *known, "--compare", "-o", video, *SMALL)
    frames = frames_of(video)
    assert frames.shape == (24, SIDE + STRIP, 4 * SIDE, 3)
    for panel in (0, 2, 3):  # the second one has not learned to speak
        face = frames[:, :SIDE, panel * SIDE : (panel + 1) * SIDE]
        assert darkness(face[18:22]) > darkness(face[4:6]) + 0.05


def test_bad_input_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video, sound = folder / "x.mp4", folder / "a.wav"
    not_a_capture = folder / "a.phones.csv"
    before = sorted(path.name for path in folder.iterdir())
    refusals: dict[str, list[str | Path]] = {
        "neither its phones nor its lips are known": ["target", sound, "-o", video],
        "--policy nearest": ["speak", sound, "--policy", "nearest", "-o", video],
        "an audio file, or --text": ["target", "-o", video],
        "go with an audio file": ["target", "--text", "hi", "--phones", sound, "-o", video],
        "nothing to do": ["target", sound],
        "--compare makes a video": [
            "speak", sound, "--compare", "-o", video, "--trajectory", folder / "x.csv",
        ],
        "there is neither 'time_s' nor 'Timecode'": [
            "retarget", not_a_capture, "--audio", sound, "-o", video,
        ],
        "none.csv": ["speak", sound, "--phones", folder / "none.csv", "-o", video],
    }  # fmt: skip
    for message, arguments in refusals.items():
        assert message in refusal(capsys, *arguments)
    assert "--audio" in refusal(capsys, "retarget", not_a_capture, "-o", video)
    assert sorted(path.name for path in folder.iterdir()) == before
