"""The same lips under other lights and slightly other cameras."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

SHIFT: Final = 0.025
"""Greatest shift of a picture, as a share of its side: a camera that is off by 2 mm at the lips."""
ZOOM: Final = 0.04
TURN_RAD: Final = 0.03
GAIN: Final = 0.25
OFFSET: Final = 0.15
TINT: Final = 0.10
NOISE: Final = 0.02
"""Greatest changes of exposure, black level and colour balance, and the deviation of sensor noise;
all in units of a picture in [-1, 1]. Chosen to cover a room's lights, not measured."""


def augment(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures (b, 3, h, w) in [-1, 1] as another camera would see them in another light."""
    b = len(pictures)

    def uniform(size: float, *shape: int) -> Tensor:
        return size * (2.0 * torch.rand(b, *shape, generator=generator) - 1.0)

    turn, zoom = uniform(TURN_RAD), 1.0 + uniform(ZOOM)
    grid = torch.zeros(b, 2, 3)
    grid[:, 0, 0] = grid[:, 1, 1] = zoom * turn.cos()
    grid[:, 0, 1], grid[:, 1, 0] = -zoom * turn.sin(), zoom * turn.sin()
    grid[:, :, 2] = 2.0 * uniform(SHIFT, 2)
    where = torch.nn.functional.affine_grid(grid, list(pictures.shape), align_corners=False)
    moved = torch.nn.functional.grid_sample(
        pictures, where.to(pictures), padding_mode="border", align_corners=False
    )
    gain = 1.0 + uniform(GAIN, 1, 1, 1) + uniform(TINT, 3, 1, 1)
    noise = NOISE * torch.randn(moved.shape, generator=generator)
    lit = (moved + 1.0) * gain.to(moved) - 1.0 + uniform(OFFSET, 1, 1, 1).to(moved)
    return (lit + noise.to(moved)).clamp(-1.0, 1.0)
