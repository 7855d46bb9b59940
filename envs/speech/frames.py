"""The frame grid of a sound: frame k lies at k / fps, each from its own index, without drift."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FPS_RANGE = (1.0, 1000.0)
"""Frame rates that make sense: from slower than any film to faster than any servo bus."""

_MAX_DENOMINATOR = 100_000
"""Frame rates are taken for fractions of at most this denominator, as video files do; 30000/1001
is one."""


def frame_count(duration_s: float, fps: float) -> int:
    """Number of video frames for a sound: its length to within half a frame, at least one.

    Raises:
        ValueError: a duration that is negative or not finite, or a rate outside `FPS_RANGE`.
    """
    if not (math.isfinite(duration_s) and duration_s >= 0):
        raise ValueError(f"duration_s must be finite and not negative, not {duration_s}")
    check_rate(fps)
    return max(1, round(duration_s * fps))


def frame_times(n_frames: int, fps: float) -> NDArray[np.float64]:
    """Times k / fps of the frames, (n_frames,) in seconds; each from its index, so without drift.

    Raises:
        ValueError: a negative count or a rate outside `FPS_RANGE`.
    """
    check_rate(fps)
    if n_frames < 0:
        raise ValueError(f"n_frames must not be negative, not {n_frames}")
    return np.arange(n_frames) / fps


def frame_samples(first: int, last: int, fps: float, rate_hz: int) -> NDArray[np.int64]:
    """The samples nearest to the times of frames `first` to `last` - 1, (last - first,).

    In whole numbers, as k * rate_hz / fps is seldom whole (30 frames a second are 533.33 samples
    apart at 16 kHz): never more than half a sample off, however long the sound.

    Raises:
        ValueError: a rate outside `FPS_RANGE`.
    """
    hop = _samples_apart(fps, rate_hz)
    frames = np.arange(first, last, dtype=np.int64)
    return (2 * frames * hop.numerator + hop.denominator) // (2 * hop.denominator)


@lru_cache(maxsize=16)
def _samples_apart(fps: float, rate_hz: int) -> Fraction:
    check_rate(fps)
    return rate_hz / Fraction(fps).limit_denominator(_MAX_DENOMINATOR)


def check_rate(fps: float) -> None:
    """Refuse frame rates that make no sense.

    Raises:
        ValueError: a rate outside `FPS_RANGE`.
    """
    if not FPS_RANGE[0] <= fps <= FPS_RANGE[1]:
        raise ValueError(f"the frame rate must be from 1 to 1000 per second, not {fps}")
