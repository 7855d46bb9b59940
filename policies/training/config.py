"""The recipe of a training: every number that it depends on, as data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

RECIPE_PATH: Final = Path(__file__).parent / "recipe.yaml"
"""The recipe that is used where none is named."""

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


class RecipeError(ValueError):
    """A recipe that cannot be used; the message names file, key and value."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Babbling(_Section):
    """Self-observation."""

    shards: Count
    crop_every: Count


class Regression(_Section):
    """A small network's regression."""

    epochs: Count
    batch: Count
    learning_rate: Positive


class Imitation(_Section):
    """Pictures of human lips, each with the robot's nearest."""

    pairs: Count
    speech_s: Positive
    """Length of the synthesised English speech that the lips are taken from."""


class VaeTraining(_Section):
    """The lip VAE; weights multiply the terms of its loss."""

    epochs: Count
    batch: Count
    learning_rate: Positive
    divergence: NonNegative
    edges: NonNegative
    landmarks: NonNegative
    gaps: NonNegative
    pairs: NonNegative


class Babbled(_Section):
    """The Facial Action Transformer's first lessons, from babbling."""

    steps: Count
    batch: Count
    learning_rate: Positive


class Taught(_Section):
    """Its lessons through the self-model; weights multiply the terms of the loss, in mm2."""

    steps: Count
    batch: Count
    frames: Annotated[int, Field(ge=8)]
    """Length of what is rehearsed at a time."""
    learning_rate: Positive
    latents: NonNegative
    lips: NonNegative
    unrest: NonNegative
    haste: NonNegative
    blur: NonNegative
    """Noise on the wanted latents, as a share of their deviation."""


class Practice(_Section):
    """Speaking on the twin, between lessons, to know the body where speech takes it."""

    rounds: Annotated[int, Field(ge=0)]
    motions: Count
    crop_every: Count
    wander: NonNegative
    """Deviation of slow noise on the commands of every other motion."""


class ActionTraining(_Section):
    """The Facial Action Transformer."""

    speech_s: Positive
    """Length of the synthesised English speech that is rehearsed."""
    babbled: Babbled
    taught: Taught
    practice: Practice
    finish: Taught


class Lessons(_Section):
    """How the speech encoder learns from what it hears."""

    cycles: tuple[Count, ...] = Field(min_length=1)
    """Epochs of each cycle, in which the learning rate rises and falls once."""
    steps: Count
    """Batches of an epoch."""
    batch: Count
    learning_rate: Positive
    contacts: Positive
    sounds: Positive
    """Weights of terms of the loss: contacts, and which sounds are said."""


class SpeechTraining(_Section):
    """The speech encoder: what it hears, how often from somebody else, and how it learns."""

    espeak_s: Positive
    espeak_copies: Count
    natural_s: Positive
    natural_copies: Count
    blended_s: Positive
    blended_copies: Count
    prompt_copies: Count
    sung: Annotated[float, Field(ge=0, le=1)]
    """Share of the copies that are sung, to a band."""
    capture_copies: Count
    listening: Lessons
    """To English speech."""
    watching: Lessons
    """Captured humans, where they are given instead."""


class Recipe(_Section):
    """All of it."""

    seed: Annotated[int, Field(ge=0)]
    babbling: Babbling
    body: Regression
    imitation: Imitation
    vae: VaeTraining
    pairing: Regression
    mirror: Regression
    imagination: Regression
    action: ActionTraining
    speech: SpeechTraining


def load_recipe(path: Path = RECIPE_PATH) -> Recipe:
    """Read a recipe.

    Raises:
        RecipeError: the file cannot be read, is not YAML, or breaks a rule.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: is not valid YAML; {error}") from error
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(map(str, detail['loc'])) or 'the file'}: {detail['msg']} "
            f"(it is {str(detail['input'])[:60]!r})"
            for detail in error.errors(include_url=False)
        ]
        raise RecipeError("\n".join(lines)) from error
