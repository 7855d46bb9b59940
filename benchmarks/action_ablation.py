"""What the Facial Action Transformer owes to its lessons, and to looking ahead.

Trains the published architecture (Hu et al., Science Robotics 11(110), eadx3017, 2026: 512 wide,
latents at t and t + 1) as published, from babbling, and ours with a part left out; and lets all of
them make the lips of sentences that were not trained on, as in the paper's setting. It needs the
folder of a finished `liptwin train action`.

Run it with: .venv/bin/python -m benchmarks.action_ablation RUN
"""

# ruff: noqa: E402 - what imports MuJoCo is imported after its rendering back end is chosen

from __future__ import annotations

from liptwin import gl

gl.prepare(rendering=True)

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from envs.speech import synthesise
from liptwin.progress import tracked
from policies.evaluation.distances import landmark_distances_mm, latent_distances
from policies.evaluation.stage import Stage
from policies.evaluation.systems import Shown
from policies.learned.action_transformer import LEADING, PUBLISHED, ActionTransformer, Architecture
from policies.learned.self_model import SelfModel
from policies.learned.weights import load_weights
from policies.speech import Speech
from policies.training.acting import max_step, motion, passages
from policies.training.config import Recipe
from policies.training.run import Run
from policies.training.teaching import learn_from_babbling, rehearse
from policies.training.texts import random_text
from sim import FaceTwin

SEED: Final = 20264
VOICE: Final = "en-us"
NEAR: Final = replace(LEADING, ahead=PUBLISHED.ahead)


def variants(run: Run, steps: int) -> Iterator[tuple[str, ActionTransformer]]:
    """Names and transformers; `steps` of learning from babbling where there is nothing else."""
    recipe, seed = run.recipe.action, run.recipe.seed
    yield "ours", run.action()
    last = run.folder / "acting" / f"body-{recipe.practice.rounds}.safetensors"
    body = load_weights(last, SelfModel())
    servos = FaceTwin("condensed").servos
    motions = [motion(body, seen) for seen in run.observed()]

    def babbled(architecture: Architecture, steps: int) -> ActionTransformer:
        torch.manual_seed(seed)
        transformer = ActionTransformer(architecture)
        transformer.rest = torch.from_numpy(servos.rest_commands).float()
        lesson = recipe.babbled.model_copy(update={"steps": steps})
        learn_from_babbling(transformer, motions, lesson, seed, tracked)
        return transformer.eval()

    yield "ours, from babbling only", babbled(LEADING, steps)
    yield "published, from babbling only", babbled(PUBLISHED, steps)
    near = babbled(NEAR, recipe.babbled.steps)
    spoken = passages(run.imagination(), recipe.speech_s, seed)
    rounds = recipe.practice.rounds + 1
    lessons = recipe.taught.model_copy(update={"steps": recipe.taught.steps * rounds})
    with TemporaryDirectory() as folder, SummaryWriter(folder) as log:
        rehearse(near, body, spoken, max_step(servos), lessons, seed, log, tracked)
    yield "ours, looking ahead to t + 1 only", near.eval()


def main() -> None:
    """Print a table in markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--sentences", type=int, default=6)
    parser.add_argument("--steps", type=int, default=600, help="of learning from babbling only")
    arguments = parser.parse_args()
    recipe = Recipe.model_validate_json((arguments.run / "recipe.json").read_text())
    run = Run(arguments.run, recipe, progress=tracked)
    stage = Stage(run.vae())
    rng = np.random.default_rng(SEED)
    spoken = [synthesise(random_text(rng), VOICE) for _ in range(arguments.sentences)]
    speeches = [Speech(one.audio, one.phones) for one in spoken]
    targets = [stage.wanted(speech, seen=True) for speech in speeches]
    print("| | parameters | latent distance | landmarks, mm |\n|---|---|---|---|")
    for name, transformer in variants(run, arguments.steps):
        latents, landmarks = [], []
        for speech, wanted in zip(speeches, targets, strict=True):
            achieved = stage.perform(Shown(transformer).commands(speech, wanted), see_every=1)
            latents.append(latent_distances(achieved.latents, wanted.latents))
            landmarks.append(landmark_distances_mm(achieved.landmarks_mm, wanted.landmarks_mm))
        size = sum(weights.numel() for weights in transformer.parameters())
        apart, off = (np.concatenate(rows).mean() for rows in (latents, landmarks))
        print(f"| {name} | {size / 1e6:.1f} M | {apart:.3f} | {off:.2f} |", flush=True)
    stage.close()


if __name__ == "__main__":
    main()
