"""A training run: a folder in which every step leaves its result, and goes on where it stopped.

RUN/recipe.json          what was asked for; another recipe needs another folder
RUN/observed/            self-observation (`policies.self_observation.dataset`)
RUN/body.safetensors     the self-model
RUN/pairs.npz            human lips and the robot's nearest
RUN/vae.safetensors      the lip VAE
RUN/vae.png              pictures above their reconstructions
RUN/errors.json          how far each is off on what it was not trained on
RUN/logs/                for TensorBoard
"""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from policies.babble import Progress, untracked
from policies.learned.lip_vae import LipVAE
from policies.learned.self_model import SelfModel
from policies.learned.weights import load_weights, save_weights
from policies.self_observation import Recipe as ShardRecipe
from policies.self_observation import SelfObservation, record
from policies.self_observation.dataset import write_whole
from policies.training.body import train_body
from policies.training.config import Recipe, RecipeError
from policies.training.pairs import Pairs, make_pairs
from policies.training.vae import LipPictures, train_vae
from sim import FaceTwin

RECIPE: Final = "recipe.json"
ERRORS: Final = "errors.json"


class Run:
    """The steps of a training, each done once.

    Args:
        folder: where it lives; made if it is not there.
        recipe: what to do.
        workers: processes that babble.
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
        rest = FaceTwin("condensed").rest_commands
        body, errors = train_body(
            recorded, rest, self.recipe.body, self.recipe.seed, self._progress
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
        partial = path.with_name(f".{path.stem}.{os.getpid()}.part.npz")
        try:
            arrays: dict[str, Any] = {name: getattr(pairs, name) for name in names}
            np.savez_compressed(partial, **arrays)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        apart = np.linalg.norm(pairs.human_mm - pairs.robot_mm, axis=2)
        self._note("imitation", {"landmarks_mm": float(apart.mean())})
        return pairs

    def vae(self) -> LipVAE:
        """The lip VAE."""
        path = self.folder / "vae.safetensors"
        if path.exists():
            return load_weights(path, LipVAE())
        pairs = self.pairs()
        rest_mm = (FaceTwin("condensed").landmarks() * 1e3).astype(np.float32)
        vae, errors = train_vae(
            _pictures(self.observed(), rest_mm),
            pairs,
            rest_mm,
            self.recipe.vae,
            self.recipe.seed,
            self.folder,
            self._progress,
        )
        save_weights(path, vae)
        self._note("vae", asdict(errors))
        return vae

    def errors(self) -> dict[str, dict[str, float]]:
        """How far each step's result is off, as far as they are done."""
        path = self.folder / ERRORS
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def _note(self, step: str, errors: dict[str, float]) -> None:
        self._write(ERRORS, {**self.errors(), step: errors})

    def _check_recipe(self) -> None:
        path = self.folder / RECIPE
        wanted = self.recipe.model_dump()
        if not path.exists():
            self._write(RECIPE, wanted)
        elif json.loads(path.read_text(encoding="utf-8")) != wanted:
            raise RecipeError(
                f"{self.folder}: was begun with another recipe; give another folder, or the "
                f"recipe in {path}"
            )

    def _write(self, name: str, content: Any) -> None:
        write_whole(self.folder / name, (json.dumps(content, indent=2) + "\n").encode())


def _pictures(observed: SelfObservation, rest_mm: np.ndarray) -> LipPictures:
    pictures, landmarks = [], []
    for seen in observed:
        pictures.append(seen.crops)
        landmarks.append(seen.landmarks_mm[seen.crop_frames] - rest_mm)
    return LipPictures(np.concatenate(pictures), np.concatenate(landmarks))
