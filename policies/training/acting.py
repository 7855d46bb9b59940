"""Learning to act: lessons through the self-model, and practice on the twin, in turn.

FOLDER/body-K.safetensors      the self-model after K rounds of practice, latents included
FOLDER/action-K.safetensors    the Facial Action Transformer after the lesson that followed; the
                               last is finished on the same self-model as the one before
FOLDER/practice-K/             what was said and seen in round K (shards as in self-observation)

Every file that is there is taken as it is, so an interrupted training goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from envs.progress import Progress, untracked
from policies.learned.action_transformer import FPS, ActionTransformer, Architecture
from policies.learned.imagination import Imagination
from policies.learned.lip_vae import LipVAE
from policies.learned.self_model import SelfModel
from policies.learned.weights import load_weights, save_weights
from policies.self_observation import Observation
from policies.training.body import look_into_mirror, train_body
from policies.training.config import Recipe, Taught
from policies.training.practice import practise
from policies.training.spoken import spoken_sequences
from policies.training.teaching import Motion, Passage, learn_from_babbling, rehearse
from policies.training.vae import latents as latents_of
from sim import FaceTwin
from sim.servo_table import ServoTable

SPEED_SHARE: Final = 0.9
"""Share of a servo's no-load speed that is asked of it: it also carries a load."""


class Actor:
    """Trains a Facial Action Transformer.

    Args:
        folder: where its files live; made if it is not there.
        vae: the robot's eyes.
        imagination: what wanted lips look like to them.
        body: the self-model that learned from babbling; it has not looked into the mirror.
        babbled: what it learned from.
        recipe: of the whole training.
        progress: told how each step goes.
    """

    def __init__(
        self,
        folder: Path,
        vae: LipVAE,
        imagination: Imagination,
        body: SelfModel,
        babbled: Sequence[Observation],
        recipe: Recipe,
        progress: Progress = untracked,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._vae = vae
        self._imagination = imagination
        self._first_body = body
        self._babbled = list(babbled)
        self._recipe = recipe
        self._progress = progress
        self._servos = FaceTwin("condensed").servos
        self._seen: dict[int, Tensor] = {}

    def train(self, architecture: Architecture) -> ActionTransformer:
        """All rounds, and a last lesson that takes the servos' limits more seriously."""
        recipe = self._recipe.action
        spoken = passages(self._imagination, recipe.speech_s, self._recipe.seed)
        practised: list[list[Observation]] = []
        transformer = ActionTransformer(architecture)
        for number in range(recipe.practice.rounds + 1):
            body = self._body(number, practised)
            transformer = self._lesson(number, transformer, body, spoken, recipe.taught)
            if number < recipe.practice.rounds:
                folder = self._folder / f"practice-{number}"
                seed = self._recipe.seed * 100 + number
                practised.append(
                    practise(folder, transformer, spoken, recipe.practice, seed, self._progress)
                )
        return self._lesson(number + 1, transformer, body, spoken, recipe.finish)

    def _lesson(
        self,
        number: int,
        transformer: ActionTransformer,
        body: SelfModel,
        spoken: Sequence[Passage],
        taught: Taught,
    ) -> ActionTransformer:
        path = self._folder / f"action-{number}.safetensors"
        if path.exists():
            return load_weights(path, transformer)
        recipe, seed = self._recipe.action, self._recipe.seed
        torch.manual_seed(seed + number)
        transformer.train()
        if number == 0:
            transformer.rest = torch.from_numpy(self._servos.rest_commands).float()
            motions = [motion(body, seen) for seen in self._babbled]
            learn_from_babbling(transformer, motions, recipe.babbled, seed, self._progress)
        title = f"rehearsing, lesson {number + 1} of {recipe.practice.rounds + 2}"
        with SummaryWriter(str(self._folder / "logs" / f"round-{number}")) as log:
            rehearse(
                transformer,
                body,
                spoken,
                max_step(self._servos),
                taught,
                seed + number,
                log,
                self._progress,
                title,
            )
        save_weights(path, transformer)
        return transformer.eval()

    def _body(self, number: int, practised: Sequence[Sequence[Observation]]) -> SelfModel:
        """The self-model that knows babbling and so many rounds of practice, each as well as the
        other."""
        path = self._folder / f"body-{number}.safetensors"
        if path.exists():
            return load_weights(path, SelfModel())
        recipe, seed = self._recipe, self._recipe.seed
        practice = [observation for some in practised for observation in some]
        repeats = max(1, len(self._babbled) // max(1, len(practice)))
        known = [*self._babbled, *(practice * repeats)]
        body = self._first_body
        if practice:
            rest = self._servos.rest_commands
            body, _ = train_body(known, practice, rest, recipe.body, seed, self._progress)
        joints = np.concatenate([o.joints[o.crop_frames] for o in known])
        latents = torch.cat([self._latents(o) for o in known])
        look_into_mirror(
            body, torch.from_numpy(joints), latents, recipe.mirror, seed, self._progress
        )
        save_weights(path, body)
        return body.eval()

    def _latents(self, observation: Observation) -> Tensor:
        """What the eyes make of the pictures of a motion."""
        key = id(observation)
        if key not in self._seen:
            self._seen[key] = latents_of(self._vae, observation.crops)
        return self._seen[key]


def motion(body: SelfModel, seen: Observation) -> Motion:
    """A babbled motion as a lesson; it was observed at the end of each command's time."""
    with torch.no_grad():
        latents = body.latents(body.standardise(torch.from_numpy(seen.joints)))
    return Motion(torch.from_numpy(seen.commands[1:]), latents[:-1])


def passages(imagination: Imagination, speech_s: float, seed: int) -> list[Passage]:
    """So many seconds of synthesised English speech, as lips to make."""
    rng = np.random.default_rng([seed, 1])
    made = []
    with torch.no_grad():
        for shapes in spoken_sequences(speech_s, rng):
            latents, landmarks = imagination(torch.from_numpy(shapes))
            made.append(Passage(latents, landmarks))
    return made


def max_step(servos: ServoTable) -> Tensor:
    """Greatest change (10,) of a command in a frame: `SPEED_SHARE` of the servo's no-load speed
    (datasheet) at the table's supply voltage."""
    speeds = [
        SPEED_SHARE * kind.no_load_speed * servos.supply_voltage / kind.nominal_voltage
        for kind in servos.types
    ]
    travels = np.abs(servos.gear * servos.joint_width)
    return torch.from_numpy(np.array(speeds) / travels / FPS).float()
