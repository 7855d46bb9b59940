"""Sound in blocks: however it is cut, what comes out is the same."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from envs.speech.audio import Audio, AudioError, load_audio, write_wav
from envs.speech.frames import frame_count, frame_samples
from envs.speech.loudness import LoudnessStream, loudness
from envs.speech.recording import audio_blocks, open_recording
from envs.speech.streaming import FrameWindows
from liptwin.errors import CommandError
from liptwin.production import measurement_writer
from liptwin.rollout import MeasuredFrame
from liptwin.strip import SpeechStrip
from liptwin.video import write_video
from sim.measurements import LipMeasurements

RATES_HZ = (8_000, 11_025, 16_000)
FRAME_RATES = (1.0, 7.5, 24.0, 30_000 / 1001, 30.0, 60.0, 100.0, 333.0)

Samples = NDArray[np.float32]


def noise(n_samples: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, n_samples).astype(np.float32)


def cut(samples: Samples, sizes: list[int]) -> Iterator[Samples]:
    """Blocks of the sizes in turn, then the rest."""
    first = 0
    for size in sizes:
        yield samples[first : first + size]
        first += size
    yield samples[first:]


@pytest.fixture
def stereo_file(tmp_path: Path) -> Path:
    """Five seconds at 44.1 kHz, more than one block of any reader."""
    path = tmp_path / "stereo.flac"
    left = noise(5 * 44_100) * np.linspace(0, 1, 5 * 44_100, dtype=np.float32)
    soundfile.write(path, np.column_stack([left, -0.3 * left]), 44_100)
    return path


@given(
    frame=st.integers(0, 24 * 3600 * 1000),
    fps=st.sampled_from(FRAME_RATES),
    rate_hz=st.sampled_from((8_000, 16_000, 44_100, 192_000)),
)
def test_a_frame_is_never_more_than_half_a_sample_off(frame: int, fps: float, rate_hz: int) -> None:
    exact = frame * rate_hz / Fraction(fps).limit_denominator(100_000)
    assert abs(int(frame_samples(frame, frame + 1, fps, rate_hz)[0]) - exact) <= Fraction(1, 2)


@settings(deadline=None)
@given(
    n_samples=st.integers(1, 30_000),
    rate_hz=st.sampled_from(RATES_HZ),
    fps=st.sampled_from(FRAME_RATES),
    sizes=st.lists(st.one_of(st.integers(0, 50), st.integers(0, 5_000)), max_size=12),
)
def test_loudness_does_not_depend_on_the_blocks(
    n_samples: int, rate_hz: int, fps: float, sizes: list[int]
) -> None:
    samples = noise(n_samples, seed=n_samples)
    stream = LoudnessStream(rate_hz, fps)
    heard = [stream.push(block) for block in cut(samples, sizes)]
    whole = loudness(Audio(samples, rate_hz, "noise"), fps)
    assert len(whole) == frame_count(n_samples / rate_hz, fps)
    np.testing.assert_array_equal(np.concatenate([*heard, stream.finish()]), whole)


@pytest.mark.parametrize("fps", FRAME_RATES)
@pytest.mark.parametrize("width", [1, 7, 512, 1024])
def test_windows_are_centred_on_their_frames(fps: float, width: int) -> None:
    samples = np.linspace(0.1, 0.9, 20_000, dtype=np.float32)
    windows = FrameWindows(width, 16_000, fps)
    found = np.concatenate([*windows.push(samples), *windows.finish()])
    centres = frame_samples(0, len(found), fps, 16_000)
    np.testing.assert_array_equal(found[:, width // 2], samples[centres])


@pytest.mark.parametrize("fps", FRAME_RATES)
def test_a_frame_comes_out_after_the_stated_look_ahead(fps: float) -> None:
    rate_hz, step = 8_000, 16
    windows = FrameWindows(512, rate_hz, fps)
    out = 0
    for heard in range(step, 3 * rate_hz, step):
        out += sum(len(some) for some in windows.push(noise(step)))
        due = (heard / rate_hz - windows.look_ahead_s) * fps
        rounding = fps / rate_hz  # a frame lies on the nearest sample
        # frame 0 belongs to the shortest sound, so it may come before half of it has passed
        assert due - rounding <= out <= max(1.0, due + 1 + rounding)


def test_loudness_states_its_look_ahead() -> None:
    assert LoudnessStream(16_000, 30.0).look_ahead_s == pytest.approx(0.032 + 2 / 30)


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (np.array([0.0, np.nan], np.float32), "sample 1001 is nan"),
        (np.array([np.inf], np.float32), "sample 1000 is inf"),
        (np.array([0.0, 0.0, -1.5], np.float32), "sample 1002 is -1.5"),
        (np.zeros(3, np.int16), "floats in .*not int16"),
        (np.zeros((3, 2), np.float32), "one row"),
    ],
)
def test_a_bad_block_is_refused_and_does_no_harm(block: NDArray[np.floating], message: str) -> None:
    samples = noise(3_000)
    stream = LoudnessStream(16_000, 30.0)
    heard = [stream.push(samples[:1_000])]
    with pytest.raises(AudioError, match=message):
        stream.push(block)
    heard += [stream.push(samples[1_000:]), stream.finish()]
    whole = loudness(Audio(samples, 16_000, "noise"), 30.0)
    np.testing.assert_array_equal(np.concatenate(heard), whole)


def test_a_finished_stream_takes_nothing_more() -> None:
    stream = LoudnessStream(16_000, 30.0)
    assert stream.finish().shape == (0,)  # nothing was heard
    with pytest.raises(AudioError, match="finished"):
        stream.push(noise(3))
    with pytest.raises(AudioError, match="finished"):
        stream.finish()


def test_a_recording_is_the_loaded_sound(stereo_file: Path) -> None:
    recording, audio = open_recording(stereo_file), load_audio(stereo_file)
    assert (recording.rate_hz, recording.n_samples) == (16_000, audio.n_samples)
    assert recording.duration_s == audio.duration_s == pytest.approx(5.0, abs=0.01)
    assert recording.source == audio.source == str(stereo_file)
    assert recording.report == audio.report
    for _ in range(2):  # as often as one likes
        np.testing.assert_array_equal(np.concatenate(list(recording.blocks())), audio.samples)
    np.testing.assert_array_equal(np.concatenate(list(audio.blocks())), audio.samples)
    np.testing.assert_array_equal(loudness(recording, 30.0), loudness(audio, 30.0))


def test_a_recording_comes_in_small_blocks(stereo_file: Path) -> None:
    assert max(block.size for block in audio_blocks(stereo_file)) < 2 * 65_536


def test_a_recording_is_written_and_drawn_like_the_loaded_sound(
    stereo_file: Path, tmp_path: Path
) -> None:
    recording, audio = open_recording(stereo_file), load_audio(stereo_file)
    write_wav(tmp_path / "recording.wav", recording)
    write_wav(tmp_path / "audio.wav", audio)
    assert (tmp_path / "recording.wav").read_bytes() == (tmp_path / "audio.wav").read_bytes()
    np.testing.assert_array_equal(
        SpeechStrip(recording, (), 200, 40).picture(4.0),
        SpeechStrip(audio, (), 200, 40).picture(4.0),
    )


def test_a_file_that_changes_in_between_is_noticed(stereo_file: Path) -> None:
    recording = open_recording(stereo_file)
    for seconds in (4, 6):
        soundfile.write(stereo_file, np.zeros(seconds * 44_100), 44_100)
        with pytest.raises(AudioError, match="changed while it was in use"):
            list(recording.blocks())


def test_a_file_that_vanishes_leaves_no_video(stereo_file: Path, tmp_path: Path) -> None:
    recording = open_recording(stereo_file)
    stereo_file.unlink()
    frames = (np.zeros((48, 64, 3), np.uint8) for _ in range(10))
    with pytest.raises(CommandError, match="no such file"):
        write_video(tmp_path / "face.mp4", frames, 10, (64, 48), 30.0, recording)
    assert not list(tmp_path.iterdir())


def test_measurements_are_written_as_they_come_and_appear_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "lips.csv"
    frame = MeasuredFrame(0.5, LipMeasurements(1.0, 50.0, 0.0, 3.0, True, False))

    def interrupted() -> None:
        with measurement_writer(path) as write:
            write(frame)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())
    with measurement_writer(path) as write:
        write(frame)
        assert not path.exists()
    assert path.read_text().splitlines()[1:] == ["0.500000,1.0000,50.0000,0.0000,3.0000,1,0"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_long_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "hours.wav"
    with soundfile.SoundFile(path, "w", 8_000, 1) as stream:
        stream.write(np.zeros(8_000 * 11, np.int16))
    with pytest.raises(AudioError, match=r"lasts 11\.0 s.*limit is 10\.0 s"):
        next(audio_blocks(path, max_duration_s=10.0))
    assert open_recording(path, max_duration_s=12.0).duration_s == pytest.approx(11.0, abs=0.01)


@settings(deadline=None, max_examples=20)
@given(content=st.binary(min_size=1, max_size=200))
def test_any_bytes_are_a_recording_or_an_audio_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.wav"
    path.write_bytes(b"RIFF\xff\0\0\0WAVEfmt \x10\0\0\0" + content)
    try:
        recording = open_recording(path)
    except AudioError:
        return
    assert sum(block.size for block in recording.blocks()) == recording.n_samples >= 1
