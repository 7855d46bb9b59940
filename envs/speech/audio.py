"""Audio files in and out: any common format becomes mono samples at one rate.

libsndfile reads what it can (WAV, FLAC, OGG, MP3, ...); everything else (M4A, AAC, the sound
track of a video, ...) goes through the ffmpeg binary that `imageio-ffmpeg` ships. Both deliver
blocks, which are mixed down and resampled as they come, so that memory grows with the result and
not with the file.
"""

from __future__ import annotations

import os
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
import soxr
from numpy.typing import NDArray

SPEECH_RATE_HZ = 16_000
"""Sample rate of everything behind the loader: speech carries little above 8 kHz."""

MAX_DURATION_S = 3600.0
"""Longest audio that is loaded unless the caller allows more."""

MIN_NATIVE_RATE_HZ = 1_000
"""A file that claims a lower rate holds no speech; its header is taken for damaged."""

FULL_SCALE = 0.999
"""A sample at or beyond this magnitude counts as clipped (16-bit full scale is 0.99997)."""

CLIPPED_FRACTION_WARNING = 1e-4
"""Share of clipped samples from which clipping is worth a warning (1.6 samples per second)."""

SILENCE_DBFS = -60.0
"""Root mean square level below which a whole file counts as silent."""

_BLOCK_FRAMES = 65_536
_FLOAT32_BYTES = 4


class AudioError(ValueError):
    """An audio file cannot be read or written; the message says which, why and what to do."""


@dataclass(frozen=True)
class AudioReport:
    """What is remarkable about a file, measured at its own rate before resampling.

    Attributes:
        native_rate_hz: sample rate of the file.
        channels: channels in the file, before they were mixed down; None where the decoder
            mixed them down itself.
        peak: largest magnitude, 1 being full scale.
        rms_dbfs: root mean square level relative to full scale; -inf for digital silence.
        clipped_fraction: share of samples at or beyond full scale.
        silent: whether the level lies below `SILENCE_DBFS`.
        warnings: sentences for the user; empty when there is nothing to say.
    """

    native_rate_hz: int
    channels: int | None
    peak: float
    rms_dbfs: float
    clipped_fraction: float
    silent: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Audio:
    """Mono sound.

    Attributes:
        samples: (n,) float32 in [-1, 1], n >= 1.
        rate_hz: samples per second.
        source: where it came from, for messages: a file name or a voice.
        report: the loader's findings; None for sound that was not loaded from a file.

    Raises:
        AudioError: samples of another shape or type, none at all, not finite or beyond
            [-1, 1], or a rate that is not positive.
    """

    samples: NDArray[np.float32]
    rate_hz: int
    source: str
    report: AudioReport | None = None

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float32:
            raise AudioError(
                f"{self.source}: samples must be one row of float32, not "
                f"{self.samples.dtype} of shape {self.samples.shape}"
            )
        if self.samples.size == 0:
            raise AudioError(f"{self.source}: there are no samples")
        if self.rate_hz <= 0:
            raise AudioError(f"{self.source}: the sample rate must be positive, not {self.rate_hz}")
        peak = float(np.max(np.abs(self.samples)))
        if not peak <= 1.0:
            raise AudioError(f"{self.source}: samples must lie in [-1, 1]; the peak is {peak}")

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples.size / self.rate_hz

    @property
    def warnings(self) -> tuple[str, ...]:
        """The loader's warnings; empty for sound that was not loaded from a file."""
        return self.report.warnings if self.report is not None else ()


def load_audio(
    path: str | os.PathLike[str],
    rate_hz: int = SPEECH_RATE_HZ,
    max_duration_s: float = MAX_DURATION_S,
) -> Audio:
    """Read any audio file, or the first sound track of a video, as mono at `rate_hz`.

    Silence, clipping and a low native rate are not errors: they are in `Audio.warnings`.

    Raises:
        AudioError: the file is missing, a directory, unreadable, empty, not audio, damaged,
            without a sound track, without samples, longer than `max_duration_s`, or holds
            samples that are not numbers.
    """
    if rate_hz < MIN_NATIVE_RATE_HZ:
        raise AudioError(f"rate_hz must be at least {MIN_NATIVE_RATE_HZ}, not {rate_hz}")
    if not max_duration_s > 0:
        raise AudioError(f"max_duration_s must be positive, not {max_duration_s}")
    path = Path(path)
    _check_readable(path)
    with _open_decoder(path, max_duration_s) as decoder:
        return _collect(decoder, path, rate_hz, max_duration_s)


def write_wav(path: str | os.PathLike[str], audio: Audio) -> None:
    """Write 16-bit PCM WAV. The file appears complete or not at all.

    Raises:
        AudioError: the folder is missing or cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        soundfile.write(partial, audio.samples, audio.rate_hz, format="WAV", subtype="PCM_16")
        partial.replace(path)
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(
            f"{path}: cannot write audio ({error}); check that the folder exists and is writable"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Decoder:
    """An opened file: its rate, its channels if known, and its mono blocks, float32."""

    rate_hz: int
    channels: int | None
    blocks: Iterator[NDArray[np.float32]]


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


@contextmanager
def _open_decoder(path: Path, max_duration_s: float) -> Iterator[_Decoder]:
    try:
        sound = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, TypeError):  # TypeError: headerless formats, by their name
        with _open_ffmpeg(path, max_duration_s) as decoder:
            yield decoder
        return
    with sound:
        _check_duration(path, sound.frames / sound.samplerate, max_duration_s)
        yield _Decoder(sound.samplerate, sound.channels, _soundfile_blocks(path, sound))


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
def _open_ffmpeg(path: Path, max_duration_s: float) -> Iterator[_Decoder]:
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

    # Files that do not state their length are cut just beyond the limit, which `_collect` notices.
    decode = [*read, "-map", "0:a:0", "-t", f"{max_duration_s + 1:.3f}"]
    decode += ["-ac", "1", "-ar", str(rate_hz), "-f", "f32le", "-loglevel", "error", "pipe:1"]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(decode, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            yield _Decoder(rate_hz, None, _ffmpeg_blocks(path, process))
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


def _collect(decoder: _Decoder, path: Path, rate_hz: int, max_duration_s: float) -> Audio:
    """Drain a decoder: check, measure and resample block by block."""
    native_hz = decoder.rate_hz
    if native_hz < MIN_NATIVE_RATE_HZ:
        raise _damaged(path, f"it claims a sample rate of {native_hz} Hz")
    resampler = soxr.ResampleStream(native_hz, rate_hz, 1, dtype="float32")
    resampled: list[NDArray[np.float32]] = []
    count = clipped = 0
    energy = peak = 0.0
    for block in decoder.blocks:
        if not np.all(np.isfinite(block)):
            bad = count + int(np.argmin(np.isfinite(block)))
            raise AudioError(
                f"{path}: sample {bad} ({bad / native_hz:.3f} s) is not a number; export it again"
            )
        magnitude = np.abs(block)
        count += block.size
        _check_duration(path, count / native_hz, max_duration_s)
        peak = max(peak, float(magnitude.max(initial=0.0)))
        clipped += int(np.count_nonzero(magnitude >= FULL_SCALE))
        energy += float(np.sum(np.square(block, dtype=np.float64)))
        resampled.append(resampler.resample_chunk(np.clip(block, -1.0, 1.0)))
    if count == 0:
        raise AudioError(f"{path}: there are no samples in it; record or export it again")
    resampled.append(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    samples = np.concatenate(resampled)
    np.clip(samples, -1.0, 1.0, out=samples)  # resampling can overshoot full scale
    if samples.size == 0:
        raise AudioError(f"{path}: {count} samples at {native_hz} Hz are too few to use")
    with np.errstate(divide="ignore"):
        rms_dbfs = float(10.0 * np.log10(energy / count))
    report = _report(native_hz, decoder.channels, peak, rms_dbfs, clipped / count, rate_hz)
    return Audio(samples, rate_hz, str(path), report)


def _report(
    native_hz: int,
    channels: int | None,
    peak: float,
    rms_dbfs: float,
    clipped_fraction: float,
    rate_hz: int,
) -> AudioReport:
    silent = rms_dbfs < SILENCE_DBFS
    warnings = []
    if silent:
        warnings.append(
            f"the audio is silent ({rms_dbfs:.0f} dBFS, limit {SILENCE_DBFS:.0f}): "
            "the mouth will stay at rest"
        )
    if clipped_fraction >= CLIPPED_FRACTION_WARNING:
        warnings.append(
            f"{clipped_fraction:.2%} of the samples are clipped: record at a lower level"
        )
    if native_hz < rate_hz:
        warnings.append(
            f"the audio was raised from {native_hz} Hz to {rate_hz} Hz: "
            f"there is nothing above {native_hz // 2} Hz in it, so s, f and sh are harder to tell"
        )
    return AudioReport(
        native_hz, channels, peak, rms_dbfs, clipped_fraction, silent, tuple(warnings)
    )


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
