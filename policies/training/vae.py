"""Training the lip VAE.

The loss is that of a denoising variational autoencoder: clean pictures from augmented ones. In
place of the published perceptual loss, whose VGG weights cannot be shipped, stand edges at three
scales (differences of neighbouring pixels) and the lip landmarks, read off the latent, with the
gaps between upper and lower lip counted once more. Human lips and the robot's nearest to them are
pulled to the same latent, as in the published fine-tuning.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from envs.progress import Progress, untracked
from policies.learned.imitation import gaps
from policies.learned.lip_vae import LipVAE
from policies.training.augment import augment
from policies.training.config import VaeTraining
from policies.training.device import best_device, quick_products
from policies.training.pairs import Pairs
from policies.training.state import resume, save_state

HELD_OUT: Final = 0.05
_EDGE_SCALES: Final = (1, 2, 4)
_SHEET_COLUMNS: Final = 12


@dataclass(frozen=True, eq=False)
class LipPictures:
    """Pictures (n, 128, 128, 3) uint8, and their landmarks (n, 40, 3) float32, mm from rest."""

    pictures: NDArray[np.uint8]
    landmarks_mm: NDArray[np.float32]


@dataclass(frozen=True)
class VaeErrors:
    """On pictures it was not trained on. picture: root mean square error of a reconstruction, a
    share of the whole range. landmarks_mm: mean distance of the landmarks read off the latent.
    apart: mean squared latent distance of human lips and the robot's nearest, as a share of that
    of two random pictures."""

    picture: float
    landmarks_mm: float
    apart: float


def as_input(pictures: NDArray[np.uint8] | Tensor) -> Tensor:
    """Pictures (n, h, w, 3) uint8 as (n, 3, h, w) in [-1, 1]."""
    return torch.as_tensor(pictures).movedim(-1, -3).float() / 127.5 - 1.0


def train_vae(
    robot: LipPictures,
    pairs: Pairs,
    rest_mm: NDArray[np.float32],
    recipe: VaeTraining,
    seed: int,
    folder: Path,
    progress: Progress = untracked,
) -> tuple[LipVAE, VaeErrors]:
    """Fit the VAE to babbled lips and to pairs; `rest_mm` are the landmarks (40, 3) at rest.

    Leaves in `folder`: the state after each epoch, from which a second call goes on; logs for
    TensorBoard; and `vae.png`, pictures above their reconstructions.
    """
    torch.manual_seed(seed)
    device = best_device()
    vae = LipVAE().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.Adam(vae.parameters(), lr=recipe.learning_rate)
    kept, kept_pairs = (int(len(x) * (1.0 - HELD_OUT)) for x in (robot.pictures, pairs.human))
    share = recipe.batch * kept_pairs // (kept + kept_pairs)
    n_pairs = max(1, share // 2)
    n_robot = recipe.batch - 2 * n_pairs
    steps = max(1, kept // n_robot)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 2 * recipe.learning_rate, recipe.epochs * steps
    )
    state = folder / "vae.state.pt"
    done = resume(state, vae, optimiser, schedule)
    with SummaryWriter(str(folder / "logs" / "vae")) as log:
        for epoch in range(done, recipe.epochs):
            generator = torch.Generator().manual_seed(seed * 1000 + epoch)
            vae.train()
            title = f"lip VAE, epoch {epoch + 1} of {recipe.epochs}"
            for step in progress(range(steps), steps, title):
                rows = torch.randint(kept, (n_robot,), generator=generator).numpy()
                twos = torch.randint(kept_pairs, (n_pairs,), generator=generator).numpy()
                pictures = np.concatenate(
                    [robot.pictures[rows], pairs.robot[twos], pairs.human[twos]]
                )
                landmarks = np.concatenate(
                    [
                        robot.landmarks_mm[rows],
                        pairs.robot_mm[twos] - rest_mm,
                        pairs.human_mm[twos] - rest_mm,
                    ]
                )
                clean = as_input(pictures).to(device)
                terms = _loss_terms(
                    vae, clean, torch.from_numpy(landmarks).to(device), n_pairs, recipe, generator
                )
                optimiser.zero_grad()
                torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
                optimiser.step()
                schedule.step()
                if step % 20 == 0:
                    for name, term in terms.items():
                        log.add_scalar(name, term.item(), epoch * steps + step)
            errors = vae_errors(vae, robot, pairs, rest_mm, kept, kept_pairs)
            for name, error in vars(errors).items():
                log.add_scalar(f"unseen/{name}", error, (epoch + 1) * steps)
            save_state(state, epoch + 1, vae, optimiser, schedule)
    errors = vae_errors(vae, robot, pairs, rest_mm, kept, kept_pairs)
    write_sheet(folder / "vae.png", vae, robot.pictures[kept:], pairs.human[kept_pairs:])
    return vae.cpu().eval(), errors


def _loss_terms(
    vae: LipVAE,
    clean: Tensor,
    landmarks_mm: Tensor,
    n_pairs: int,
    recipe: VaeTraining,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Weighted terms; the last `n_pairs` pictures are human, those before them their nearest."""
    augmented = augment(clean, generator).contiguous(memory_format=torch.channels_last)
    with quick_products(clean.device):
        mean, log_variance = (code.float() for code in vae.encode(augmented))
        noise = torch.randn(mean.shape, generator=generator).to(mean)
        drawn = vae.decode(mean + noise * (0.5 * log_variance).exp()).float()
    divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(1).mean()
    spoken_of = vae.landmarks_mm(mean)
    human, nearest = mean[-n_pairs:], mean[-2 * n_pairs : -n_pairs]
    return {
        "picture": nn.functional.mse_loss(drawn, clean),
        "edges": recipe.edges * edge_loss(drawn, clean),
        "divergence": recipe.divergence * divergence,
        "landmarks": recipe.landmarks * nn.functional.mse_loss(spoken_of, landmarks_mm),
        "gaps": recipe.gaps * gaps(spoken_of - landmarks_mm).square().mean(),
        "pairs": recipe.pairs * nn.functional.mse_loss(human, nearest.detach()),
    }


def edge_loss(drawn: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared difference of the pictures' differences between neighbours, at three scales."""
    total = drawn.new_zeros(())
    for scale in _EDGE_SCALES:
        off = nn.functional.avg_pool2d(drawn - wanted, scale)
        total = total + off.diff(dim=2).square().mean() + off.diff(dim=3).square().mean()
    return total


def latents(vae: LipVAE, pictures: NDArray[np.uint8], batch: int = 256) -> Tensor:
    """Latents (n, 16) of pictures (n, 128, 128, 3)."""
    device = next(vae.parameters()).device
    with torch.no_grad():
        return torch.cat(
            [
                vae.encode(as_input(pictures[first : first + batch]).to(device))[0].cpu()
                for first in range(0, len(pictures), batch)
            ]
        )


def vae_errors(
    vae: LipVAE,
    robot: LipPictures,
    pairs: Pairs,
    rest_mm: NDArray[np.float32],
    kept: int,
    kept_pairs: int,
) -> VaeErrors:
    """Errors on the pictures from `kept` and the pairs from `kept_pairs` on."""
    vae.eval()
    device = next(vae.parameters()).device
    unseen = robot.pictures[kept:]
    codes = latents(vae, unseen)
    human, nearest = (latents(vae, p[kept_pairs:]) for p in (pairs.human, pairs.robot))
    with torch.no_grad():
        drawn = vae.decode(codes[:256].to(device)).cpu()
        off = (drawn - as_input(unseen[:256])) / 2.0
        read = vae.landmarks_mm(codes.to(device)).cpu()
    missed = read - torch.from_numpy(robot.landmarks_mm[kept:])
    spread = 2.0 * codes.var(0, correction=0).mean()
    return VaeErrors(
        float(off.square().mean().sqrt()),
        float(missed.norm(dim=2).mean()),
        float((human - nearest).square().mean() / spread),
    )


def write_sheet(
    path: Path, vae: LipVAE, robot: NDArray[np.uint8], human: NDArray[np.uint8]
) -> None:
    """Draw pictures above their reconstructions: the robot's, and human ones."""
    rows = []
    for pictures in (robot, human):
        some = pictures[np.arange(_SHEET_COLUMNS) * len(pictures) // _SHEET_COLUMNS]
        device = next(vae.parameters()).device
        with torch.no_grad():
            drawn = vae.decode(latents(vae, some).to(device)).cpu()
        again = ((drawn.movedim(1, -1) + 1.0) * 127.5).round().clamp(0, 255).byte().numpy()
        rows += [np.concatenate(list(some), axis=1), np.concatenate(list(again), axis=1)]
    Image.fromarray(np.concatenate(rows)).save(path)
