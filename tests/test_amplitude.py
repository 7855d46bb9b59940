"""The amplitude baseline opens the mouth by loudness and moves nothing else."""

import csv
from pathlib import Path

import numpy as np
import pytest

from envs.speech import Audio, frame_count, load_audio, write_wav
from envs.speech.recording import open_recording
from policies import AmplitudePolicy, Speech, make_policy
from policies.amplitude import OPENING_GAINS
from sim.dof import DOF_NAMES, N_DOF
from sim.servo_table import load_servo_table

CAPTURES = Path(__file__).resolve().parents[2] / "shared" / "human_speech"
REST = load_servo_table().rest_commands
JAW = DOF_NAMES.index("jaw_open")


def bursts(amplitude: float = 0.4, noise: float = 0.0) -> Audio:
    """Four seconds: a burst in each second's first half."""
    rng = np.random.default_rng(0)
    times = np.arange(4 * 16_000) / 16_000
    samples = amplitude * np.sin(2 * np.pi * 150 * times) * (times % 1.0 < 0.5)
    samples += noise * rng.standard_normal(len(times))
    return Audio(samples.astype(np.float32), 16_000, "bursts")


def test_it_is_registered() -> None:
    policy = make_policy("amplitude")
    assert policy.name == "amplitude"
    assert isinstance(policy, AmplitudePolicy)


@pytest.mark.parametrize("fps", [25.0, 30.0, 100.0])
def test_shape_and_range(fps: float) -> None:
    audio = bursts()
    commands = AmplitudePolicy().commands(Speech(audio), fps)
    assert commands.shape == (frame_count(audio.duration_s, fps), N_DOF)
    assert commands.min() >= 0.0
    assert commands.max() <= 1.0


@pytest.mark.parametrize("amplitude", [0.02, 0.4, 0.9])
def test_the_jaw_opens_in_bursts_at_any_level(amplitude: float) -> None:
    jaw = AmplitudePolicy().commands(Speech(bursts(amplitude)), 30.0)[:, JAW]
    assert jaw[7] > 0.95
    assert jaw[22] == REST[JAW]


def test_faint_noise_does_not_open_the_mouth() -> None:
    jaw = AmplitudePolicy().commands(Speech(bursts(noise=0.001)), 30.0)[:, JAW]
    assert jaw[22] == REST[JAW]


def test_all_other_degrees_of_freedom_stay_at_rest() -> None:
    commands = AmplitudePolicy().commands(Speech(bursts()), 30.0)
    still = [dof for dof, name in enumerate(DOF_NAMES) if name not in OPENING_GAINS]
    np.testing.assert_array_equal(commands[:, still], np.tile(REST[still], (len(commands), 1)))


@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_a_silent_file_stays_at_rest(level: float) -> None:
    samples = (level * np.random.default_rng(0).standard_normal(32_000)).astype(np.float32)
    silence = Speech(Audio(samples, 16_000, "silence"))
    commands = AmplitudePolicy().commands(silence, 30.0)
    np.testing.assert_array_equal(commands, np.tile(REST, (60, 1)))


def test_one_sample_is_enough() -> None:
    audio = Audio(np.ones(1, np.float32), 16_000, "one sample")
    assert AmplitudePolicy().commands(Speech(audio), 30.0).shape == (1, N_DOF)


def test_a_recording_on_disk_opens_the_mouth_alike(tmp_path: Path) -> None:
    path = tmp_path / "bursts.wav"
    write_wav(path, bursts())
    held = AmplitudePolicy().commands(Speech(load_audio(path)), 30.0)
    np.testing.assert_array_equal(
        AmplitudePolicy().commands(Speech(open_recording(path)), 30.0), held
    )


@pytest.mark.skipif(
    not CAPTURES.is_dir(), reason=f"the human capture benchmark is not at {CAPTURES}"
)
@pytest.mark.parametrize(("take", "expected"), [("1114_2_01", 0.78), ("1114_3_15", 0.62)])
def test_the_jaw_follows_a_captured_jaw_as_published(take: str, expected: float) -> None:
    speech = Speech(load_audio(CAPTURES / f"{take}.flac"))
    commands = AmplitudePolicy().commands(speech, 30.0)
    with (CAPTURES / f"{take}.csv").open(newline="") as stream:
        jaw = np.array([float(row["jawOpen"]) for row in csv.DictReader(stream)])
    n = min(len(commands), len(jaw))
    assert np.corrcoef(commands[:n, JAW], jaw[:n])[0, 1] == pytest.approx(expected, abs=0.03)
