"""Write video files that play everywhere: H.264 and AAC in MP4."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import IO

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt
import soundfile

from envs.speech.audio import AudioError, Sound
from liptwin.errors import CommandError
from liptwin.files import replacing

# Constant rate factor of x264: 18 is commonly taken as visually lossless.
_CRF = "18"
# AAC packs 1024 samples; at this rate a packet is shorter than a video frame, so that sound and
# picture end together to within a frame.
_SOUND_RATE_HZ = "48000"


def write_video(
    path: Path,
    frames: Iterable[npt.NDArray[np.uint8]],
    n_frames: int,
    size: tuple[int, int],
    fps: float,
    audio: Sound | None = None,
) -> None:
    """Write `frames`, with sound if there is any, to an MP4 file that appears only when complete.

    Args:
        path: the .mp4 file.
        frames: `n_frames` pictures, each (height, width, 3).
        n_frames: how many; the sound is trimmed or padded with silence to this length.
        size: (width, height) in pixels, both even.
        fps: frames per second.
        audio: the sound.

    Raises:
        CommandError: odd size, no frames, or the file could not be written (says why).
        ValueError: a frame of another size, or another number of frames than `n_frames`.
    """
    width, height = size
    if width % 2 or height % 2:
        raise CommandError(
            f"a video of {width}x{height} pixels is not possible: "
            "width and height must be even numbers"
        )
    if n_frames < 1:
        raise CommandError("there is nothing to film: the speech is shorter than one video frame")
    with replacing(path) as partial, tempfile.TemporaryDirectory() as folder:
        sound = None
        if audio is not None:
            sound = Path(folder) / "sound.wav"
            _write_sound(sound, audio, n_frames / fps)
        with _ffmpeg(_arguments(size, fps, sound, partial), path) as pipe:
            written = 0
            for frame in frames:
                if frame.shape != (height, width, 3) or frame.dtype != np.uint8:
                    raise ValueError(
                        f"frame {written} is {frame.shape} {frame.dtype}, "
                        f"not {(height, width, 3)} uint8"
                    )
                pipe.write(np.ascontiguousarray(frame).data)
                written += 1
            if written != n_frames:
                raise ValueError(f"{written} frames came where {n_frames} were announced")


def _write_sound(path: Path, audio: Sound, duration_s: float) -> None:
    """Write `audio`, trimmed or padded with silence to `duration_s`, as WAV.

    Raises:
        CommandError: the sound cannot be read any more, or the file cannot be written.
    """
    try:
        with soundfile.SoundFile(
            path, "w", audio.rate_hz, channels=1, format="WAV", subtype="PCM_16"
        ) as stream:
            for block in _fitted(audio, round(duration_s * audio.rate_hz)):
                stream.write(block)
    except AudioError as error:
        raise CommandError(str(error)) from error
    except soundfile.LibsndfileError as error:
        raise CommandError(
            f"cannot write the sound to {path.parent} ({error}); check the space left there",
            exit_status=1,
        ) from error


def _fitted(audio: Sound, n_samples: int) -> Iterator[npt.NDArray[np.float32]]:
    """The blocks of `audio`, trimmed or padded with silence to `n_samples` together."""
    left = n_samples
    for block in audio.blocks():
        yield block[:left]
        left -= len(block)
        if left <= 0:
            return
    while left > 0:
        silence = np.zeros(min(left, audio.rate_hz), dtype=np.float32)
        yield silence
        left -= len(silence)


def _arguments(size: tuple[int, int], fps: float, sound: Path | None, target: Path) -> list[str]:
    rate = str(Fraction(fps).limit_denominator(100_000))
    pictures = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size[0]}x{size[1]}", "-r", rate]
    arguments = [*pictures, "-i", "pipe:0"]
    if sound is not None:
        arguments += ["-i", str(sound), "-map", "0:v:0", "-map", "1:a:0"]
        arguments += ["-c:a", "aac", "-b:a", "128k", "-ar", _SOUND_RATE_HZ]
    arguments += ["-c:v", "libx264", "-preset", "veryfast", "-crf", _CRF, "-pix_fmt", "yuv420p"]
    return [*arguments, "-movflags", "+faststart", str(target)]


@contextmanager
def _ffmpeg(arguments: list[str], path: Path) -> Iterator[IO[bytes]]:
    """Run ffmpeg, give the pipe that takes its pictures, and see that it ends well.

    It runs in a session of its own, so that Ctrl-C stops only this program, which then stops it.

    Raises:
        CommandError: ffmpeg failed; says what it said.
    """
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", *arguments]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=said, start_new_session=True
        )
        assert process.stdin is not None
        try:
            yield process.stdin
            process.stdin.close()
            status = process.wait()
        except BrokenPipeError:
            status = process.wait() or 1
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if status != 0:
            said.seek(0)
            message = said.read().decode(errors="replace").strip() or f"ended with {status}"
            raise CommandError(
                f"cannot write {path}: ffmpeg said: {message}; "
                "check the space left, or run `liptwin doctor`",
                exit_status=1,
            )
