"""Open any audio file and take it apart into blocks of mono samples, at the file's own rate.

libsndfile reads what it can (WAV, FLAC, OGG, MP3, ...); everything else (M4A, AAC, the sound
track of a video, ...) goes through the ffmpeg binary that `imageio-ffmpeg` ships. Both deliver
blocks, mixed down as they come, so that memory does not grow with the file.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile
from numpy.typing import NDArray

MIN_NATIVE_RATE_HZ = 1_000
"""A file that claims a lower rate holds no speech; its header is taken for damaged."""

_BLOCK_FRAMES = 65_536
_FLOAT32_BYTES = 4


class AudioError(ValueError):
    """An audio file cannot be read or written; the message says which, why and what to do."""


@dataclass(frozen=True)
class Decoder:
    """An opened file: its rate, its channels if known, and its mono blocks, float32 and finite."""

    rate_hz: int
    channels: int | None
    blocks: Iterator[NDArray[np.float32]]


@contextmanager
def open_decoder(path: Path, max_duration_s: float) -> Iterator[Decoder]:
    """Open a file for decoding; its blocks are read as they are asked for.

    Raises:
        AudioError: the file is missing, a directory, unreadable, empty, not audio, damaged,
            without a sound track, or longer than `max_duration_s` by its own account. While the
            blocks are read: it is damaged, longer than that, or holds samples that are not
            numbers.
    """
    _check_readable(path)
    with _open_any(path, max_duration_s) as decoder:
        if decoder.rate_hz < MIN_NATIVE_RATE_HZ:
            raise _damaged(path, f"it claims a sample rate of {decoder.rate_hz} Hz")
        blocks = _checked(path, decoder, max_duration_s)
        yield Decoder(decoder.rate_hz, decoder.channels, blocks)


def _checked(path: Path, decoder: Decoder, max_duration_s: float) -> Iterator[NDArray[np.float32]]:
    count = 0
    for block in decoder.blocks:
        finite = np.isfinite(block)
        if not np.all(finite):
            bad = count + int(np.argmin(finite))
            raise AudioError(
                f"{path}: sample {bad} ({bad / decoder.rate_hz:.3f} s) is not a number; "
                "export it again"
            )
        count += block.size
        _check_duration(path, count / decoder.rate_hz, max_duration_s)
        yield block


@contextmanager
def _open_any(path: Path, max_duration_s: float) -> Iterator[Decoder]:
    try:
        sound = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, TypeError):  # TypeError: headerless formats, by their name
        with _open_ffmpeg(path, max_duration_s) as decoder:
            yield decoder
        return
    with sound:
        _check_duration(path, sound.frames / sound.samplerate, max_duration_s)
        yield Decoder(sound.samplerate, sound.channels, _soundfile_blocks(path, sound))


def _soundfile_blocks(path: Path, sound: soundfile.SoundFile) -> Iterator[NDArray[np.float32]]:
    while True:
        try:
            block = sound.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise _damaged(path, str(error)) from error
        if not len(block):
            return
        yield block.mean(axis=1, dtype=np.float32)


@contextmanager
def _open_ffmpeg(path: Path, max_duration_s: float) -> Iterator[Decoder]:
    try:
        ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise AudioError(
            f"{path}: libsndfile cannot read this format and no ffmpeg binary was found; "
            "convert it to WAV or reinstall imageio-ffmpeg"
        ) from error
    # The explicit protocol keeps odd names (a leading "-", a colon) from meaning anything else,
    # and the white list keeps playlists from reaching the network.
    read = [ffmpeg, "-hide_banner", "-nostdin", "-protocol_whitelist", "file"]
    read += ["-i", f"file:{path.absolute()}"]
    probe = subprocess.run(read, capture_output=True, check=False)
    listing = probe.stderr.decode("utf-8", errors="replace")
    stream = re.search(r"Stream #.*?: Audio: .*?(\d+) Hz", listing)
    if stream is None:
        if re.search(r"Stream #.*?: Video:", listing):
            raise AudioError(f"{path}: there is no audio track in it; choose a file with sound")
        raise _damaged(path, _last_line(listing))
    rate_hz = int(stream.group(1))
    duration = re.search(r"Duration: (\d+):(\d\d):(\d\d(?:\.\d+)?)", listing)
    if duration is not None:
        hours, minutes, seconds = (float(part) for part in duration.groups())
        _check_duration(path, 3600 * hours + 60 * minutes + seconds, max_duration_s)

    # Files that do not state their length are cut just beyond the limit, which `_checked` notices.
    decode = [*read, "-map", "0:a:0", "-t", f"{max_duration_s + 1:.3f}"]
    decode += ["-ac", "1", "-ar", str(rate_hz), "-f", "f32le", "-loglevel", "error", "pipe:1"]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(decode, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            yield Decoder(rate_hz, None, _ffmpeg_blocks(path, process))
        finally:
            process.kill()
            process.wait()


def _ffmpeg_blocks(path: Path, process: subprocess.Popen[bytes]) -> Iterator[NDArray[np.float32]]:
    assert process.stdout is not None
    while data := process.stdout.read(_BLOCK_FRAMES * _FLOAT32_BYTES):
        whole = len(data) - len(data) % _FLOAT32_BYTES
        yield np.frombuffer(data[:whole], dtype="<f4")
    if process.wait() != 0:
        raise _damaged(path, f"ffmpeg ended with code {process.returncode}")


def _check_readable(path: Path) -> None:
    try:
        exists, is_dir, is_file = path.exists(), path.is_dir(), path.is_file()
    except (OSError, ValueError) as error:
        raise AudioError(f"{path!s}: not a usable file name ({error})") from error
    if not exists:
        raise AudioError(f"{path}: there is no such file; check the path")
    if is_dir:
        raise AudioError(f"{path}: this is a directory; name an audio file inside it")
    if not is_file:
        raise AudioError(f"{path}: this is not a regular file; save the audio to a file first")
    try:
        with path.open("rb") as stream:
            first_byte = stream.read(1)
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror}); check its rights") from error
    if not first_byte:
        raise AudioError(f"{path}: the file is empty (0 bytes); record or export it again")


def _check_duration(path: Path, duration_s: float, max_duration_s: float) -> None:
    if duration_s > max_duration_s:
        raise AudioError(
            f"{path}: lasts {duration_s:.1f} s or more, the limit is {max_duration_s:.1f} s; "
            "cut it or raise max_duration_s"
        )


def _damaged(path: Path, detail: str) -> AudioError:
    return AudioError(f"{path}: not audio, or damaged ({detail}); convert it to WAV and try again")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
