"""Training the imagination on what the lip VAE sees in pictures of human lips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from envs.progress import Progress, untracked
from policies.learned.imagination import Imagination
from policies.training.config import Regression

HELD_OUT = 0.1


@dataclass(frozen=True)
class ImaginationErrors:
    """On lips it was not trained on. latents: mean squared error, as a share of their variance.
    landmarks_mm: mean distance."""

    latents: float
    landmarks_mm: float


def train_imagination(
    shapes: NDArray[np.float32],
    latents: Tensor,
    landmarks_mm: NDArray[np.float32],
    recipe: Regression,
    seed: int,
    progress: Progress = untracked,
) -> tuple[Imagination, ImaginationErrors]:
    """Fit lip shapes (n, 6) to latents (n, 16) and landmarks (n, 40, 3) mm."""
    torch.manual_seed(seed)
    wanted, places = torch.from_numpy(shapes), torch.from_numpy(landmarks_mm)
    imagination = Imagination()
    imagination.shape_mean = wanted.mean(0)
    imagination.latent_mean, imagination.latent_scale = latents.mean(0), latents.std(0) + 1e-6
    imagination.landmark_mean_mm = places.mean(0)
    kept = round(len(wanted) * (1.0 - HELD_OUT))
    spread = latents.var(0).mean()
    optimiser = torch.optim.Adam(imagination.parameters(), lr=recipe.learning_rate)
    steps = max(1, recipe.epochs * kept // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2 * recipe.learning_rate, steps)
    generator = torch.Generator().manual_seed(seed)
    for _ in progress(range(steps), steps, "learning to imagine lips"):
        rows = torch.randint(kept, (recipe.batch,), generator=generator)
        imagined, where = imagination(wanted[rows])
        apart = nn.functional.mse_loss(imagined, latents[rows]) / spread
        off = nn.functional.mse_loss(where, places[rows])
        optimiser.zero_grad()
        (apart + off).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    unseen = slice(kept, None) if kept < len(wanted) else slice(None)
    with torch.no_grad():
        imagined, where = imagination(wanted[unseen])
    errors = ImaginationErrors(
        float((imagined - latents[unseen]).square().mean() / spread),
        float((where - places[unseen]).norm(dim=2).mean()),
    )
    return imagination.eval(), errors
