"""What the robot knows of its own body: which lips come of which commands.

Learned from what it did and saw, in two halves. The *servos*: where the joints are after the last
commands, with lag, speed limits and backlash. The *face*: which landmarks, and which lip latent,
belong to joint positions. Both are differentiable, so a policy can be taught through them (a
distal teacher: Jordan & Rumelhart, "Forward models: supervised learning with a distal teacher",
Cognitive Science 16, 1992).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor, nn

from policies.learned.lip_vae import LATENT_SIZE
from sim.dof import N_DOF
from sim.landmarks import N_LANDMARKS

HISTORY: Final = 12
"""Commands that the joints still remember, 0.4 s at 30 per second: the longest way at full servo
speed takes 0.27 s, the lag included 0.35 s."""
_WIDTH: Final = 256
_SERVO_WIDTH: Final = 64


class SelfModel(nn.Module):
    """Commands to joints, and joints to lips.

    Joints are in units of their deviation while babbling; commands are in [0, 1].
    """

    joint_mean: Tensor
    joint_scale: Tensor
    landmark_mean_mm: Tensor

    def __init__(self) -> None:
        super().__init__()
        self._servos = _Servos()
        self._face = _Curved(N_DOF, 3 * N_LANDMARKS)
        self._latent = _Curved(N_DOF, LATENT_SIZE)
        self.register_buffer("joint_mean", torch.zeros(N_DOF))
        self.register_buffer("joint_scale", torch.ones(N_DOF))
        self.register_buffer("landmark_mean_mm", torch.zeros(N_LANDMARKS, 3))

    def joints(self, history: Tensor) -> Tensor:
        """Joints (b, 10) after the commands (b, 12, 10), oldest first."""
        return self._servos(history)

    def landmarks_mm(self, joints: Tensor) -> Tensor:
        """Landmarks (b, 40, 3), mm in the face frame, at joints (b, 10)."""
        return self._face(joints).reshape(-1, N_LANDMARKS, 3) + self.landmark_mean_mm

    def latents(self, joints: Tensor) -> Tensor:
        """Lip latents (b, 16) at joints (b, 10)."""
        return self._latent(joints)

    def latent_parameters(self) -> list[nn.Parameter]:
        """Those of the latents alone, which are learned later than the rest: first there must be
        eyes."""
        return list(self._latent.parameters())

    def standardise(self, joints: Tensor) -> Tensor:
        """Joints in rad and m, in the model's units."""
        return (joints - self.joint_mean) / self.joint_scale


class _Servos(nn.Module):
    """Each servo by its own commands, and what the others' pull on the skin adds to it."""

    def __init__(self) -> None:
        super().__init__()
        self._alone = nn.ParameterList(
            nn.Parameter(torch.randn(N_DOF, before, after) / math.sqrt(before))
            for before, after in pairwise((HISTORY, _SERVO_WIDTH, _SERVO_WIDTH, 1))
        )
        self._offsets = nn.ParameterList(
            nn.Parameter(torch.zeros(N_DOF, 1, after)) for after in (_SERVO_WIDTH, _SERVO_WIDTH, 1)
        )
        self._together = _Curved(HISTORY * N_DOF, N_DOF)

    def forward(self, history: Tensor) -> Tensor:
        own = history.permute(2, 0, 1)
        first, *others = zip(self._offsets, self._alone, strict=True)
        own = torch.baddbmm(first[0], own, first[1])
        for offset, weights in others:
            own = torch.baddbmm(offset, nn.functional.gelu(own), weights)
        return self._together(history.flatten(1)) + own[..., 0].T


class _Curved(nn.Module):
    """A linear map, and what a small network adds to it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self._line = nn.Linear(inputs, outputs)
        self._bend = nn.Sequential(
            nn.Linear(inputs, _WIDTH),
            nn.GELU(),
            nn.Linear(_WIDTH, _WIDTH),
            nn.GELU(),
            nn.Linear(_WIDTH, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self._line(x) + self._bend(x)
