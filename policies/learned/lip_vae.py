"""The lip VAE: a picture of a mouth as sixteen numbers.

The published design (Hu et al., Science Robotics 11(110), eadx3017, 2026): a residual
convolutional variational autoencoder (Kingma & Welling, 2014) on 128 x 128 RGB lip crops in
[-1, 1], five stages of stride 2, one latent channel of 4 x 4. Its widths are those published; its
perceptual loss is not, see `policies.training.vae`. A small head reads the lip landmarks off the
latent, which keeps the latent about lips.
"""

from __future__ import annotations

from typing import Final

from torch import Tensor, nn

from sim.landmarks import N_LANDMARKS

LATENT_SIZE: Final = 16
CROP_PX: Final = 128
WIDTH: Final = 2
MULTIPLIERS: Final = (1, 4, 8, 16, 32)
"""Channels of the five stages, times `WIDTH`, as published."""
_GRID: Final = CROP_PX // 2 ** len(MULTIPLIERS)
_LANDMARK_WIDTH: Final = 64


class LipVAE(nn.Module):
    """Encoder, decoder and landmark head.

    Pictures are (b, 3, 128, 128) in [-1, 1]; latents (b, 16).
    """

    def __init__(self) -> None:
        super().__init__()
        channels = [WIDTH * multiplier for multiplier in MULTIPLIERS]
        down: list[nn.Module] = [nn.Conv2d(3, channels[0], 3, padding=1)]
        for before, after in zip(channels, [*channels[1:], channels[-1]], strict=True):
            down += [_Residual(before), nn.Conv2d(before, after, 3, stride=2, padding=1)]
        down += [_Residual(channels[-1]), nn.SiLU(), nn.Conv2d(channels[-1], 2, 3, padding=1)]
        up: list[nn.Module] = [nn.Conv2d(1, channels[-1], 3, padding=1), _Residual(channels[-1])]
        for before, after in zip([channels[-1], *channels[:0:-1]], channels[::-1], strict=True):
            up += [nn.Upsample(scale_factor=2), nn.Conv2d(before, after, 3, padding=1)]
            up += [_Residual(after)]
        up += [nn.SiLU(), nn.Conv2d(channels[0], 3, 3, padding=1), nn.Tanh()]
        self._encoder = nn.Sequential(*down)
        self._decoder = nn.Sequential(*up)
        self._landmarks = nn.Sequential(
            nn.Linear(LATENT_SIZE, _LANDMARK_WIDTH),
            nn.SiLU(),
            nn.Linear(_LANDMARK_WIDTH, 3 * N_LANDMARKS),
        )

    def encoder_parameters(self) -> list[nn.Parameter]:
        """Those that turn pictures into latents."""
        return list(self._encoder.parameters())

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the latents, (b, 16) each."""
        mean, log_variance = self._encoder(pictures).flatten(2).unbind(1)
        return mean, log_variance.clamp(-10.0, 4.0)

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures of latents."""
        return self._decoder(latents.reshape(-1, 1, _GRID, _GRID))

    def landmarks_mm(self, latents: Tensor) -> Tensor:
        """Landmarks (b, 40, 3), mm from their rest, that the latents speak of."""
        return self._landmarks(latents).reshape(-1, N_LANDMARKS, 3)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self._path = nn.Sequential(
            nn.GroupNorm(1, channels),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.GroupNorm(1, channels),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self._path(x)
