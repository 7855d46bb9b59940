"""Practice: the robot speaks on the twin and watches itself.

Speech takes the servos where babbling seldom was. What a first transformer does there is seen, and
the self-model learns from it, before the next lessons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from envs.progress import Progress, untracked
from policies.learned.action_transformer import ActionTransformer
from policies.self_observation import Observation, Recipe
from policies.self_observation.dataset import read_shard, shard_path, write_shard
from policies.self_observation.recording import Recorder
from policies.training.config import Practice
from policies.training.teaching import Passage

N_FRAMES: Final = 300
_WANDER_FRAMES: Final = 3.0
"""Deviation of the smoothing of the noise: 0.1 s, the pace of speech."""


def practise(
    folder: Path,
    transformer: ActionTransformer,
    passages: Sequence[Passage],
    recipe: Practice,
    seed: int,
    progress: Progress = untracked,
) -> list[Observation]:
    """Speak some passages of 10 s, drawn at random; those that are in `folder` already are read."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [shard_path(folder, index) for index in range(recipe.motions)]
    missing = [index for index, path in enumerate(paths) if not path.exists()]
    work = _performed(folder, transformer, passages, recipe, seed, missing)
    for _ in progress(work, len(missing), "practising"):
        pass
    return [read_shard(path) for path in paths]


def _performed(
    folder: Path,
    transformer: ActionTransformer,
    passages: Sequence[Passage],
    recipe: Practice,
    seed: int,
    indices: Sequence[int],
) -> Iterator[int]:
    if not indices:
        return
    recorder = Recorder(Recipe(crop_every=recipe.crop_every))
    try:
        for index in indices:
            rng = np.random.default_rng([seed, index])
            commands = transformer.perform(_some_speech(passages, rng)).numpy().astype(np.float64)
            if index % 2:
                commands += _wander(rng, commands.shape, recipe.wander)
            write_shard(shard_path(folder, index), recorder.perform(np.clip(commands, 0.0, 1.0)))
            yield index
    finally:
        recorder.close()


def _some_speech(passages: Sequence[Passage], rng: np.random.Generator) -> torch.Tensor:
    """Latents (300, 16) of passages one after the other."""
    chosen: list[torch.Tensor] = []
    while sum(map(len, chosen)) < N_FRAMES:
        chosen.append(passages[int(rng.integers(len(passages)))].latents)
    return torch.cat(chosen)[:N_FRAMES]


def _wander(rng: np.random.Generator, shape: tuple[int, ...], size: float) -> NDArray[np.float64]:
    noise = gaussian_filter1d(rng.standard_normal(shape), _WANDER_FRAMES, axis=0)
    wander: NDArray[np.float64] = size * noise / noise.std()
    return wander
