"""Loudness per video frame, the signal that drives the amplitude baseline.

The baseline of Hu et al., "Learning realistic lip motions for humanoid face robots" (Science
Robotics 11(110), eadx3017, 2026) opens the mouth by how loud the voice is. Here that is the
square root of the root mean square of 1024 samples at 16 kHz around each frame, averaged over
five frames at 30 frames per second.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from envs.speech.audio import Audio

WINDOW_S = 1024 / 16_000
"""Window of one root mean square value."""

SMOOTHING_S = 5 / 30
"""Span of the moving average; at other frame rates the nearest odd number of frames."""

FPS_RANGE = (1.0, 1000.0)
"""Frame rates that make sense: from slower than any film to faster than any servo bus."""

_FRAMES_PER_BLOCK = 4096


def frame_count(duration_s: float, fps: float) -> int:
    """Number of video frames for a sound: its length to within half a frame, at least one.

    Raises:
        ValueError: a duration that is negative or not finite, or a rate outside `FPS_RANGE`.
    """
    if not (math.isfinite(duration_s) and duration_s >= 0):
        raise ValueError(f"duration_s must be finite and not negative, not {duration_s}")
    _check_rate(fps)
    return max(1, round(duration_s * fps))


def frame_times(n_frames: int, fps: float) -> NDArray[np.float64]:
    """Times k / fps of the frames, (n_frames,) in seconds; each from its index, so without drift.

    Raises:
        ValueError: a negative count or a rate outside `FPS_RANGE`.
    """
    _check_rate(fps)
    if n_frames < 0:
        raise ValueError(f"n_frames must not be negative, not {n_frames}")
    return np.arange(n_frames) / fps


def loudness(audio: Audio, fps: float) -> NDArray[np.float64]:
    """Smoothed loudness at the frame times, (n,) with n = `frame_count`, each in [0, 1].

    Windows are centred on the frame times; beyond both ends of the sound there is silence.

    Raises:
        ValueError: a frame rate outside `FPS_RANGE`.
    """
    times = frame_times(frame_count(audio.duration_s, fps), fps)
    rough = np.sqrt(_windowed_rms(audio, times))
    span = 2 * max(0, round((SMOOTHING_S * fps - 1) / 2)) + 1
    padded = np.pad(rough, span // 2)
    smooth: NDArray[np.float64] = np.convolve(padded, np.full(span, 1 / span), mode="valid")
    return smooth


def _windowed_rms(audio: Audio, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root mean square around each time, (n,), a few thousand windows at a time."""
    width = max(1, round(WINDOW_S * audio.rate_hz))
    padded = np.pad(audio.samples, width)
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    starts = np.rint(times * audio.rate_hz).astype(np.int64) - width // 2 + width
    starts = np.clip(starts, 0, len(windows) - 1)
    rms = np.empty(len(times))
    for first in range(0, len(times), _FRAMES_PER_BLOCK):
        block = windows[starts[first : first + _FRAMES_PER_BLOCK]].astype(np.float64)
        rms[first : first + len(block)] = np.sqrt(np.mean(np.square(block), axis=1))
    return rms


def _check_rate(fps: float) -> None:
    if not FPS_RANGE[0] <= fps <= FPS_RANGE[1]:
        raise ValueError(f"the frame rate must be from 1 to 1000 per second, not {fps}")
