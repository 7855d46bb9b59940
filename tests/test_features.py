"""Log-mel features: on the frame grid, the same in blocks, and blind to the microphone's gain."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from envs.speech.audio import Audio, AudioError, load_audio
from envs.speech.features import (
    BAND_RANGE_HZ,
    FINE_FPS,
    FLOOR,
    LOOK_AHEAD_MS,
    N_BANDS,
    UNIT_DB,
    FeatureError,
    Features,
    FeatureStream,
    feature_blocks,
    features,
    joined,
)
from envs.speech.frames import frame_count
from envs.speech.level import FIRST_LEVEL_DBFS, RunningLevel

pytestmark = pytest.mark.skipif(
    find_spec("librosa") is None, reason="librosa is absent (extra learn)"
)

RATE_HZ = 16_000
Samples = NDArray[np.float32]


def sound(samples: NDArray[np.floating]) -> Audio:
    return Audio(samples.astype(np.float32), RATE_HZ, "a test")


def syllables(duration_s: float, amplitude: float = 0.3) -> Samples:
    """Noise at four syllables a second, with a pause in each other second."""
    times = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    loud = np.sin(4 * np.pi * times) ** 2 * (times % 2 < 1.2)
    noise = np.random.default_rng(0).uniform(-1, 1, len(times))
    return (amplitude * loud * noise).astype(np.float32)


def tone(hz: float, duration_s: float = 1.0) -> Samples:
    times = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    return np.sin(2 * np.pi * hz * times, dtype=np.float64).astype(np.float32)


def assert_same(found: Features, wanted: Features) -> None:
    assert len(found) == len(wanted)
    np.testing.assert_allclose(found.log_mel, wanted.log_mel, atol=1e-6)
    np.testing.assert_allclose(found.loudness, wanted.loudness, atol=1e-6)
    np.testing.assert_allclose(found.level_dbfs, wanted.level_dbfs, rtol=1e-6)


@settings(deadline=None, max_examples=15)
@given(
    n_samples=st.integers(1, 10_000),
    fps=st.sampled_from((10.0, 24.0, 30_000 / 1001, 30.0, FINE_FPS)),
    sizes=st.lists(st.one_of(st.integers(0, 50), st.integers(0, 5_000)), max_size=10),
)
def test_features_do_not_depend_on_the_blocks(n_samples: int, fps: float, sizes: list[int]) -> None:
    samples = syllables(n_samples / RATE_HZ)
    stream, heard, first = FeatureStream(fps), [], 0
    for size in [*sizes, n_samples]:
        heard.append(stream.push(samples[first : first + size]))
        first += size
    whole = features(sound(samples), fps)
    assert len(whole) == frame_count(len(samples) / RATE_HZ, fps)
    assert_same(joined([*heard, stream.finish()]), whole)


@pytest.mark.parametrize("fps", [24.0, 30.0, FINE_FPS])
def test_a_click_is_heard_in_its_frame_after_minutes(fps: float) -> None:
    frame = round(119.0 * fps) + 1
    samples = np.zeros(120 * RATE_HZ)
    samples[round(frame * RATE_HZ / fps)] = 0.9
    found = features(sound(samples), fps)
    assert int(found.log_mel.sum(axis=1).argmax()) == frame
    assert found.log_mel[frame - 4 : frame + 5].mean() > FLOOR


def test_a_tone_sounds_in_its_band_at_its_level() -> None:
    for hz in (150.0, 1000.0, 4000.0):
        found = features(sound(0.5 * tone(hz)))
        decibels = UNIT_DB * found.log_mel[50] + found.level_dbfs[50]
        assert decibels.max() == pytest.approx(-6.0, abs=2.0)
        assert decibels[np.abs(np.arange(N_BANDS) - decibels.argmax()) > 3].max() < -40.0


def test_no_band_is_deaf() -> None:
    sweep = np.linspace(*BAND_RANGE_HZ, 10 * RATE_HZ)
    samples = 0.5 * np.sin(2 * np.pi * np.cumsum(sweep) / RATE_HZ)
    found = features(sound(samples)).log_mel
    assert np.all(found.max(axis=0) > -0.5)
    assert np.all(np.diff(found.argmax(axis=0)) > 0)


def test_distance_from_the_microphone_does_not_matter() -> None:
    near, far = (features(sound(gain * syllables(20.0))) for gain in (1.0, 0.2))
    later = slice(round(5 * FINE_FPS), None)
    heard = near.log_mel[later] > -2.0
    assert np.abs(near.log_mel[later] - far.log_mel[later])[heard].max() < 0.1
    assert np.abs(near.loudness[later] - far.loudness[later]).max() < 0.15
    np.testing.assert_allclose(near.level_dbfs[-1] - far.level_dbfs[-1], 14.0, atol=0.5)


def test_the_past_does_not_know_the_future() -> None:
    samples = syllables(4.0)
    other = samples.copy()
    other[round(2.6 * RATE_HZ) :] = 0.9
    known = int((2.6 - LOOK_AHEAD_MS / 1000) * FINE_FPS)
    one, two = features(sound(samples)), features(sound(other))
    np.testing.assert_array_equal(one.log_mel[:known], two.log_mel[:known])
    assert one.loudness[known + 2] != two.loudness[known + 2]
    assert FeatureStream().look_ahead_s == pytest.approx(LOOK_AHEAD_MS / 1000)


def test_noise_in_a_long_pause_stays_quiet() -> None:
    speech, hum = syllables(10.0), 0.002 * np.random.default_rng(1).standard_normal(30 * RATE_HZ)
    found = features(sound(np.concatenate([speech, hum])))
    assert found.level_dbfs[999] - found.level_dbfs[-1] < 6.0
    assert found.loudness[1100:].max() < 0.4


@pytest.mark.parametrize(
    ("samples", "n_frames"),
    [(np.zeros(1), 1), (np.full(1, 1.0), 1), (tone(500)[:100], 1), (np.zeros(RATE_HZ), 100)],
    ids=["one silent sample", "one loud sample", "less than a window", "silence"],
)
def test_short_and_silent_sounds_have_features(
    samples: NDArray[np.floating], n_frames: int
) -> None:
    found = features(sound(samples))
    assert found.log_mel.shape == (n_frames, N_BANDS)
    assert found.loudness.shape == found.level_dbfs.shape == (n_frames,)
    assert np.all(np.isfinite(found.log_mel))
    if not samples.any():
        assert np.all(found.log_mel == FLOOR)
        assert np.all(found.loudness == 0.0)
        np.testing.assert_allclose(found.level_dbfs, FIRST_LEVEL_DBFS)


def test_clipped_sound_has_features() -> None:
    found = features(sound(np.clip(5.0 * tone(200, 3.0), -1, 1)))
    assert np.all(np.isfinite(found.log_mel))
    assert found.level_dbfs[-1] == pytest.approx(0.0, abs=4.0)


def test_a_telephone_has_nothing_in_the_upper_bands(tmp_path: Path) -> None:
    path = tmp_path / "phone.wav"
    soundfile.write(path, syllables(2.0)[::2], 8_000)
    found = features(load_audio(path)).log_mel
    assert found[:, -5:].max() < -2.0
    assert found[:, 10:20].max() > -0.5


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 3.0])
def test_blocks_that_are_no_sound_are_refused(wrong: float) -> None:
    block = np.zeros(10)
    block[3] = wrong
    with pytest.raises(AudioError, match="sample 3 is"):
        FeatureStream().push(block)


def test_nothing_heard_gives_no_frames() -> None:
    found = FeatureStream().finish()
    assert found.log_mel.shape == (0, N_BANDS)
    assert len(found) == 0


def test_another_sample_rate_is_refused() -> None:
    with pytest.raises(FeatureError, match="at 16000 Hz, not 8000"):
        next(feature_blocks(Audio(np.zeros(8_000, np.float32), 8_000, "a test")))


@pytest.mark.parametrize("fps", [0.0, -30.0, np.nan, 1e4])
def test_odd_frame_rates_are_refused(fps: float) -> None:
    with pytest.raises(ValueError, match="frame rate"):
        FeatureStream(fps)


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "librosa", None)
    with pytest.raises(FeatureError, match=r"liptwin\[learn\]"):
        FeatureStream()


def test_the_level_finds_a_voice_and_ignores_silence() -> None:
    level = RunningLevel(FINE_FPS)
    assert level.push(np.zeros(100))[-1] == FIRST_LEVEL_DBFS
    voice = level.push(np.full(300, 0.01))
    assert voice[-1] == pytest.approx(-40.0, abs=1.5)
    assert np.all(np.diff(voice) < 0)
    assert level.push(np.zeros(100))[-1] == voice[-1]
    # far away by now, and therefore a pause at first
    assert level.push(np.full(12_000, 0.0015))[-1] == pytest.approx(-56.5, abs=1.5)
