"""Lips of synthesised English speech, to learn to move like speech."""

from __future__ import annotations

from dataclasses import astuple
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech import articulate, synthesise
from envs.target import LipShape, sample_shapes
from policies.training.texts import random_text

FPS: Final = 30.0
VOICE: Final = "en-us"
RATE_WPM: Final = (120, 220)
"""From slow reading to quick talk."""


def spoken_shapes(seconds: float, rng: np.random.Generator) -> list[LipShape]:
    """Lips of at least so much speech, 30 frames per second, in order."""
    shapes: list[LipShape] = []
    while len(shapes) < seconds * FPS:
        shapes += _utterance(rng)
    return shapes


def spoken_sequences(seconds: float, rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """The same, an array (n, 6) of quantities of `envs.target.LipShape` for each utterance."""
    sequences: list[NDArray[np.float32]] = []
    while sum(map(len, sequences)) < seconds * FPS:
        sequences.append(np.array([astuple(shape) for shape in _utterance(rng)], np.float32))
    return sequences


def _utterance(rng: np.random.Generator) -> list[LipShape]:
    rate_wpm = int(rng.integers(*RATE_WPM))
    curves = articulate(synthesise(random_text(rng), VOICE, rate_wpm).phones, FPS)
    return sample_shapes(curves, curves.times_s)
