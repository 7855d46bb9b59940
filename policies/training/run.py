"""A training run: a folder in which every step leaves its result, and goes on where it stopped.

RUN/recipe.json          what was asked for; another recipe needs another folder
RUN/observed/            self-observation (`policies.self_observation.dataset`)
RUN/body.safetensors     the self-model
RUN/pairs.npz            human lips and the robot's nearest
RUN/drawing.safetensors  the lip VAE, before it is tuned on pairs
RUN/vae.safetensors      the lip VAE
RUN/vae.png              pictures above their reconstructions
RUN/imagination.safetensors  lip shapes to latents
RUN/acting/              lessons and practice (`policies.training.acting`)
RUN/action.safetensors   the Facial Action Transformer
RUN/speech.npz           what the speech encoder hears
RUN/speech.safetensors   the speech encoder
RUN/errors.json          how far each is off on what it was not trained on
RUN/logs/                for TensorBoard
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from envs.progress import Progress, untracked
from policies.learned.action_transformer import LEADING, ActionTransformer
from policies.learned.imagination import Imagination
from policies.learned.lip_vae import LipVAE
from policies.learned.policy import WEIGHTS
from policies.learned.self_model import SelfModel
from policies.learned.speech_encoder import SpeechEncoder
from policies.learned.weights import load_weights, save_weights
from policies.self_observation import Recipe as ShardRecipe
from policies.self_observation import SelfObservation, record
from policies.self_observation.dataset import write_archive, write_whole
from policies.training.acting import Actor
from policies.training.body import train_body
from policies.training.config import Recipe, RecipeError
from policies.training.imagination import train_imagination
from policies.training.pairing import see_alike
from policies.training.pairs import Pairs, make_pairs
from policies.training.side_by_side import side_by_side
from policies.training.speech.english import check_sources
from policies.training.speech.learning import listen, train_encoder
from policies.training.vae import LipPictures, latents, train_vae
from sim import FaceTwin

RECIPE: Final = "recipe.json"
ERRORS: Final = "errors.json"
SPEECH: Final = "speech.safetensors"
HELD_OUT: Final = 0.1
"""Share of the babbled shards, the last ones, that the first self-model is only tested on."""


class Run:
    """The steps of a training, each done once.

    Args:
        folder: where it lives; made if it is not there.
        recipe: what to do.
        workers: processes that babble, make what the speech encoder hears, and learn.
        progress: told how each step goes.

    Raises:
        RecipeError: the folder belongs to another recipe.
    """

    def __init__(
        self, folder: Path, recipe: Recipe, workers: int = 1, progress: Progress = untracked
    ) -> None:
        self.folder = folder
        self.recipe = recipe
        self._workers = workers
        self._progress = progress
        folder.mkdir(parents=True, exist_ok=True)
        self._check_recipe()

    def check(self) -> None:
        """Make sure that what the last step needs is there, before hours of other work.

        Raises:
            envs.speech.corpus.CorpusError, envs.speech.SynthesisError: it is not.
        """
        if not (self.folder / SPEECH).exists():
            check_sources()

    def everything(self) -> None:
        """All steps; where there are processes for both, lips and hearing side by side.

        Raises:
            envs.speech.corpus.CorpusError, envs.speech.SynthesisError: what the speech encoder
                learns from is not installed.
        """
        self.check()
        if self._workers > 1:
            self.observed()
            threads = max(1, torch.get_num_threads() - self._workers + 1)
            lips = partial(_learn_lips, self.folder, self.recipe, threads)
            hearing = partial(_learn_to_hear, self.folder, self.recipe, self._workers)
            side_by_side([hearing, lips], 2, self._progress)
        self.action()
        self.speech()

    def observed(self) -> SelfObservation:
        """Babbling."""
        babbling = self.recipe.babbling
        return record(
            self.folder / "observed",
            babbling.shards,
            self.recipe.seed,
            ShardRecipe(crop_every=babbling.crop_every),
            self._workers,
            self._progress,
        )

    def body(self) -> SelfModel:
        """The self-model."""
        path = self.folder / "body.safetensors"
        if path.exists():
            return load_weights(path, SelfModel())
        recorded = list(self.observed())
        kept = max(1, round(len(recorded) * (1.0 - HELD_OUT)))
        body, errors = train_body(
            recorded[:kept],
            recorded[kept:] or recorded,
            FaceTwin("condensed").rest_commands,
            self.recipe.body,
            self.recipe.seed,
            self._progress,
        )
        save_weights(path, body)
        self._note("body", asdict(errors))
        return body.eval()

    def pairs(self) -> Pairs:
        """Human lips and the robot's nearest."""
        path = self.folder / "pairs.npz"
        names = [field.name for field in fields(Pairs)]
        if zipfile.is_zipfile(path):
            with np.load(path) as archive:
                return Pairs(**{name: archive[name] for name in names})
        pairs = make_pairs(self.body(), self.recipe.imitation, self.recipe.seed, self._progress)
        write_archive(path, {name: getattr(pairs, name) for name in names})
        apart = np.linalg.norm(pairs.human_mm - pairs.robot_mm, axis=2)
        self._note("imitation", {"landmarks_mm": float(apart.mean())})
        return pairs

    def vae(self) -> LipVAE:
        """The lip VAE, tuned on pairs."""
        path = self.folder / "vae.safetensors"
        if path.exists():
            return load_weights(path, LipVAE())
        pairs = self.pairs()
        pictures = _pictures(self.observed(), self._rest_mm())
        tuned, errors = see_alike(
            self._drawing_vae(pictures, pairs),
            pictures,
            pairs,
            self.recipe.pairing,
            self.recipe.seed,
            self._progress,
        )
        save_weights(path, tuned)
        self._note("pairing", asdict(errors))
        return tuned

    def _drawing_vae(self, pictures: LipPictures, pairs: Pairs) -> LipVAE:
        """The lip VAE before it is tuned."""
        path = self.folder / "drawing.safetensors"
        if path.exists():
            return load_weights(path, LipVAE())
        vae, errors = train_vae(
            pictures,
            pairs,
            self._rest_mm(),
            self.recipe.vae,
            self.recipe.seed,
            self.folder,
            self._progress,
        )
        save_weights(path, vae)
        self._note("vae", asdict(errors))
        return vae

    def imagination(self) -> Imagination:
        """What wanted lips look like."""
        path = self.folder / "imagination.safetensors"
        if path.exists():
            return load_weights(path, Imagination())
        vae, pairs = self.vae(), self.pairs()
        imagination, errors = train_imagination(
            pairs.shapes,
            latents(vae, pairs.human),
            pairs.human_mm,
            self.recipe.imagination,
            self.recipe.seed,
            self._progress,
        )
        save_weights(path, imagination)
        self._note("imagination", asdict(errors))
        return imagination

    def action(self) -> ActionTransformer:
        """The Facial Action Transformer."""
        path = self.folder / "action.safetensors"
        if path.exists():
            return load_weights(path, ActionTransformer())
        actor = Actor(
            self.folder / "acting",
            self.vae(),
            self.imagination(),
            self.body(),
            list(self.observed()),
            self.recipe,
            self._progress,
        )
        transformer = actor.train(LEADING)
        save_weights(path, transformer)
        return transformer

    def speech(self) -> SpeechEncoder:
        """The speech encoder, of English speech."""
        path = self.folder / SPEECH
        if path.exists():
            return load_weights(path, SpeechEncoder())
        encoder, errors = train_encoder(
            self.recipe.speech,
            self.recipe.seed,
            self.folder,
            self._progress,
            workers=self._workers,
        )
        save_weights(path, encoder)
        self._note("speech", asdict(errors))
        return encoder

    def watch(self, captures: Path, scratch: bool = False) -> SpeechEncoder:
        """A speech encoder that learned from captured humans, beside the shipped networks that it
        takes to speak.

        Args:
            captures: folder of captures and their sounds.
            scratch: begin with an encoder that knows nothing, not with the shipped one.
        """
        path = self.folder / SPEECH
        if path.exists():
            return load_weights(path, SpeechEncoder())
        shipped = WEIGHTS / path.name
        start = None if scratch else load_weights(shipped, SpeechEncoder())
        encoder, errors = train_encoder(
            self.recipe.speech, self.recipe.seed, self.folder, self._progress, captures, start
        )
        for name in ("imagination", "action"):
            weights = (WEIGHTS / f"{name}.safetensors").read_bytes()
            write_whole(self.folder / f"{name}.safetensors", weights)
        save_weights(path, encoder)
        self._note("speech", asdict(errors))
        return encoder

    def errors(self) -> dict[str, dict[str, float | None]]:
        """How far each step's result is off, as far as they are done."""
        path = self.folder / ERRORS
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def _rest_mm(self) -> NDArray[np.float32]:
        """Landmarks (40, 3) at rest."""
        return (FaceTwin("condensed").landmarks() * 1e3).astype(np.float32)

    def _note(self, step: str, errors: Mapping[str, float | None]) -> None:
        self._write(ERRORS, {**self.errors(), step: errors})

    def _check_recipe(self) -> None:
        path = self.folder / RECIPE
        wanted = self.recipe.model_dump(mode="json")
        if not path.exists():
            self._write(RECIPE, wanted)
        elif json.loads(path.read_text(encoding="utf-8")) != wanted:
            raise RecipeError(
                f"{self.folder}: was begun with another recipe; give another folder, or the "
                f"recipe in {path}"
            )

    def _write(self, name: str, content: Any) -> None:
        write_whole(self.folder / name, (json.dumps(content, indent=2) + "\n").encode())


def _learn_lips(folder: Path, recipe: Recipe, threads: int, progress: Progress) -> None:
    """All but hearing, in a process of its own."""
    torch.set_num_threads(threads)
    Run(folder, recipe, progress=progress).action()


def _learn_to_hear(folder: Path, recipe: Recipe, workers: int, progress: Progress) -> None:
    """What the speech encoder hears, and its networks: all that takes long. One process less makes
    what is heard, as the lips are learned beside it."""
    if not (folder / SPEECH).exists():
        listen(recipe.speech, recipe.seed, folder, workers - 1, workers, progress)


def _pictures(observed: SelfObservation, rest_mm: np.ndarray) -> LipPictures:
    pictures, landmarks = [], []
    for seen in observed:
        pictures.append(seen.crops)
        landmarks.append(seen.landmarks_mm[seen.crop_frames] - rest_mm)
    return LipPictures(np.concatenate(pictures), np.concatenate(landmarks))
