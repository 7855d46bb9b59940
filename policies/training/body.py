"""Training the self-model on what the robot did and saw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from envs.progress import Progress, untracked
from policies.learned.self_model import HISTORY, SelfModel
from policies.self_observation.recording import Observation
from policies.training.config import Regression
from policies.training.device import best_device


@dataclass(frozen=True, eq=False)
class Experience:
    """What was done, as rows: commands (n, 12, 10) in [0, 1], joints (n, 10) rad or m, landmarks
    (n, 40, 3) mm."""

    histories: Tensor
    joints: Tensor
    landmarks_mm: Tensor


@dataclass(frozen=True)
class BodyErrors:
    """On motions it was not trained on. joints: root mean square error, as a share of the joints'
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
    lived: Sequence[Observation],
    unseen: Sequence[Observation],
    rest: np.ndarray,
    recipe: Regression,
    seed: int,
    progress: Progress = untracked,
) -> tuple[SelfModel, BodyErrors]:
    """Fit a self-model's servos and landmarks to what was `lived`, and test it on `unseen`; `rest`
    are the commands (10,) at rest."""
    torch.manual_seed(seed)
    device = best_device()
    rows = experience(lived, rest)
    body = SelfModel()
    body.joint_mean = rows.joints.mean(0)
    body.joint_scale = rows.joints.std(0)
    body.landmark_mean_mm = rows.landmarks_mm.mean(0)
    body.to(device)
    joints = body.standardise(rows.joints.to(device))
    histories, landmarks = rows.histories.to(device), rows.landmarks_mm.to(device)
    optimiser = torch.optim.Adam(body.parameters(), lr=recipe.learning_rate)
    steps = recipe.epochs * max(1, len(joints) // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2 * recipe.learning_rate, steps)
    generator = torch.Generator().manual_seed(seed)
    for _ in progress(range(steps), steps, "learning its body"):
        some = torch.randint(len(joints), (recipe.batch,), generator=generator).to(device)
        servos = nn.functional.mse_loss(body.joints(histories[some]), joints[some])
        face = nn.functional.mse_loss(body.landmarks_mm(joints[some]), landmarks[some])
        optimiser.zero_grad()
        (servos + face).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return body.cpu(), body_errors(body, experience(unseen, rest))


def look_into_mirror(
    body: SelfModel,
    joints: Tensor,
    latents: Tensor,
    recipe: Regression,
    seed: int,
    progress: Progress = untracked,
) -> float:
    """Fit a self-model's latents (n, 16) to joints (n, 10), rad or m, in place; the mean squared
    error on the last tenth, which is only tested on, as a share of their variance."""
    torch.manual_seed(seed)
    order = torch.randperm(len(joints))
    joints, latents = body.standardise(joints)[order], latents[order]
    kept = max(1, len(joints) - len(joints) // 10)
    spread = latents.var(0, correction=0).mean()
    mirror = body.latent_parameters()
    optimiser = torch.optim.Adam(mirror, lr=recipe.learning_rate)
    steps = recipe.epochs * max(1, kept // recipe.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2 * recipe.learning_rate, steps)
    for _ in progress(range(steps), steps, "looking into the mirror"):
        some = torch.randint(kept, (recipe.batch,))
        loss = nn.functional.mse_loss(body.latents(joints[some]), latents[some]) / spread
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        missed = body.latents(joints[kept:]) - latents[kept:]
    return float(missed.square().mean() / spread)


def body_errors(body: SelfModel, rows: Experience) -> BodyErrors:
    """How far the model is off, from commands alone."""
    with torch.no_grad():
        foreseen = body.joints(rows.histories)
        missed = foreseen - body.standardise(rows.joints)
        apart = (body.landmarks_mm(foreseen) - rows.landmarks_mm).norm(dim=2)
    return BodyErrors(float(missed.square().mean().sqrt()), float(apart.mean()))
