"""Audio files of every kind, and the loudness that follows from them."""

import csv
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from envs.speech import (
    Audio,
    AudioError,
    frame_count,
    frame_times,
    load_audio,
    loudness,
    write_wav,
)

CAPTURES = Path(__file__).resolve().parents[2] / "shared" / "human_speech"


def tone(
    rate_hz: int, duration_s: float = 1.0, amplitude: float = 0.5, frequency_hz: float = 440.0
) -> NDArray[np.float32]:
    times = np.arange(round(rate_hz * duration_s)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * frequency_hz * times)).astype(np.float32)


def ffmpeg(*arguments: str | Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y"]
    subprocess.run([*command, *map(str, arguments)], check=True)


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "tone.wav"
    soundfile.write(path, tone(16_000), 16_000)
    return path


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_rate_and_channel_count_becomes_16_khz_mono(
    tmp_path: Path, rate_hz: int, channels: int
) -> None:
    path = tmp_path / "tone.wav"
    soundfile.write(path, np.column_stack([tone(rate_hz)] * channels), rate_hz, subtype="FLOAT")
    audio = load_audio(path)
    assert audio.rate_hz == 16_000
    assert audio.samples.size == 16_000
    assert audio.report is not None
    assert (audio.report.native_rate_hz, audio.report.channels) == (rate_hz, channels)
    np.testing.assert_allclose(audio.samples[500:-500], tone(16_000)[500:-500], atol=2e-3)


def test_stereo_is_averaged(tmp_path: Path) -> None:
    path = tmp_path / "left.wav"
    soundfile.write(path, np.column_stack([tone(48_000), 0 * tone(48_000)]), 48_000)
    report = load_audio(path).report
    assert report is not None
    assert report.peak == pytest.approx(0.25, abs=1e-3)


def test_a_low_rate_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "phone.wav"
    soundfile.write(path, tone(8_000), 8_000)
    (warning,) = load_audio(path).warnings
    assert "8000 Hz" in warning


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("tone.mp3", ["-c:a", "libmp3lame"]),
        ("tone.ogg", ["-c:a", "libvorbis"]),
        ("tone.opus", ["-c:a", "libopus"]),
        ("tone.flac", []),
        ("tone.m4a", ["-c:a", "aac"]),
        ("tone.aac", ["-c:a", "aac", "-f", "adts"]),
        ("tone.mkv", ["-c:a", "aac"]),
        ("-odd: name%d.m4a", ["-c:a", "aac"]),
    ],
)
def test_compressed_formats(wav: Path, name: str, arguments: list[str]) -> None:
    path = wav.with_name(name)
    ffmpeg("-i", wav, *arguments, f"file:{path}")
    audio = load_audio(path)
    assert audio.rate_hz == 16_000
    assert audio.duration_s == pytest.approx(1.0, abs=0.15)  # encoders pad
    middle = audio.samples[4000:12_000].astype(np.float64)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
    assert audio.warnings == ()


def test_the_sound_track_of_a_video_is_read(wav: Path) -> None:
    path = wav.with_name("clip.mp4")
    ffmpeg("-f", "lavfi", "-i", "color=size=64x64:duration=1", "-i", wav, "-c:a", "aac", path)
    assert load_audio(path).duration_s == pytest.approx(1.0, abs=0.15)


def test_silence_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "silent.wav"
    soundfile.write(path, np.zeros(16_000), 16_000)
    audio = load_audio(path)
    assert audio.report is not None
    assert audio.report.silent
    assert audio.report.rms_dbfs == -np.inf
    assert "silent" in audio.warnings[0]


def test_clipping_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "clipped.wav"
    soundfile.write(path, np.clip(tone(48_000, amplitude=3.0), -1, 1), 48_000)
    audio = load_audio(path)
    assert audio.report is not None
    assert audio.report.clipped_fraction > 0.5
    assert any("clipped" in warning for warning in audio.warnings)
    assert np.max(np.abs(audio.samples)) <= 1.0


def write_nan(path: Path) -> None:
    samples = tone(16_000)
    samples[8_000] = np.nan
    soundfile.write(path, samples, 16_000, subtype="FLOAT")


def write_video_without_sound(path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "color=size=64x64:duration=0.2", path)


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("missing.wav", lambda path: None, "no such file"),
        ("folder.wav", lambda path: path.mkdir(), "directory"),
        ("empty.wav", lambda path: path.write_bytes(b""), "empty"),
        ("none.wav", lambda path: soundfile.write(path, np.zeros(0), 16_000), "no samples"),
        ("noise.wav", lambda path: path.write_bytes(bytes(range(256)) * 40), "not audio"),
        ("header.wav", lambda path: path.write_bytes(b"RIFF\x10\0\0\0WAVEfmt "), "not audio"),
        ("noise.m4a", lambda path: path.write_bytes(b"\0\0\0\x20ftypM4A " + b"x" * 999), "damaged"),
        (
            "headerless.raw",
            lambda path: path.write_bytes(b"\1\2" * 999),
            "no audio track|not audio",
        ),
        ("nan.wav", write_nan, r"sample 8000 \(0\.500 s\) is not a number"),
        ("film.mp4", write_video_without_sound, "no audio track"),
        ("bad\0name.wav", lambda path: None, "no such file|not a usable file name"),
    ],
)
def test_errors_name_the_file_and_the_fault(
    tmp_path: Path, name: str, make: object, message: str
) -> None:
    path = tmp_path / name
    assert callable(make)
    make(path)
    with pytest.raises(AudioError, match=message) as caught:
        load_audio(path)
    assert name in str(caught.value)


@pytest.mark.parametrize("suffix", [".flac", ".m4a", ".aac"])
def test_long_files_are_refused(wav: Path, suffix: str) -> None:
    path = wav.with_suffix(suffix)
    ffmpeg("-stream_loop", "4", "-i", wav, path)
    with pytest.raises(AudioError, match="max_duration_s"):
        load_audio(path, max_duration_s=3.0)
    assert load_audio(path, max_duration_s=6.0).duration_s == pytest.approx(5.0, abs=0.2)


def test_a_long_file_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "hours.flac"
    block = np.zeros(8_000 * 600, np.int16)
    with soundfile.SoundFile(path, "w", 8_000, 1) as stream:
        for _ in range(30):
            stream.write(block)
    with pytest.raises(AudioError, match=r"18000\.0 s"):
        load_audio(path)


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_are_audio_or_an_audio_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.wav"
    path.write_bytes(b"RIFF\xff\0\0\0WAVEfmt \x10\0\0\0" + content)
    try:
        audio = load_audio(path)
    except AudioError:
        return
    assert np.all(np.abs(audio.samples) <= 1.0)


def test_write_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "out.wav"
    write_wav(path, Audio(tone(16_000), 16_000, "a tone"))
    np.testing.assert_allclose(load_audio(path).samples, tone(16_000), atol=1 / 32_000)
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.wav"]


def test_write_into_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="folder"):
        write_wav(tmp_path / "missing" / "out.wav", Audio(tone(16_000), 16_000, "a tone"))


@pytest.mark.parametrize(
    ("samples", "rate_hz"),
    [
        (np.zeros((2, 2), np.float32), 16_000),
        (np.zeros(2), 16_000),
        (np.zeros(0, np.float32), 16_000),
        (np.zeros(2, np.float32), 0),
        (np.full(2, 1.5, np.float32), 16_000),
        (np.full(2, np.nan, np.float32), 16_000),
    ],
)
def test_audio_checks_itself(samples: NDArray[np.float32], rate_hz: int) -> None:
    with pytest.raises(AudioError):
        Audio(samples, rate_hz, "a test")


@given(
    n_samples=st.integers(1, 3600 * 16_000),
    fps=st.sampled_from([12.5, 24.0, 25.0, 30_000 / 1001, 30.0, 50.0, 100.0]),
)
def test_frames_cover_the_sound_to_within_one_frame(n_samples: int, fps: float) -> None:
    duration_s = n_samples / 16_000
    assert abs(frame_count(duration_s, fps) / fps - duration_s) <= 1 / fps


def test_frame_times_do_not_drift_in_an_hour() -> None:
    assert frame_times(frame_count(3600.0, 30.0), 30.0)[-1] == pytest.approx(3600 - 1 / 30, 1e-12)


def test_loudness_is_centred_on_a_click() -> None:
    samples = np.zeros(32_000, np.float32)
    samples[16_000] = 1.0
    peak = np.flatnonzero(loudness(Audio(samples, 16_000, "a click"), 30.0))
    assert peak.mean() == 30.0


def test_loudness_stays_in_step_for_an_hour() -> None:
    samples = np.zeros(3600 * 16_000, np.float32)
    samples[3599 * 16_000] = 1.0
    heard = np.flatnonzero(loudness(Audio(samples, 16_000, "a late click"), 30.0))
    assert heard.mean() == 3599 * 30


def test_loudness_of_a_constant_tone() -> None:
    loud = loudness(Audio(tone(16_000, 2.0), 16_000, "a tone"), 30.0)
    assert loud.shape == (60,)
    np.testing.assert_allclose(loud[5:-5], (0.5 / np.sqrt(2)) ** 0.5, rtol=1e-2)


@pytest.mark.parametrize("n_samples", [1, 100, 1500])
def test_loudness_of_very_short_sounds(n_samples: int) -> None:
    audio = Audio(np.full(n_samples, 0.5, np.float32), 16_000, "short")
    assert loudness(audio, 30.0).shape == (frame_count(audio.duration_s, 30.0),)


@pytest.mark.parametrize("fps", [0.0, -30.0, float("nan"), float("inf")])
def test_loudness_refuses_odd_frame_rates(fps: float) -> None:
    with pytest.raises(ValueError, match="frame rate"):
        loudness(Audio(tone(16_000), 16_000, "a tone"), fps)


@pytest.mark.skipif(
    not CAPTURES.is_dir(), reason=f"the human capture benchmark is not at {CAPTURES}"
)
@pytest.mark.parametrize(("take", "expected"), [("1114_2_01", 0.78), ("1114_3_15", 0.62)])
def test_loudness_follows_a_captured_jaw_as_published(take: str, expected: float) -> None:
    loud = loudness(load_audio(CAPTURES / f"{take}.flac"), 30.0)
    with (CAPTURES / f"{take}.csv").open(newline="") as stream:
        jaw = np.array([float(row["jawOpen"]) for row in csv.DictReader(stream)])
    n = min(len(loud), len(jaw))
    assert abs(len(loud) - len(jaw)) <= 1
    assert np.corrcoef(loud[:n], jaw[:n])[0, 1] == pytest.approx(expected, abs=0.03)
