"""Training the self-model on babbling."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from policies.babble import Progress, untracked
from policies.learned.self_model import HISTORY, SelfModel
from policies.self_observation.recording import Observation
from policies.training.config import BodyTraining
from policies.training.device import best_device

HELD_OUT: float = 0.1
"""Share of the shards, the last ones, that are only tested on."""


@dataclass(frozen=True, eq=False)
class Experience:
    """Babbling as rows: commands (n, 12, 10) in [0, 1], joints (n, 10) rad or m, landmarks
    (n, 40, 3) mm."""

    histories: Tensor
    joints: Tensor
    landmarks_mm: Tensor


@dataclass(frozen=True)
class BodyErrors:
    """On shards it was not trained on. joints: root mean square error, as a share of the joints'
    deviation. landmarks_mm: mean distance between foreseen and seen landmarks, from commands."""

    joints: float
    landmarks_mm: float


def experience(observations: Iterable[Observation], rest: np.ndarray) -> Experience:
    """Rows of whole motions; before a motion, the commands were at rest (10,)."""
    histories, joints, landmarks = [], [], []
    for seen in observations:
        before = np.tile(rest.astype(np.float32), (HISTORY - 1, 1))
        padded = np.concatenate([before, seen.commands])
        windows = np.lib.stride_tricks.sliding_window_view(padded, HISTORY, axis=0)
        histories.append(windows.transpose(0, 2, 1))
        joints.append(seen.joints)
        landmarks.append(seen.landmarks_mm)
    return Experience(
        *(torch.from_numpy(np.concatenate(rows)) for rows in (histories, joints, landmarks))
    )


def train_body(
    recorded: list[Observation],
    rest: np.ndarray,
    recipe: BodyTraining,
    seed: int,
    progress: Progress = untracked,
) -> tuple[SelfModel, BodyErrors]:
    """Fit a self-model to what was recorded; `rest` are the commands (10,) at rest."""
    torch.manual_seed(seed)
    device = best_device()
    kept = max(1, round(len(recorded) * (1.0 - HELD_OUT)))
    lived, unseen = experience(recorded[:kept], rest), experience(recorded[kept:] or recorded, rest)
    body = SelfModel()
    body.joint_mean = lived.joints.mean(0)
    body.joint_scale = lived.joints.std(0)
    body.landmark_mean_mm = lived.landmarks_mm.mean(0)
    body.to(device)
    joints = body.standardise(lived.joints.to(device))
    histories, landmarks = lived.histories.to(device), lived.landmarks_mm.to(device)
    optimiser = torch.optim.Adam(body.parameters(), lr=recipe.learning_rate)
    steps = recipe.epochs * max(1, len(joints) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2 * recipe.learning_rate, steps)
    generator = torch.Generator().manual_seed(seed)
    for _ in progress(range(steps), steps, "learning its body"):
        rows = torch.randint(len(joints), (recipe.batch,), generator=generator).to(device)
        servos = nn.functional.mse_loss(body.joints(histories[rows]), joints[rows])
        face = nn.functional.mse_loss(body.landmarks_mm(joints[rows]), landmarks[rows])
        optimiser.zero_grad()
        (servos + face).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return body.cpu(), body_errors(body, unseen)


def body_errors(body: SelfModel, rows: Experience) -> BodyErrors:
    """How far the model is off, from commands alone."""
    with torch.no_grad():
        foreseen = body.joints(rows.histories)
        missed = foreseen - body.standardise(rows.joints)
        apart = (body.landmarks_mm(foreseen) - rows.landmarks_mm).norm(dim=2)
    return BodyErrors(float(missed.square().mean().sqrt()), float(apart.mean()))
