"""The same speech from strangers: features as another throat and microphone would give them.

Disturbing sound costs too much to be done each time that it is heard; this is done on the features,
anew each time. Without it the encoder learns its few voices by heart.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.speech.features import BAND_RANGE_HZ, FLOOR, N_BANDS, UNIT_DB

WARP: Final = 0.07
"""Greatest change of all frequencies, as a logarithm: a throat 7 % shorter or longer."""
WARP_CHOICES: Final = 25
COLOUR_DB: Final = 9.0
COLOUR_POINTS: Final = 7
"""The microphone's frequency response: straight lines between so many points."""
NOISE_CHANCE: Final = 0.5
NOISE_DB: Final = (-65.0, -12.0)
"""Level of noise in a band, relative to the voice's level."""
FLICKER_DB: Final = 5.6
"""Deviation of a noise's power in one band and frame: that of a chi-square distribution of two
degrees of freedom."""
HIDDEN_BANDS: Final = 8
"""At most so many bands side by side are hidden behind their mean."""
_LOG_100: Final = float(np.log(100.0))


def somebody_else(heard: Tensor, rng: np.random.Generator) -> Tensor:
    """Features (b, m, 41) of the same words from other people, microphones and rooms."""
    count, frames = heard.shape[:2]
    throats = torch.stack([warp_matrix(int(k)) for k in rng.integers(WARP_CHOICES, size=count)])
    bands = torch.bmm(heard[..., :N_BANDS], throats) + _colours(count, rng)[:, None]
    noise_db = np.where(rng.random(count) < NOISE_CHANCE, rng.uniform(*NOISE_DB, count), -1e3)
    flicker = torch.from_numpy(rng.standard_normal((count, frames, N_BANDS), np.float32))
    noise = torch.from_numpy((noise_db / UNIT_DB).astype(np.float32))[:, None, None]
    noise = noise + _colours(count, rng)[:, None] + FLICKER_DB / UNIT_DB * flicker
    # A unit is a factor of ten in amplitude, so powers add up as 100 ** x.
    bands = torch.logaddexp(bands * _LOG_100, noise * _LOG_100) / _LOG_100
    for row in bands:
        width = int(rng.integers(HIDDEN_BANDS + 1))
        first = int(rng.integers(N_BANDS - width))
        hidden = row[:, first : first + width]
        hidden.copy_(hidden.mean(dim=0, keepdim=True).expand_as(hidden))
    return torch.cat([bands.clamp_min(FLOOR), heard[..., N_BANDS:]], dim=2)


@lru_cache(maxsize=WARP_CHOICES)
def warp_matrix(choice: int) -> Tensor:
    """A matrix (40, 40) by which bands are moved along the frequencies, by a factor from
    exp(-WARP) to exp(WARP)."""
    factor = np.exp(np.linspace(-WARP, WARP, WARP_CHOICES)[choice])
    low, high = (_mel(np.array(hz)) for hz in BAND_RANGE_HZ)
    centres = np.linspace(low, high, N_BANDS + 2)[1:-1]
    wanted = _mel(700.0 * (10.0 ** (centres / 2595.0) - 1.0) * factor)
    place = np.interp(wanted, centres, np.arange(N_BANDS))
    matrix = np.maximum(0.0, 1.0 - np.abs(np.arange(N_BANDS)[:, None] - place[None, :]))
    return torch.from_numpy(matrix.astype(np.float32))


def _colours(count: int, rng: np.random.Generator) -> Tensor:
    """Frequency responses (b, 40) in units of features."""
    points = rng.uniform(-COLOUR_DB, COLOUR_DB, (count, COLOUR_POINTS)) / UNIT_DB
    place = np.linspace(0.0, COLOUR_POINTS - 1.001, N_BANDS)
    first, share = place.astype(int), place % 1.0
    curves = points[:, first] + share * (points[:, first + 1] - points[:, first])
    return torch.from_numpy(curves.astype(np.float32))


def _mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(2595.0 * np.log10(1.0 + hz / 700.0))
