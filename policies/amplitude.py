"""The amplitude baseline: the louder the voice, the wider the mouth.

One of the two baselines of Hu et al. (Science Robotics 11(110), eadx3017, 2026). It follows the
opening of the jaw well and knows nothing of closures, rounding or teeth on lips.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from envs.speech.audio import SILENCE_DBFS
from envs.speech.loudness import loudness
from policies.speech import Speech
from sim.dof import DOF_NAMES
from sim.servo_table import load_servo_table

FULL_OPENING_PERCENTILE = 95.0
"""Percentile of the active frames' loudness that opens the mouth fully; louder ones saturate."""

ACTIVE_LOUDNESS = 10 ** (SILENCE_DBFS / 40)
"""Loudness from which a frame is active: the square root of the silence level's amplitude."""

REST_SHARE = 0.1
"""Share of the full-opening loudness below which the mouth rests: 40 dB under it."""

OPENING_GAINS = {"jaw_open": 1.0, "lower_lip_depress": 0.3, "upper_lip_raise": 0.15}
"""Share of the way from rest to command 1 that each degree of freedom goes at full opening.

The jaw does the work; the lips part a little more than the jaw alone would make them."""


class AmplitudePolicy:
    """Loudness to mouth opening; every other degree of freedom stays at rest."""

    name: ClassVar[str] = "amplitude"

    def __init__(self) -> None:
        """Read the rest commands from the face model's servo table.

        Raises:
            sim.servo_table.ServoTableError: the table cannot be read.
        """
        self._rest = load_servo_table().rest_commands

    def commands(self, speech: Speech, fps: float) -> NDArray[np.float64]:
        """Commands (n, 10) in [0, 1] at the frame times k / fps; see `policies.Policy`.

        Raises:
            ValueError: a frame rate outside `envs.speech.frames.FPS_RANGE`.
        """
        opening = _opening(loudness(speech.audio, fps))
        commands = np.tile(self._rest, (len(opening), 1))
        for name, gain in OPENING_GAINS.items():
            dof = DOF_NAMES.index(name)
            commands[:, dof] += opening * gain * (1.0 - self._rest[dof])
        return np.clip(commands, 0.0, 1.0)


def _opening(loud: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mouth opening (n,) in [0, 1]: loudness scaled from this sound's own rest to its loud end."""
    active = loud[loud >= ACTIVE_LOUDNESS]
    if active.size == 0:
        return np.zeros_like(loud)
    full = float(np.percentile(active, FULL_OPENING_PERCENTILE))
    rest = max(ACTIVE_LOUDNESS, REST_SHARE * full)
    if full <= rest:
        return np.zeros_like(loud)
    return np.clip((loud - rest) / (full - rest), 0.0, 1.0)
