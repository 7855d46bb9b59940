"""The nearest that a robot can come to lips it is shown, by what it knows of itself."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from policies.learned.self_model import SelfModel
from sim.landmarks import INNER_PAIRS

ITERATIONS: Final = 250
_RATE: Final = 0.06
_EFFORT: Final = 1e-3
"""Weight of staying in the middle of the joint ranges, mm2: decides between joints that make the
same lips, and keeps clear of the ends."""
GAP: Final = 0.3
CLOSED_GAP: Final = 10.0
NEAR_MM: Final = 1.0
PRESS_MM: Final = 0.3
"""What the gaps between upper and lower lip weigh beside all landmarks: little where the mouth is
open, much where the wanted gap is not far above `NEAR_MM`, and there the lips are pressed together
by `PRESS_MM`. Without it 38 of 100 wanted closures stay open by a hair; with it none, and all
landmarks are 0.08 mm farther off."""

_UPPER, _LOWER = (list(rows) for rows in zip(*INNER_PAIRS, strict=True))


def gaps(landmarks: Tensor) -> Tensor:
    """Height of the upper lip's inner edge over the lower lip's, (b, pairs), in the unit of the
    landmarks (b, 40, 3)."""
    return landmarks[:, _UPPER, 2] - landmarks[:, _LOWER, 2]


def lip_cost_mm2(made_mm: Tensor, wanted_mm: Tensor) -> Tensor:
    """How unlike lips are, (b,) mm2, of landmarks (b, 40, 3) mm: mean squared distance, and the
    squared differences of the gaps with their weights."""
    wanted = gaps(wanted_mm)
    near = torch.exp(-wanted.clamp(min=0.0) / NEAR_MM)
    too_far = gaps(made_mm) - wanted + PRESS_MM * near
    distance = (made_mm - wanted_mm).square().sum(2).mean(1)
    return distance + ((GAP + CLOSED_GAP * near) * too_far.square()).mean(1)


def nearest_joints(
    body: SelfModel, landmarks_mm: Tensor, joint_lower: Tensor, joint_upper: Tensor
) -> Tensor:
    """Joints (b, 10), in the model's units, whose landmarks come nearest to (b, 40, 3) mm.

    Least `lip_cost_mm2` within the joint ranges `joint_lower` to `joint_upper` (10,), in the
    model's units, by gradient descent (Adam) through the self-model.
    """
    way = torch.zeros(
        len(landmarks_mm), len(joint_lower), device=landmarks_mm.device, requires_grad=True
    )
    optimiser = torch.optim.Adam([way], lr=_RATE)
    for _ in range(ITERATIONS):
        joints = joint_lower + (joint_upper - joint_lower) * torch.sigmoid(way)
        cost = lip_cost_mm2(body.landmarks_mm(joints), landmarks_mm)
        loss = cost.mean() + _EFFORT * way.square().mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return (joint_lower + (joint_upper - joint_lower) * torch.sigmoid(way)).detach()
