"""Loudness per video frame, the signal that drives the amplitude baseline.

The baseline of Hu et al., "Learning realistic lip motions for humanoid face robots" (Science
Robotics 11(110), eadx3017, 2026) opens the mouth by how loud the voice is. Here that is the
square root of the root mean square of 1024 samples at 16 kHz around each frame, averaged over
five frames at 30 frames per second.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from envs.speech.audio import Sound
from envs.speech.streaming import FrameWindows

WINDOW_S = 1024 / 16_000
"""Window of one root mean square value."""

SMOOTHING_S = 5 / 30
"""Span of the moving average; at other frame rates the nearest odd number of frames."""


class LoudnessStream:
    """Smoothed loudness at the frame times of a sound that comes in blocks of any size.

    Args:
        rate_hz: samples per second of the sound.
        fps: frames per second.

    Raises:
        ValueError: a sample rate that is not positive, or a frame rate outside
            `envs.speech.frames.FPS_RANGE`.
    """

    def __init__(self, rate_hz: int, fps: float) -> None:
        self._windows = FrameWindows(max(1, round(WINDOW_S * rate_hz)), rate_hz, fps)
        self._reach = max(0, round((SMOOTHING_S * fps - 1) / 2))
        self._rough = np.zeros(self._reach)
        self.look_ahead_s = self._windows.look_ahead_s + self._reach / fps
        """How long after its time a frame comes out: half a window and half the smoothing, 99 ms
        at 30 frames per second."""

    def push(self, samples: NDArray[np.floating]) -> NDArray[np.float64]:
        """Take samples (n,) in [-1, 1]; give the loudness (m,) of the frames they complete, m >= 0.

        Raises:
            envs.speech.audio.AudioError: other samples, or the sound was finished.
        """
        return self._smoothed(self._windows.push(samples))

    def finish(self) -> NDArray[np.float64]:
        """The loudness (m,) of the last frames, up to `frame_count`.

        Raises:
            envs.speech.audio.AudioError: the sound was finished before.
        """
        return np.concatenate(
            [self._smoothed(self._windows.finish()), self._averaged(np.zeros(self._reach))]
        )

    def _smoothed(self, windows: Iterable[NDArray[np.float32]]) -> NDArray[np.float64]:
        rough = [np.sqrt(windowed_rms(some)) for some in windows]
        return self._averaged(np.concatenate(rough) if rough else np.zeros(0))

    def _averaged(self, rough: NDArray[np.float64]) -> NDArray[np.float64]:
        span = 2 * self._reach + 1
        known = np.concatenate([self._rough, rough])
        self._rough = known[max(0, len(known) - (span - 1)) :]
        if len(known) < span:
            return np.zeros(0)
        smooth: NDArray[np.float64] = np.convolve(known, np.full(span, 1 / span), mode="valid")
        return smooth


def loudness(sound: Sound, fps: float) -> NDArray[np.float64]:
    """Smoothed loudness at the frame times, (n,) with n = `frame_count`, each in [0, 1].

    Windows are centred on the frame times; beyond both ends of the sound there is silence. The
    sound is heard block by block, so memory grows with the frames only.

    Raises:
        ValueError: a frame rate outside `envs.speech.frames.FPS_RANGE`.
    """
    stream = LoudnessStream(sound.rate_hz, fps)
    heard = [stream.push(block) for block in sound.blocks()]
    return np.concatenate([*heard, stream.finish()])


def windowed_rms(windows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Root mean square (n,) of each of the windows (n, width)."""
    rms: NDArray[np.float64] = np.sqrt(np.mean(np.square(windows, dtype=np.float64), axis=1))
    return rms
