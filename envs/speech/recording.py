"""A sound file as blocks at one rate: heard again and again, never held in memory as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from envs.speech.decoding import MIN_NATIVE_RATE_HZ, AudioError, open_decoder

SPEECH_RATE_HZ = 16_000
"""Sample rate of everything behind the loader: speech carries little above 8 kHz."""

MAX_DURATION_S = 3600.0
"""Longest audio that is read unless the caller allows more."""

FULL_SCALE = 0.999
"""A sample at or beyond this magnitude counts as clipped (16-bit full scale is 0.99997)."""

CLIPPED_FRACTION_WARNING = 1e-4
"""Share of clipped samples from which clipping is worth a warning (1.6 samples per second)."""

SILENCE_DBFS = -60.0
"""Root mean square level below which a whole file counts as silent."""


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


class Survey:
    """Watches the blocks of a file go by and tells what is remarkable about it."""

    def __init__(self) -> None:
        self._native_rate_hz = 0
        self._channels: int | None = None
        self._count = 0
        self._clipped = 0
        self._energy = 0.0
        self._peak = 0.0

    def begin(self, native_rate_hz: int, channels: int | None) -> None:
        """A file was opened."""
        self._native_rate_hz, self._channels = native_rate_hz, channels

    def watch(self, block: NDArray[np.float32]) -> None:
        """Take note of samples (n,) at the file's own rate."""
        magnitude = np.abs(block)
        self._count += block.size
        self._peak = max(self._peak, float(magnitude.max(initial=0.0)))
        self._clipped += int(np.count_nonzero(magnitude >= FULL_SCALE))
        self._energy += float(np.sum(np.square(block, dtype=np.float64)))

    def report(self, rate_hz: int) -> AudioReport:
        """The findings about a file that was raised or lowered to `rate_hz`.

        Raises:
            ZeroDivisionError: no sample was watched.
        """
        with np.errstate(divide="ignore"):
            rms_dbfs = float(10.0 * np.log10(self._energy / self._count))
        clipped_fraction = self._clipped / self._count
        return AudioReport(
            native_rate_hz=self._native_rate_hz,
            channels=self._channels,
            peak=self._peak,
            rms_dbfs=rms_dbfs,
            clipped_fraction=clipped_fraction,
            silent=rms_dbfs < SILENCE_DBFS,
            warnings=tuple(_warnings(self._native_rate_hz, rms_dbfs, clipped_fraction, rate_hz)),
        )


def audio_blocks(
    path: str | os.PathLike[str],
    rate_hz: int = SPEECH_RATE_HZ,
    max_duration_s: float = MAX_DURATION_S,
    survey: Survey | None = None,
) -> Iterator[NDArray[np.float32]]:
    """Any audio file, or the first sound track of a video, as mono blocks at `rate_hz`.

    Yields (n,) float32 in [-1, 1], n >= 1, one after the other; some seconds are held at a time.

    Args:
        path: the file.
        rate_hz: samples per second of the blocks.
        max_duration_s: a longer file is refused, before it is read where it states its length.
        survey: shown the file as it goes by.

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
    survey = survey if survey is not None else Survey()
    came = left = 0
    with open_decoder(path, max_duration_s) as decoder:
        survey.begin(decoder.rate_hz, decoder.channels)
        resampler = soxr.ResampleStream(decoder.rate_hz, rate_hz, 1, dtype="float32")
        for block in decoder.blocks:
            survey.watch(block)
            came += block.size
            resampled = resampler.resample_chunk(np.clip(block, -1.0, 1.0))
            left += resampled.size
            if resampled.size:
                yield np.clip(resampled, -1.0, 1.0)  # resampling can overshoot full scale
        if came == 0:
            raise AudioError(f"{path}: there are no samples in it; record or export it again")
        resampled = resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        if resampled.size:
            yield np.clip(resampled, -1.0, 1.0)
        if left + resampled.size == 0:
            raise AudioError(f"{path}: {came} samples at {decoder.rate_hz} Hz are too few to use")


@dataclass(frozen=True, eq=False)
class Recording:
    """A sound file that was read through once and found good; see `open_recording`.

    It is decoded anew each time it is heard, so it takes no memory to speak of.

    Attributes:
        path: the file.
        rate_hz: samples per second of its blocks.
        n_samples: how many there are, n >= 1.
        report: what is remarkable about the file.
        max_duration_s: longest that the file may be.
    """

    path: Path
    rate_hz: int
    n_samples: int
    report: AudioReport
    max_duration_s: float = MAX_DURATION_S

    @property
    def source(self) -> str:
        """The file's name, for messages."""
        return str(self.path)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_samples / self.rate_hz

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences for the user about the file."""
        return self.report.warnings

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """The samples in order: (n,) float32 in [-1, 1] at a time, `n_samples` together.

        Raises:
            AudioError: the file cannot be read any more, or is another one by now.
        """
        count = 0
        for block in audio_blocks(self.path, self.rate_hz, self.max_duration_s):
            count += block.size
            if count > self.n_samples:
                break
            yield block
        if count != self.n_samples:
            raise AudioError(f"{self.path}: the file changed while it was in use; try again")


def open_recording(
    path: str | os.PathLike[str],
    rate_hz: int = SPEECH_RATE_HZ,
    max_duration_s: float = MAX_DURATION_S,
) -> Recording:
    """Read a sound file through, without keeping it, and check all of it.

    Silence, clipping and a low native rate are not errors: they are in `Recording.warnings`.

    Raises:
        AudioError: as `audio_blocks`.
    """
    survey = Survey()
    n_samples = sum(block.size for block in audio_blocks(path, rate_hz, max_duration_s, survey))
    return Recording(Path(path), rate_hz, n_samples, survey.report(rate_hz), max_duration_s)


def _warnings(
    native_rate_hz: int, rms_dbfs: float, clipped_fraction: float, rate_hz: int
) -> Iterator[str]:
    if rms_dbfs < SILENCE_DBFS:
        yield (
            f"the audio is silent ({rms_dbfs:.0f} dBFS, limit {SILENCE_DBFS:.0f}): "
            "the mouth will stay at rest"
        )
    if clipped_fraction >= CLIPPED_FRACTION_WARNING:
        yield f"{clipped_fraction:.2%} of the samples are clipped: record at a lower level"
    if native_rate_hz < rate_hz:
        yield (
            f"the audio was raised from {native_rate_hz} Hz to {rate_hz} Hz: "
            f"there is nothing above {native_rate_hz // 2} Hz in it, so s, f and sh are harder "
            "to tell"
        )
