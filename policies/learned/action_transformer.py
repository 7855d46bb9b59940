"""The Facial Action Transformer: wanted lips and past commands to the next commands.

After Hu et al., Science Robotics 11(110), eadx3017, 2026: a transformer (Vaswani et al., 2017)
whose encoder reads the two previous commands and whose decoder reads wanted lip latents, with
learned positions; its first output is the commands. It is run on its own commands. The published
one reads the latents at t and t + 1; servos are slower than that, so ours looks further ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeVar

import torch
from torch import Tensor, nn

from policies.learned.lip_vae import LATENT_SIZE
from sim.dof import N_DOF

N_PREVIOUS: Final = 2
FPS: Final = 30.0
"""Commands per second, those of the published robot."""
REST_MARGIN: Final = 0.02
"""Rest commands are kept this far from 0 and 1, where the logistic function has no inverse."""

Layer = TypeVar("Layer", nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)


@dataclass(frozen=True)
class Architecture:
    """Sizes.

    Attributes:
        width: of a token.
        layers: of the encoder, and of the decoder.
        heads: of attention.
        ahead: how many wanted latents it reads after that of the moment.
    """

    width: int
    layers: int
    heads: int
    ahead: int


PUBLISHED: Final = Architecture(width=512, layers=2, heads=2, ahead=1)
LEADING: Final = Architecture(width=128, layers=2, heads=2, ahead=3)
"""Ours: 0.1 s ahead covers the servos' lag of 0.07 s; a quarter of the width is enough."""


class ActionTransformer(nn.Module):
    """Wanted latents and previous commands to commands.

    Args:
        architecture: its sizes.
    """

    rest: Tensor
    """Commands (10,) at rest: what it gives where it has learned nothing."""
    latent_mean: Tensor
    latent_scale: Tensor

    def __init__(self, architecture: Architecture = LEADING) -> None:
        super().__init__()
        self.architecture = architecture
        width = architecture.width
        self._encoder = nn.TransformerEncoder(
            _layer(nn.TransformerEncoderLayer, architecture),
            architecture.layers,
            nn.LayerNorm(width),
            enable_nested_tensor=False,
        )
        self._decoder = nn.TransformerDecoder(
            _layer(nn.TransformerDecoderLayer, architecture),
            architecture.layers,
            nn.LayerNorm(width),
        )
        self._command = nn.Linear(N_DOF, width)
        self._latent = nn.Linear(LATENT_SIZE, width)
        self._past = nn.Parameter(0.02 * torch.randn(N_PREVIOUS, width))
        self._future = nn.Parameter(0.02 * torch.randn(architecture.ahead + 1, width))
        self._out = nn.Linear(width, N_DOF)
        self.register_buffer("rest", torch.full((N_DOF,), 0.5))
        self.register_buffer("latent_mean", torch.zeros(LATENT_SIZE))
        self.register_buffer("latent_scale", torch.ones(LATENT_SIZE))

    def forward(self, previous: Tensor, wanted: Tensor) -> Tensor:
        """The next commands.

        Args:
            previous: (b, 2, 10) in [0, 1], older first.
            wanted: (b, ahead + 1, 16) latents, now first.

        Returns:
            (b, 10) in [0, 1].
        """
        past = self._command(2.0 * (previous - self.rest)) + self._past
        future = self._latent((wanted - self.latent_mean) / self.latent_scale) + self._future
        out = self._out(self._decoder(future, self._encoder(past))[:, 0])
        return torch.sigmoid(torch.logit(self.rest.clamp(REST_MARGIN, 1.0 - REST_MARGIN)) + out)

    def perform(self, latents: Tensor) -> Tensor:
        """Commands (n, 10) for wanted latents (n, 16), from rest, on its own commands; after the
        end, the last latent is wanted on."""
        ahead = self.architecture.ahead
        wanted = torch.cat([latents, latents[-1:].expand(ahead, -1)])
        commands = [self.rest] * N_PREVIOUS
        with torch.no_grad():
            for frame in range(len(latents)):
                previous = torch.stack(commands[-N_PREVIOUS:])
                commands.append(self(previous[None], wanted[None, frame : frame + ahead + 1])[0])
        return torch.stack(commands[N_PREVIOUS:])


def _layer(kind: type[Layer], architecture: Architecture) -> Layer:
    return kind(
        architecture.width,
        architecture.heads,
        2 * architecture.width,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
