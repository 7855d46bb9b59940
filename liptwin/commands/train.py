"""`liptwin train`: from babbling to weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liptwin import gl
from liptwin.errors import CommandError

train = typer.Typer(
    name="train",
    no_args_is_help=True,
    help="Learn from babbling: the robot's own body, and a latent for lips.",
)


@train.callback()
def _steps() -> None:
    """Learn from babbling: the robot's own body, and a latent for lips."""


@train.command()
def vae(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="Folder of the run; goes on where it stopped.")
    ],
    recipe: Annotated[
        Path | None, typer.Option(help="Recipe, .yaml; without it that of the package.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that babble.")] = 1,
) -> None:
    """Babble, learn the body, imitate human lips, and train the lip VAE on what was seen.

    Leaves the weights (body.safetensors, vae.safetensors), a sheet of pictures above their
    reconstructions (vae.png), errors on what was not trained on (errors.json) and logs for
    TensorBoard. Every step is kept: run the same command again after an interruption.

    Example:

      liptwin train vae run --workers 2 && tensorboard --logdir run/logs
    """
    gl.prepare(rendering=True)
    try:
        from envs.speech.espeak import SynthesisError
        from liptwin.progress import tracked
        from policies.learned.weights import WeightsError
        from policies.self_observation import DatasetError
        from policies.training.config import RECIPE_PATH, RecipeError, load_recipe
        from policies.training.run import Run
    except ModuleNotFoundError as error:
        raise CommandError(
            f'training needs {error.name}; install it with: pip install "liptwin[learn,align]"'
        ) from error

    try:
        run = Run(folder, load_recipe(recipe or RECIPE_PATH), workers, tracked)
        run.vae()
    except ModuleNotFoundError as error:
        raise CommandError(
            f'training needs {error.name}; install it with: pip install "liptwin[learn,align]"'
        ) from error
    except (DatasetError, RecipeError, SynthesisError, WeightsError) as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(
            f"{folder}: cannot be written ({error.strerror or error}); check its rights and the "
            "space left",
            exit_status=1,
        ) from error
    for step, errors in run.errors().items():
        figures = ", ".join(f"{name} {value:.3g}" for name, value in errors.items())
        typer.echo(f"{step}: {figures}")
    typer.echo(f"wrote {folder / 'vae.safetensors'} and {folder / 'vae.png'}")
