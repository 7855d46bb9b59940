"""Video files: what is written is what was asked for, and nothing half-written stays."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from numpy.typing import NDArray

from envs.speech.audio import Audio
from liptwin.errors import CommandError
from liptwin.files import replacing
from liptwin.video import write_video

SIZE = (64, 48)
RATE_HZ = 16_000


@dataclass(frozen=True)
class Probe:
    """What ffmpeg finds in a file by decoding all of it."""

    n_frames: int
    fps: float
    duration_s: float
    listing: str
    sound: NDArray[np.float32]


def probe(path: Path) -> Probe:
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    listed = subprocess.run([ffmpeg, "-i", str(path)], capture_output=True, text=True, check=False)
    n_frames, _ = imageio_ffmpeg.count_frames_and_secs(str(path))
    duration = re.search(r"Duration: (\d+):(\d+):(\d+\.\d+)", listed.stderr)
    fps = re.search(r"([\d.]+) fps", listed.stderr)
    assert duration is not None
    assert fps is not None
    hours, minutes, seconds = (float(part) for part in duration.groups())
    decode = [ffmpeg, "-v", "error", "-i", str(path), "-map", "0:a?", "-ac", "1"]
    decode += ["-ar", str(RATE_HZ), "-f", "f32le", "pipe:1"]
    sound = subprocess.run(decode, capture_output=True, check=False).stdout
    return Probe(
        n_frames,
        float(fps[1]),
        3600 * hours + 60 * minutes + seconds,
        listed.stderr,
        np.frombuffer(sound, dtype="<f4"),
    )


def pictures(n_frames: int, size: tuple[int, int] = SIZE) -> Iterator[NDArray[np.uint8]]:
    width, height = size
    for index in range(n_frames):
        yield np.full((height, width, 3), (200, 5 * index % 256, 20), dtype=np.uint8)


def clicks(duration_s: float, *at_s: float) -> Audio:
    samples = np.zeros(round(duration_s * RATE_HZ), dtype=np.float32)
    for time_s in at_s:
        start = round(time_s * RATE_HZ)
        samples[start : start + 32] = 0.9
    return Audio(samples, RATE_HZ, "clicks")


@pytest.mark.parametrize(
    ("n_frames", "fps", "sound_s"),
    [(30, 30.0, 1.0), (45, 30.0, 0.7), (25, 25.0, 1.9), (61, 29.97, 2.0), (1, 30.0, 0.02)],
)
def test_frames_rate_and_length_are_right(
    tmp_path: Path, n_frames: int, fps: float, sound_s: float
) -> None:
    path = tmp_path / "face.mp4"
    write_video(path, pictures(n_frames), n_frames, SIZE, fps, clicks(sound_s))
    found = probe(path)
    assert found.n_frames == n_frames
    assert found.fps == pytest.approx(fps, abs=0.01)
    assert found.duration_s == pytest.approx(n_frames / fps, abs=1 / fps)
    assert len(found.sound) / RATE_HZ == pytest.approx(n_frames / fps, abs=1 / fps)
    assert re.search(r"Video: h264.*yuv420p.*64x48", found.listing)
    assert "Audio: aac" in found.listing
    assert [entry.name for entry in tmp_path.iterdir()] == ["face.mp4"]


def test_sound_stays_in_step_with_the_pictures(tmp_path: Path) -> None:
    path = tmp_path / "face.mp4"
    write_video(path, pictures(60), 60, SIZE, 30.0, clicks(2.0, 0.5, 1.5))
    envelope = np.abs(probe(path).sound)
    for at_s in (0.5, 1.5):
        window = slice(round((at_s - 0.2) * RATE_HZ), round((at_s + 0.2) * RATE_HZ))
        found_s = (window.start + int(np.argmax(envelope[window]))) / RATE_HZ
        assert found_s == pytest.approx(at_s, abs=0.005)


def test_without_sound_there_is_no_audio_stream(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    write_video(path, pictures(10), 10, SIZE, 30.0)
    found = probe(path)
    assert found.n_frames == 10
    assert "Audio:" not in found.listing


def test_pictures_keep_their_colours(tmp_path: Path) -> None:
    path = tmp_path / "colours.mp4"
    write_video(path, pictures(20), 20, SIZE, 30.0)
    reader = imageio_ffmpeg.read_frames(str(path))
    assert next(reader)["size"] == SIZE
    for index, data in enumerate(reader):
        mean = np.frombuffer(data, np.uint8).reshape(-1, 3).mean(axis=0)
        assert mean == pytest.approx([200, 5 * index, 20], abs=12)


def test_an_odd_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="even numbers"):
        write_video(tmp_path / "odd.mp4", pictures(2, (63, 48)), 2, (63, 48), 30.0)
    assert not list(tmp_path.iterdir())


def test_no_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="nothing to film"):
        write_video(tmp_path / "empty.mp4", pictures(0), 0, SIZE, 30.0)


@pytest.mark.parametrize(("given", "announced"), [(3, 4), (5, 4)])
def test_another_number_of_frames_is_refused(tmp_path: Path, given: int, announced: int) -> None:
    with pytest.raises(ValueError, match=f"{given} frames came where {announced}"):
        write_video(tmp_path / "count.mp4", pictures(given), announced, SIZE, 30.0)
    assert not list(tmp_path.iterdir())


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frame 0 is"):
        write_video(tmp_path / "size.mp4", pictures(2, (32, 32)), 2, SIZE, 30.0)
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "face.mp4"
    path.write_bytes(b"old")

    def interrupted() -> Iterator[NDArray[np.uint8]]:
        yield from pictures(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_video(path, interrupted(), 10, SIZE, 30.0)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["face.mp4"]


@pytest.mark.parametrize("reads", [True, False], ids=["at the end", "at once"])
def test_what_ffmpeg_says_is_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: bool
) -> None:
    broken = tmp_path / "ffmpeg"
    take_pictures = "cat >/dev/null; " if reads else ""
    broken.write_text(f"#!/bin/sh\n{take_pictures}echo 'No space left on device' >&2; exit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", lambda: str(broken))
    with pytest.raises(CommandError, match="No space left on device") as caught:
        write_video(tmp_path / "face.mp4", pictures(2000), 2000, SIZE, 30.0)
    assert caught.value.exit_status == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["ffmpeg"]


def test_replacing_moves_the_file_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with replacing(path) as partial:
        partial.write_text("new")
        assert not path.exists()
        assert partial.suffix == ".csv"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_replacing_says_what_stopped_it(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "table.csv"
    with (
        pytest.raises(CommandError, match="No such file or directory"),
        replacing(path) as partial,
    ):
        partial.write_text("new")
