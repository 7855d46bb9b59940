"""Features as they would be through the microphone that a network knows best.

A microphone, a room and a throat colour all that is said: they add nearly the same to a band's
logarithm in every frame. So what a band has had on average while somebody spoke is taken off, and
its usual average put back (cepstral mean subtraction: Atal, J. Acoust. Soc. Am. 55, 1974; its
running form: Viikki & Laurila, Speech Communication 25, 1998). The averages know only the past.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from envs.speech.features import FLOOR, N_BANDS

VOICED_LOUDNESS: Final = 0.4
"""Loudness from which a frame is taken for speech: 16 dB below the voice's level; chosen."""
FIRST_FRAMES: Final = 90.0
"""So many frames of speech, a second, the usual averages count for; chosen."""
MEMORY_FRAMES: Final = 450.0
"""Time constant of forgetting, in frames of speech: 5 s, as `envs.speech.level` forgets."""

_KEPT: Final = 1.0 - 1.0 / MEMORY_FRAMES
_AT_ONCE: Final = 900
"""Frames that are computed together: what is forgotten over more of them is lost in rounding."""


def first_averages(usual: Tensor, batch: int) -> tuple[Tensor, Tensor]:
    """Sums (b, 40) and counts (b, 1) before anything was heard."""
    counts = usual.new_full((batch, 1), FIRST_FRAMES)
    return usual * counts, counts


def through_usual_microphone(
    heard: Tensor, usual: Tensor, sums: Tensor, counts: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Take off the colour of a voice's microphone.

    Args:
        heard: (b, m, 41) 40 bands and the loudness.
        usual: (40,) averages of the bands while somebody speaks.
        sums, counts: of what was heard before, see `first_averages`.

    Returns:
        Features (b, m, 41), and the sums and counts after them.
    """
    parts = []
    for some in torch.split(heard, _AT_ONCE, dim=1):
        bands, loudness = some[..., :N_BANDS], some[..., N_BANDS:]
        is_voiced = (loudness >= VOICED_LOUDNESS).to(bands.dtype)
        kept = _KEPT ** is_voiced.cumsum(dim=1)
        all_sums = kept * (sums[:, None] + (is_voiced * bands / kept).cumsum(dim=1))
        all_counts = kept * (counts[:, None] + (is_voiced / kept).cumsum(dim=1))
        bands = (bands - all_sums / all_counts + usual).clamp_min(FLOOR)
        parts.append(torch.cat([bands, loudness], dim=2))
        if some.shape[1]:
            sums, counts = all_sums[:, -1], all_counts[:, -1]
    return torch.cat(parts, dim=1), sums, counts
