"""Fine-tuning the lip VAE's encoder on pairs, as published.

Human lips are to be seen as the robot's nearest to them (Hu et al., Science Robotics 11(110),
eadx3017, 2026): only then can a latent of wanted lips be reached. The decoder stays as it is, and
so do the latents of the robot's own pictures, which a frozen copy of the encoder gives.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from envs.progress import Progress, untracked
from policies.learned.lip_vae import LipVAE
from policies.training.augment import augment
from policies.training.config import Regression
from policies.training.device import best_device, quick_products
from policies.training.pairs import Pairs
from policies.training.vae import HELD_OUT, LipPictures, as_input, latents


@dataclass(frozen=True)
class PairingErrors:
    """Mean squared latent distances, as shares of the variance of the robot's latents in speech;
    on pictures that were not trained on. apart: human lips and the robot's nearest. moved: the
    robot's own pictures, from where they were before."""

    apart: float
    moved: float


def see_alike(
    vae: LipVAE,
    robot: LipPictures,
    pairs: Pairs,
    recipe: Regression,
    seed: int,
    progress: Progress = untracked,
) -> tuple[LipVAE, PairingErrors]:
    """A VAE that sees human lips as the robot's nearest.

    Of each batch a half is human and a half the robot's; of both a half is seen in other light and
    by a slightly other camera, as before.
    """
    torch.manual_seed(seed)
    device = best_device()
    paired = latents(vae, pairs.robot)
    babbled = latents(vae, robot.pictures)
    tuned = copy.deepcopy(vae).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    kept, kept_pairs = (int(len(x) * (1.0 - HELD_OUT)) for x in (robot.pictures, pairs.human))
    weights = tuned.encoder_parameters()
    optimiser = torch.optim.Adam(weights, lr=recipe.learning_rate)
    half = recipe.batch // 2
    steps = max(1, recipe.epochs * kept_pairs // half)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2 * recipe.learning_rate, steps)
    generator = torch.Generator().manual_seed(seed)
    tuned.train()
    for _ in progress(range(steps), steps, "seeing human lips as its own"):
        twos = torch.randint(kept_pairs, (half,), generator=generator)
        rows = torch.randint(kept, (half,), generator=generator)
        pictures = as_input(np.concatenate([pairs.human[twos], robot.pictures[rows]])).to(device)
        elsewhere = torch.rand(len(pictures), 1, 1, 1, generator=generator) < 0.5
        seen = torch.where(elsewhere.to(device), augment(pictures, generator), pictures)
        wanted = torch.cat([paired[twos], babbled[rows]]).to(device)
        with quick_products(device):
            mean, _ = tuned.encode(seen.contiguous(memory_format=torch.channels_last))
        loss = nn.functional.mse_loss(mean.float(), wanted)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.step()
        schedule.step()
    tuned.cpu().eval()
    spread = paired.var(0).mean()
    human = latents(tuned, pairs.human[kept_pairs:])
    own = latents(tuned, robot.pictures[kept:])
    errors = PairingErrors(
        float((human - paired[kept_pairs:]).square().mean() / spread),
        float((own - babbled[kept:]).square().mean() / spread),
    )
    return tuned, errors
