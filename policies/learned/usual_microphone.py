"""Features as they would be through the microphone that a network knows best.

A microphone, a room and a throat colour all that is said: they add nearly the same to a band's
logarithm in every frame. So what a band has had on average while somebody spoke is taken off, and
its usual average put back (cepstral mean subtraction: Atal, J. Acoust. Soc. Am. 55, 1974; its
running form: Viikki & Laurila, Speech Communication 25, 1998). The averages know only the past.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.speech.features import FLOOR, N_BANDS

Floats = NDArray[np.float32]

VOICED_LOUDNESS: Final = 0.4
"""Loudness from which a frame is taken for speech: 16 dB below the voice's level; chosen."""
FIRST_FRAMES: Final = 90.0
"""So many frames of speech, a second, the usual averages count for; chosen."""
MEMORY_FRAMES: Final = 450.0
"""Time constant of forgetting, in frames of speech: 5 s, as `envs.speech.level` forgets."""

_KEPT: Final = 1.0 - 1.0 / MEMORY_FRAMES
_AT_ONCE: Final = 900
"""Frames that are computed together: what is forgotten over more of them is lost in rounding."""


class MicrophoneStream:
    """Takes off the colour of a voice's microphone as the voice comes in.

    Args:
        usual: (40,) averages of the bands while somebody speaks.
    """

    def __init__(self, usual: Floats) -> None:
        self._usual = usual.astype(np.float64)
        self._sums, self._count = FIRST_FRAMES * self._usual, FIRST_FRAMES

    def push(self, heard: Floats) -> Floats:
        """The next frames (m, 41), 40 bands and the loudness, as the usual microphone has them."""
        usual = heard.copy()
        for frame, bands, loudness in zip(
            usual, heard[:, :N_BANDS], heard[:, N_BANDS].tolist(), strict=True
        ):
            if loudness >= VOICED_LOUDNESS:
                self._sums = _KEPT * self._sums + bands
                self._count = _KEPT * self._count + 1.0
            frame[:N_BANDS] = np.maximum(bands - self._sums / self._count + self._usual, FLOOR)
        return usual


def through_usual_microphone(heard: Tensor, usual: Tensor) -> Tensor:
    """What `MicrophoneStream` gives, to 1e-4, of whole sounds (b, m, 41), side by side."""
    counts = usual.new_full((len(heard), 1), FIRST_FRAMES)
    sums = usual * counts
    parts = []
    for some in torch.split(heard, _AT_ONCE, dim=1):
        bands, loudness = some[..., :N_BANDS], some[..., N_BANDS:]
        is_voiced = (loudness >= VOICED_LOUDNESS).to(bands.dtype)
        kept = _KEPT ** is_voiced.cumsum(dim=1)
        all_sums = kept * (sums[:, None] + (is_voiced * bands / kept).cumsum(dim=1))
        all_counts = kept * (counts[:, None] + (is_voiced / kept).cumsum(dim=1))
        bands = (bands - all_sums / all_counts + usual).clamp_min(FLOOR)
        parts.append(torch.cat([bands, loudness], dim=2))
        sums, counts = all_sums[:, -1], all_counts[:, -1]
    return torch.cat(parts, dim=1)
