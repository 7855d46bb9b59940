"""Sound: what every kind of it offers, mono samples in memory, and audio files in and out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from envs.speech.decoding import MIN_NATIVE_RATE_HZ, AudioError
from envs.speech.recording import (
    CLIPPED_FRACTION_WARNING,
    FULL_SCALE,
    MAX_DURATION_S,
    SILENCE_DBFS,
    SPEECH_RATE_HZ,
    AudioReport,
    Survey,
    audio_blocks,
)

__all__ = [
    "CLIPPED_FRACTION_WARNING",
    "FULL_SCALE",
    "MAX_DURATION_S",
    "MIN_NATIVE_RATE_HZ",
    "SILENCE_DBFS",
    "SPEECH_RATE_HZ",
    "Audio",
    "AudioError",
    "AudioReport",
    "Sound",
    "load_audio",
    "write_wav",
]

_BLOCK_SAMPLES = 65_536


class Sound(Protocol):
    """Mono sound that is heard block by block: `Audio` in memory, or a `Recording` on disk."""

    @property
    def source(self) -> str:
        """Where it comes from, for messages: a file name or a voice."""

    @property
    def rate_hz(self) -> int:
        """Samples per second."""

    @property
    def n_samples(self) -> int:
        """How many samples there are, n >= 1."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """The samples in order, from the start each time: (n,) float32 in [-1, 1] at a time.

        Raises:
            AudioError: it cannot be read any more.
        """


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
    def n_samples(self) -> int:
        """How many samples there are."""
        return self.samples.size

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples.size / self.rate_hz

    @property
    def warnings(self) -> tuple[str, ...]:
        """The loader's warnings; empty for sound that was not loaded from a file."""
        return self.report.warnings if self.report is not None else ()

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """The samples in order, some seconds at a time; see `Sound`."""
        for first in range(0, self.samples.size, _BLOCK_SAMPLES):
            yield self.samples[first : first + _BLOCK_SAMPLES]


def load_audio(
    path: str | os.PathLike[str],
    rate_hz: int = SPEECH_RATE_HZ,
    max_duration_s: float = MAX_DURATION_S,
) -> Audio:
    """Read any audio file, or the first sound track of a video, whole, as mono at `rate_hz`.

    `envs.speech.recording.open_recording` does the same without holding the sound in memory.

    Silence, clipping and a low native rate are not errors: they are in `Audio.warnings`.

    Raises:
        AudioError: the file is missing, a directory, unreadable, empty, not audio, damaged,
            without a sound track, without samples, longer than `max_duration_s`, or holds
            samples that are not numbers.
    """
    survey = Survey()
    samples = np.concatenate(list(audio_blocks(path, rate_hz, max_duration_s, survey)))
    return Audio(samples, rate_hz, str(Path(path)), survey.report(rate_hz))


def write_wav(path: str | os.PathLike[str], audio: Sound) -> None:
    """Write 16-bit PCM WAV. The file appears complete or not at all.

    Raises:
        AudioError: the folder is missing or cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with soundfile.SoundFile(
            partial, "w", audio.rate_hz, channels=1, format="WAV", subtype="PCM_16"
        ) as stream:
            for block in audio.blocks():
                stream.write(block)
        partial.replace(path)
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(
            f"{path}: cannot write audio ({error}); check that the folder exists and is writable"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
