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


class BodyTraining(_Section):
    """The self-model's regression on babbling."""

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
    pairs: NonNegative


class Recipe(_Section):
    """All of it."""

    seed: Annotated[int, Field(ge=0)]
    babbling: Babbling
    body: BodyTraining
    imitation: Imitation
    vae: VaeTraining


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
