"""Dynamic time warping of one sound onto another that says the same.

The classic of Sakoe & Chiba, "Dynamic programming algorithm optimization for spoken word
recognition" (IEEE Trans. ASSP 26, 1978), on mel spectra.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from envs.speech.audio import Audio

Floats = NDArray[np.float64]

HOP_S: Final = 0.01
WINDOW_S: Final = 0.025
BANDS: Final = 26
COEFFICIENTS: Final = 13
TOP_HZ: Final = 4000.0
"""Telephone speech holds nothing above."""

FLOOR: Final = 1e-4
"""Share of a sound's loudest band below which all is silence (-40 dB)."""

ACTIVE_RANGE: Final = 3.2
"""How far below its loud moments a frame's mean log power may be and still be speech (14 dB). Only
speech sets the scale of the features, so that pauses of another length do not matter."""

DIAGONAL_WEIGHT: Final = 1.5
"""What a step forward in both sounds costs; at 2, which Sakoe & Chiba use, a detour through both is
no dearer, and on real prompts the disagreement with PocketSphinx is twice as large."""

MAX_DURATION_S: Final = 60.0
"""Longest sound; the work grows with the product of both lengths."""


def warp(source: Audio, target: Audio) -> Callable[[float], float]:
    """A function from times in `source` to the times in `target` at which the same is said.

    Raises:
        ValueError: a sound is longer than a minute, or the rates differ.
    """
    if source.rate_hz != target.rate_hz:
        raise ValueError(f"the rates differ: {source.rate_hz} and {target.rate_hz} Hz")
    longest_s = max(source.duration_s, target.duration_s)
    if longest_s > MAX_DURATION_S:
        raise ValueError(f"{longest_s:.0f} s of sound, at most {MAX_DURATION_S:.0f} can be warped")
    one, other = cepstra(source), cepstra(target)
    path = _path(_distances(one, other))
    rows = np.arange(len(one))
    first = np.searchsorted(path[:, 0], rows)
    last = np.searchsorted(path[:, 0], rows, side="right") - 1
    places = (path[first, 1] + path[last, 1]) / 2

    def warped(time_s: float) -> float:
        return float(np.interp(time_s / HOP_S, rows, places) * HOP_S)

    return warped


def cepstra(audio: Audio) -> Floats:
    """Mel cepstra and their slopes (n, 26), frame k centred on k * `HOP_S`.

    In speech each has a mean of 0 and a spread of 1.
    """
    width, hop = round(WINDOW_S * audio.rate_hz), round(HOP_S * audio.rate_hz)
    padded = np.pad(audio.samples.astype(np.float64), width // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)[::hop]
    power = np.abs(np.fft.rfft(windows * np.hanning(width), axis=1)) ** 2
    bands = power @ _mel_filters(power.shape[1], audio.rate_hz)
    loud = np.log(np.maximum(bands, FLOOR * max(float(bands.max()), 1e-12)))
    coefficients = fft.dct(loud, norm="ortho", axis=1)[:, :COEFFICIENTS]
    level = loud.mean(axis=1)
    active = level >= np.percentile(level, 95) - ACTIVE_RANGE
    features = np.hstack([coefficients, _slopes(coefficients)])
    spread = np.maximum(features[active].std(axis=0), 1e-9)
    normal: Floats = (features - features[active].mean(axis=0)) / spread
    return normal


def _slopes(values: Floats) -> Floats:
    """Slope (n, m) of each column over five frames."""
    padded = np.pad(values, ((2, 2), (0, 0)), mode="edge")
    slopes: Floats = (2 * (padded[4:] - padded[:-4]) + padded[3:-1] - padded[1:-3]) / 10
    return slopes


def _mel_filters(bins: int, rate_hz: int) -> Floats:
    """Triangles (bins, BANDS), evenly spread on the mel scale."""
    top_mel = 2595 * np.log10(1 + TOP_HZ / 700)
    edges_hz = 700 * (10 ** (np.linspace(0, top_mel, BANDS + 2) / 2595) - 1)
    hz = np.linspace(0, rate_hz / 2, bins)[:, None]
    low, middle, high = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    triangles = np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle))
    filters: Floats = np.maximum(triangles, 0.0)
    return filters


def _distances(one: Floats, other: Floats) -> Floats:
    """Euclidean distances (n, m)."""
    squares = np.sum(one**2, axis=1)[:, None] + np.sum(other**2, axis=1) - 2 * one @ other.T
    distances: Floats = np.sqrt(np.maximum(squares, 0.0))
    return distances


def _path(cost: Floats) -> NDArray[np.int64]:
    """The cheapest path (k, 2) from corner to corner."""
    n, m = cost.shape
    total = np.full((n + 1, m + 1), np.inf)
    total[0, 0] = 0.0
    for diagonal in range(n + m - 1):
        i = np.arange(max(0, diagonal - m + 1), min(n, diagonal + 1))
        j = diagonal - i
        here = cost[i, j]
        straight = np.minimum(total[i, j + 1], total[i + 1, j]) + here
        total[i + 1, j + 1] = np.minimum(straight, total[i, j] + DIAGONAL_WEIGHT * here)
    i, j = n - 1, m - 1
    steps = [(i, j)]
    while i or j:
        choices = (
            (total[i, j] + DIAGONAL_WEIGHT * cost[i, j], i - 1, j - 1),
            (total[i, j + 1] + cost[i, j], i - 1, j),
            (total[i + 1, j] + cost[i, j], i, j - 1),
        )
        _, i, j = min(choice for choice in choices if choice[1] >= 0 and choice[2] >= 0)
        steps.append((i, j))
    return np.array(steps[::-1])
