"""Speech to measure with, the same in every run."""

from itertools import cycle
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech import Audio, SynthesisError, synthesise
from sim.poses import POSES

Floats = NDArray[np.float64]

FPS: Final = 30.0
FRAMES_PER_POSE: Final = 4
"""7.5 mouth shapes a second: about the rate of syllables and closures together in fluent speech."""
SHAPES: Final = ("mm", "aa", "ff", "ee", "mm", "oo", "sh", "eh", "rest", "oh")
"""Mouth shapes of the commands; closed lips and lip on teeth come often enough for contact."""

_RATE_HZ: Final = 16_000
_SENTENCE: Final = (
    "Peter and Fay move both lips in many ways: wide for cheese, round for blue, closed for "
    "papa and mama, and a lip on the teeth for every few of five."
)


def speech_like_commands(duration_s: float) -> Floats:
    """Commands (n, 10) in [0, 1] at FPS that glide through SHAPES."""
    n_frames = round(duration_s * FPS)
    shapes = cycle(POSES[name] for name in SHAPES)
    corners = np.array([next(shapes) for _ in range(n_frames // FRAMES_PER_POSE + 2)])
    place = np.arange(n_frames) / FRAMES_PER_POSE
    before = place.astype(int)
    share = 0.5 - 0.5 * np.cos(np.pi * (place - before))
    return corners[before] + share[:, None] * (corners[before + 1] - corners[before])


def speech_like_audio(duration_s: float) -> Audio:
    """Synthetic speech of this length, or bursts of noise where no synthesiser is installed."""
    n_samples = round(duration_s * _RATE_HZ)
    try:
        spoken = synthesise(_SENTENCE, rate_hz=_RATE_HZ).audio.samples.astype(np.float64)
    except SynthesisError:
        spoken = _bursts(n_samples)
    samples = np.resize(spoken, n_samples)
    return Audio(samples.astype(np.float32), _RATE_HZ, "benchmark")


def _bursts(n_samples: int) -> Floats:
    """Noise at four syllables a second."""
    times = np.arange(n_samples) / _RATE_HZ
    noise = np.random.default_rng(0).standard_normal(n_samples)
    return 0.2 * noise * np.sin(np.pi * 4.0 * times) ** 2
