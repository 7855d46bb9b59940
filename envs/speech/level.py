"""How loud a voice has been so far: one gain for all that is learned from its sound.

A learner should not care how far the microphone was. Its features are taken relative to the
running level of the voice, which knows only the past, so that it is the same for a file and for a
live microphone.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech.recording import SILENCE_DBFS

FIRST_LEVEL_DBFS: Final = -26.0
"""Level before anything was heard: the nominal speech level of tests by ITU-T P.830."""

FIRST_WEIGHT_S: Final = 0.25
"""How much speech the first level counts for; chosen so that the first word settles it."""

MEMORY_S: Final = 5.0
"""Time constant of forgetting, in speech; chosen to outlast a sentence."""

PAUSE_BELOW_DB: Final = 20.0
"""Frames further than this below the running level are taken for pauses; chosen."""

PAUSE_WEIGHT: Final = 0.02
"""How much pauses count: a minute of a room's noise hardly moves the level, but a voice that has
moved away is found again; chosen."""


class RunningLevel:
    """Mean level of the active frames up to now, in dB re full scale.

    Frames at or below `SILENCE_DBFS` never count. Until `MEMORY_S` of speech was heard all counts
    alike; from then on the mean forgets exponentially.

    Args:
        fps: frames per second.
    """

    def __init__(self, fps: float) -> None:
        self._level_db = FIRST_LEVEL_DBFS
        self._weight = FIRST_WEIGHT_S * fps
        self._most_weight = MEMORY_S * fps

    def push(self, rms: NDArray[np.float64]) -> NDArray[np.float64]:
        """The levels (n,) in dB at n further frames, given their root mean square (n,)."""
        return np.array([self._next(value) for value in rms.tolist()], dtype=np.float64)

    def _next(self, rms: float) -> float:
        now_db = 20.0 * math.log10(rms) if rms > 0.0 else -math.inf
        if now_db > SILENCE_DBFS:
            weight = PAUSE_WEIGHT if now_db < self._level_db - PAUSE_BELOW_DB else 1.0
            self._weight = min(self._weight + weight, self._most_weight)
            self._level_db += (now_db - self._level_db) * weight / self._weight
        return self._level_db
