"""The nearest that a robot can come to lips it is shown, by what it knows of itself."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from policies.learned.self_model import SelfModel

ITERATIONS: Final = 250
_RATE: Final = 0.06
_EFFORT: Final = 1e-3
"""Weight of staying in the middle of the joint ranges, mm2: decides between joints that make the
same lips, and keeps clear of the ends."""


def nearest_joints(
    body: SelfModel, landmarks_mm: Tensor, joint_lower: Tensor, joint_upper: Tensor
) -> Tensor:
    """Joints (b, 10), in the model's units, whose landmarks come nearest to (b, 40, 3) mm.

    Least sum of squared distances within the joint ranges `joint_lower` to `joint_upper` (10,),
    in the model's units, by gradient descent (Adam) through the self-model.
    """
    way = torch.zeros(
        len(landmarks_mm), len(joint_lower), device=landmarks_mm.device, requires_grad=True
    )
    optimiser = torch.optim.Adam([way], lr=_RATE)
    for _ in range(ITERATIONS):
        joints = joint_lower + (joint_upper - joint_lower) * torch.sigmoid(way)
        missed = (body.landmarks_mm(joints) - landmarks_mm).square().sum((1, 2))
        loss = missed.mean() / landmarks_mm.shape[1] + _EFFORT * way.square().mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return (joint_lower + (joint_upper - joint_lower) * torch.sigmoid(way)).detach()
