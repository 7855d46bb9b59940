"""What wanted lips would look like: a lip shape as a lip latent, without drawing it.

Learned from pictures of human lips: the latent is the one that the lip VAE sees in the picture,
which, after its training on pairs, is that of the robot's nearest lips.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Final

import torch
from torch import Tensor, nn

from envs.target import LipShape
from policies.learned.lip_vae import LATENT_SIZE
from sim.landmarks import N_LANDMARKS

N_QUANTITIES: Final = len(fields(LipShape))
SHAPE_SCALE: Final = (10.0, 10.0, 5.0, 10.0, 1.0, 1.0)
"""Sizes of the quantities of `envs.target.LipShape` in speech: 10 mm of aperture and width, 5 mm of
protrusion, 10 degrees of jaw, whole contacts."""
_WIDTH: Final = 128


class Imagination(nn.Module):
    """Lip shapes (b, 6), quantities of `envs.target.LipShape` in their order, to lip latents
    (b, 16) and landmarks (b, 40, 3), mm in the face frame."""

    shape_mean: Tensor
    latent_mean: Tensor
    latent_scale: Tensor
    landmark_mean_mm: Tensor

    def __init__(self) -> None:
        super().__init__()
        self._trunk = nn.Sequential(
            nn.Linear(N_QUANTITIES, _WIDTH), nn.GELU(), nn.Linear(_WIDTH, _WIDTH), nn.GELU()
        )
        self._latent = nn.Linear(_WIDTH, LATENT_SIZE)
        self._landmarks = nn.Linear(_WIDTH, 3 * N_LANDMARKS)
        self.register_buffer("shape_mean", torch.zeros(N_QUANTITIES))
        self.register_buffer("latent_mean", torch.zeros(LATENT_SIZE))
        self.register_buffer("latent_scale", torch.ones(LATENT_SIZE))
        self.register_buffer("landmark_mean_mm", torch.zeros(N_LANDMARKS, 3))

    def forward(self, shapes: Tensor) -> tuple[Tensor, Tensor]:
        """Latents and landmarks."""
        scale = torch.tensor(SHAPE_SCALE).to(shapes)
        seen = self._trunk((shapes - self.shape_mean) / scale)
        latents = self._latent(seen) * self.latent_scale + self.latent_mean
        landmarks = self._landmarks(seen).reshape(-1, N_LANDMARKS, 3) + self.landmark_mean_mm
        return latents, landmarks
