"""Distances between achieved and wanted lips, and the paper's controls.

The metric of Hu et al. (Science Robotics 11(110), eadx3017, 2026) is the squared distance of lip
latents per dimension: for each frame the mean over the sixteen of the squared differences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Floats = NDArray[np.float64]
Pair = tuple[Array, Array]
"""Achieved and wanted latents of an utterance, (n, 16) each, frame by frame."""


@dataclass(frozen=True)
class Spread:
    """A quantity over frames: mean, standard deviation, least, most, and over how many frames."""

    mean: float
    std: float
    least: float
    most: float
    frames: int


def spread(values: Floats) -> Spread | None:
    """The spread of values (n,); None for none."""
    if values.size == 0:
        return None
    return Spread(
        float(values.mean()),
        float(values.std()),
        float(values.min()),
        float(values.max()),
        int(values.size),
    )


def latent_distances(achieved: Array, wanted: Array) -> Floats:
    """Squared distance per dimension of each frame, (n,), of latents (n, 16)."""
    apart = np.asarray(achieved, np.float64) - np.asarray(wanted, np.float64)
    return np.asarray(np.square(apart).mean(axis=1))


def dimension_distances(achieved: Array, wanted: Array) -> Floats:
    """Mean over the frames of the squared differences, (16,), of latents (n, 16)."""
    apart = np.asarray(achieved, np.float64) - np.asarray(wanted, np.float64)
    return np.asarray(np.square(apart).mean(axis=0))


def shifted_distances(pairs: Sequence[Pair], frames: int) -> Floats:
    """The distances of pairs if the first were so many frames late, and as many early: both.

    Frames that have no partner left are left out, so an utterance gives 2 (n - frames) values.
    """
    found = [np.zeros(0)]
    for achieved, wanted in pairs:
        found.append(latent_distances(achieved[:-frames], wanted[frames:]))
        found.append(latent_distances(achieved[frames:], wanted[:-frames]))
    return np.concatenate(found)


def random_distances(pairs: Sequence[Pair], seed: int = 0) -> Floats:
    """The distances of every wanted frame to an achieved frame drawn from anywhere, (n,)."""
    achieved = np.concatenate([pair[0] for pair in pairs])
    wanted = np.concatenate([pair[1] for pair in pairs])
    drawn = np.random.default_rng(seed).integers(len(achieved), size=len(wanted))
    return latent_distances(achieved[drawn], wanted)


def landmark_distances_mm(achieved_mm: Array, wanted_mm: Array) -> Floats:
    """Mean distance of the landmarks in each frame, (n,), of landmarks (n, 40, 3) mm."""
    apart = np.asarray(achieved_mm, np.float64) - np.asarray(wanted_mm, np.float64)
    return np.asarray(np.linalg.norm(apart, axis=2).mean(axis=1))
