"""Training the Facial Action Transformer.

First as published (Hu et al., Science Robotics 11(110), eadx3017, 2026): from the latents that a
babbled motion made, and the two commands before, to the command that came next. Then, because a
speech asks for other motions than babbling made, by a distal teacher (Jordan & Rumelhart,
Cognitive Science 16, 1992): the transformer speaks on its own commands, the self-model foresees
the lips, and what they miss flows back through it. That is where the transformer learns to lead
the servos' lag, to keep within their speed, and not to drift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from envs.progress import Progress, untracked
from policies.learned.action_transformer import N_PREVIOUS, ActionTransformer
from policies.learned.imitation import lip_cost_mm2
from policies.learned.self_model import HISTORY, SelfModel
from policies.training.config import Babbled, Taught

_SETTLING = 6
"""Frames at the start of a rehearsed passage that are not judged: it begins at rest wherever in a
speech it begins."""


@dataclass(frozen=True, eq=False)
class Motion:
    """What came of commands: commands (n, 10) in [0, 1] and lip latents (n, 16), both at k / 30 s:
    latent k is what was there when command k was given."""

    commands: Tensor
    latents: Tensor


@dataclass(frozen=True, eq=False)
class Passage:
    """Lips to make: latents (n, 16) and landmarks (n, 40, 3) mm, 30 per second."""

    latents: Tensor
    landmarks_mm: Tensor


def learn_from_babbling(
    transformer: ActionTransformer,
    motions: Sequence[Motion],
    recipe: Babbled,
    seed: int,
    progress: Progress = untracked,
) -> float:
    """Fit the transformer to its own motions, in place; the last mean squared error."""
    ahead = transformer.architecture.ahead
    previous, wanted, commands = (
        torch.cat(rows) for rows in zip(*(_rows(motion, ahead) for motion in motions), strict=True)
    )
    transformer.latent_mean, transformer.latent_scale = (
        wanted[:, 0].mean(0),
        wanted[:, 0].std(0) + 1e-6,
    )
    optimiser = torch.optim.Adam(transformer.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 2 * recipe.learning_rate, recipe.steps
    )
    generator = torch.Generator().manual_seed(seed)
    loss = torch.zeros(())
    for _ in progress(range(recipe.steps), recipe.steps, "learning from babbling"):
        rows = torch.randint(len(commands), (recipe.batch,), generator=generator)
        loss = nn.functional.mse_loss(transformer(previous[rows], wanted[rows]), commands[rows])
        _descend(transformer, optimiser, loss)
        schedule.step()
    return float(loss.detach())


def _rows(motion: Motion, ahead: int) -> tuple[Tensor, Tensor, Tensor]:
    n = len(motion.commands) - ahead
    now = range(N_PREVIOUS, n)
    previous = torch.stack([motion.commands[k - N_PREVIOUS : k] for k in now])
    wanted = torch.stack([motion.latents[k : k + ahead + 1] for k in now])
    return previous, wanted, motion.commands[N_PREVIOUS:n]


def rehearse(
    transformer: ActionTransformer,
    body: SelfModel,
    passages: Sequence[Passage],
    max_step: Tensor,
    recipe: Taught,
    seed: int,
    log: SummaryWriter,
    progress: Progress = untracked,
    title: str = "rehearsing",
) -> float:
    """Teach the transformer through the self-model, in place; the last loss in mm2.

    Args:
        max_step: (10,) greatest change of each command between two frames that its servo can do.
    """
    body.requires_grad_(False)
    spread = torch.cat([passage.latents for passage in passages]).var(0).mean()
    optimiser = torch.optim.Adam(transformer.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 2 * recipe.learning_rate, recipe.steps
    )
    generator = torch.Generator().manual_seed(seed)
    last = 0.0
    for step in progress(range(recipe.steps), recipe.steps, title):
        passage = _some_passages(passages, recipe, transformer.architecture.ahead, generator)
        terms = _missed(transformer, body, passage, spread, max_step, recipe, generator)
        loss = torch.stack(list(terms.values())).sum()
        _descend(transformer, optimiser, loss)
        schedule.step()
        last = float(loss.detach())
        if step % 10 == 0:
            for name, term in terms.items():
                log.add_scalar(name, term.item(), step)
    return last


def _some_passages(
    passages: Sequence[Passage], recipe: Taught, ahead: int, generator: torch.Generator
) -> Passage:
    """A batch (b, frames + ahead) of passages that begin anywhere, also before the first sound."""
    latents, landmarks = [], []
    for _ in range(recipe.batch):
        chosen = passages[int(torch.randint(len(passages), (1,), generator=generator))]
        n = len(chosen.latents)
        first = int(torch.randint(-recipe.frames // 2, n, (1,), generator=generator))
        rows = torch.arange(first, first + recipe.frames + ahead).clamp(0, n - 1)
        latents.append(chosen.latents[rows])
        landmarks.append(chosen.landmarks_mm[rows])
    return Passage(torch.stack(latents), torch.stack(landmarks))


def _missed(
    transformer: ActionTransformer,
    body: SelfModel,
    passage: Passage,
    spread: Tensor,
    max_step: Tensor,
    recipe: Taught,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Weighted terms of what a rehearsal misses."""
    ahead = transformer.architecture.ahead
    blur = recipe.blur * spread.sqrt() * torch.randn(passage.latents.shape, generator=generator)
    wanted = passage.latents + blur
    batch = len(wanted)
    commands = [transformer.rest.expand(batch, -1)] * HISTORY
    for frame in range(recipe.frames):
        previous = torch.stack(commands[-N_PREVIOUS:], 1)
        commands.append(transformer(previous, wanted[:, frame : frame + ahead + 1]))
    said = torch.stack(commands, 1)
    judged = range(_SETTLING, recipe.frames)
    histories = torch.stack([said[:, k + 1 : k + 1 + HISTORY] for k in judged], 1).flatten(0, 1)
    joints = body.joints(histories)
    # A command is held for a frame; the lips at its end are those of the next moment.
    due = slice(_SETTLING + 1, recipe.frames + 1)
    asked = passage.latents[:, due].flatten(0, 1)
    lips = passage.landmarks_mm[:, due].flatten(0, 1)
    steps = said.diff(dim=1)[:, HISTORY - 1 :]
    too_quick = (steps.abs() - max_step).clamp(min=0.0)
    return {
        "latents": recipe.latents * (body.latents(joints) - asked).square().mean() / spread,
        "lips": recipe.lips * lip_cost_mm2(body.landmarks_mm(joints), lips).mean(),
        "unrest": recipe.unrest * steps.diff(dim=1).square().mean(),
        "haste": recipe.haste * too_quick.square().mean(),
    }


def _descend(
    transformer: ActionTransformer, optimiser: torch.optim.Optimizer, loss: Tensor
) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(transformer.parameters(), 1.0)
    optimiser.step()
