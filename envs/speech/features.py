"""What a learner hears of speech: log-mel bands and loudness on a frame grid.

Frame k is centred on k / fps, at any frame rate; the sound is heard in blocks or as a whole, with
the same result. The filters are librosa's (extra `learn`).

The bands are relative to the running level of the voice (`envs.speech.level`), so that one gain is
taken out and nothing else. Means and deviations of single bands belong to a network, which learns
them together with its weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech.audio import SPEECH_RATE_HZ, Sound
from envs.speech.level import RunningLevel
from envs.speech.loudness import WINDOW_S, windowed_rms
from envs.speech.streaming import FrameWindows

Floats = NDArray[np.float32]

N_BANDS: Final = 40
BAND_RANGE_HZ: Final = (60.0, 7600.0)
"""From below any voice's pitch, but above mains hum, to where resampling begins to fade out."""

FINE_FPS: Final = 100.0
"""Frame rate for learning: 10 ms, the usual one of speech recognition."""

SPECTRUM_WINDOW: Final = 512
"""Samples of a spectrum: 32 ms, Hann."""

LOOK_AHEAD_MS: Final = 1000.0 * WINDOW_S / 2
"""How long after its time a frame comes out, at 16 frames per second and more: half the window of
the loudness, 32 ms. At lower rates it is half a frame."""

UNIT_DB: Final = 20.0
"""One unit of `Features.log_mel`: a factor of ten in amplitude."""

FLOOR: Final = -4.0
"""Least value of `Features.log_mel`, 80 dB below the level: silence, digital or not."""

_LOUDNESS_WINDOW: Final = round(WINDOW_S * SPEECH_RATE_HZ)
# A sine at full scale has this power in its bin.
_FULL_SCALE_POWER: Final = (SPECTRUM_WINDOW / 4) ** 2
_LEAST_POWER: Final = 1e-16


class FeatureError(ValueError):
    """Features cannot be had; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Features:
    """Frames in a row, m >= 0 of them.

    Attributes:
        log_mel: (m, 40) power in mel bands relative to the voice's level, in units of `UNIT_DB`,
            from `FLOOR` up.
        loudness: (m,) square root of the root mean square, relative to the voice's level: about 1
            in vowels, 0 in silence. Not smoothed, unlike `envs.speech.loudness`.
        level_dbfs: (m,) the running level itself, to undo the gain.
    """

    log_mel: Floats
    loudness: Floats
    level_dbfs: Floats

    def __len__(self) -> int:
        return len(self.loudness)


class FeatureStream:
    """Features of a sound at `SPEECH_RATE_HZ` that comes in blocks of any size.

    However the sound is cut, the frames are the same to within rounding (1e-6).

    Args:
        fps: frames per second; those of a video, or `FINE_FPS`.

    Raises:
        FeatureError: librosa is not installed.
        ValueError: a frame rate outside `envs.speech.frames.FPS_RANGE`.
    """

    def __init__(self, fps: float = FINE_FPS) -> None:
        self._windows = FrameWindows(_LOUDNESS_WINDOW, SPEECH_RATE_HZ, fps)
        self._level = RunningLevel(fps)
        librosa = _librosa()
        self._window = librosa.filters.get_window("hann", SPECTRUM_WINDOW)
        mel = librosa.filters.mel(
            sr=SPEECH_RATE_HZ,
            n_fft=SPECTRUM_WINDOW,
            n_mels=N_BANDS,
            fmin=BAND_RANGE_HZ[0],
            fmax=BAND_RANGE_HZ[1],
            norm=None,
            dtype=np.float64,
        )
        self._filters = np.ascontiguousarray(mel.T)

    @property
    def look_ahead_s(self) -> float:
        """How long after its time a frame comes out; see `LOOK_AHEAD_MS`."""
        return self._windows.look_ahead_s

    def push(self, samples: NDArray[np.floating]) -> Features:
        """Take the next samples (n,) in [-1, 1] and give the frames that they complete.

        Raises:
            envs.speech.audio.AudioError: other samples, such as some that are not numbers, or the
                sound was finished.
        """
        return self._features(self._windows.push(samples))

    def finish(self) -> Features:
        """The last frames, up to `envs.speech.frames.frame_count`; none if nothing was heard.

        Raises:
            envs.speech.audio.AudioError: the sound was finished before.
        """
        return self._features(self._windows.finish())

    def _features(self, windows: Iterable[Floats]) -> Features:
        return joined([self._of_windows(some) for some in windows])

    def _of_windows(self, windows: Floats) -> Features:
        rms = windowed_rms(windows)
        level_db = self._level.push(rms)
        log_mel = (self._mel_db(windows) - level_db[:, None]) / UNIT_DB
        loudness = np.sqrt(rms * 10.0 ** (-level_db / 20.0))
        return Features(
            np.maximum(log_mel, FLOOR).astype(np.float32),
            loudness.astype(np.float32),
            level_db.astype(np.float32),
        )

    def _mel_db(self, windows: Floats) -> NDArray[np.float64]:
        """Power (m, bands) in dB re full scale, of the middle of each window (m, width)."""
        first = (_LOUDNESS_WINDOW - SPECTRUM_WINDOW) // 2
        middle = windows[:, first : first + SPECTRUM_WINDOW].astype(np.float64)
        spectra = np.fft.rfft(middle * self._window)
        power = (np.abs(spectra) ** 2 / _FULL_SCALE_POWER) @ self._filters
        return np.asarray(10.0 * np.log10(np.maximum(power, _LEAST_POWER)))


def features(sound: Sound, fps: float = FINE_FPS) -> Features:
    """Features of a whole sound, `envs.speech.frames.frame_count` frames.

    Raises:
        FeatureError: librosa is not installed, or the sound is not at `SPEECH_RATE_HZ`.
        envs.speech.audio.AudioError: the sound cannot be read any more.
        ValueError: a frame rate outside `envs.speech.frames.FPS_RANGE`.
    """
    return joined(list(feature_blocks(sound, fps)))


def feature_blocks(sound: Sound, fps: float = FINE_FPS) -> Iterator[Features]:
    """The same some seconds at a time, for sounds of any length; raises as `features`."""
    if sound.rate_hz != SPEECH_RATE_HZ:
        raise FeatureError(
            f"{sound.source}: features are taken at {SPEECH_RATE_HZ} Hz, not {sound.rate_hz}; "
            "load the sound at that rate"
        )
    stream = FeatureStream(fps)
    for block in sound.blocks():
        yield stream.push(block)
    yield stream.finish()


def joined(parts: Iterable[Features]) -> Features:
    """Features one after the other; none if there are no parts."""
    parts = list(parts)
    nothing = Features(*(np.zeros((0, *shape), np.float32) for shape in ((N_BANDS,), (), ())))
    parts.insert(0, nothing)
    return Features(
        np.concatenate([part.log_mel for part in parts]),
        np.concatenate([part.loudness for part in parts]),
        np.concatenate([part.level_dbfs for part in parts]),
    )


def _librosa() -> ModuleType:
    try:
        import librosa
    except ImportError as error:
        raise FeatureError(
            'features need librosa; install it with: pip install "liptwin[learn]"'
        ) from error
    return librosa
