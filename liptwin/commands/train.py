"""`liptwin train`: from babbling and speech to weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from liptwin import gl
from liptwin.errors import CommandError, cannot_write

if TYPE_CHECKING:
    from policies.training.run import Run

train = typer.Typer(
    name="train",
    no_args_is_help=True,
    help="Learn from babbling and speech: the robot's own body, a latent for lips, how to move "
    "them, and what speech wants of them.",
)

RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder of the run; goes on where it stopped.")
]
RecipeOption = Annotated[
    Path | None, typer.Option(help="Recipe, .yaml; without it that of the package.")
]
WorkersOption = Annotated[
    int, typer.Option(min=1, max=256, help="Processes that babble, make what is heard, and learn.")
]


@train.command("all")
def everything(
    folder: RunArgument, recipe: RecipeOption = None, workers: WorkersOption = 1
) -> None:
    """From nothing to weights: what the package ships was made by this command.

    Babbles, learns the body, imitates human lips, trains the lip VAE, the Facial Action
    Transformer and the speech encoder; with two or more processes the last beside the others.
    Leaves the weights (.safetensors), errors on what was not trained on (errors.json) and logs for
    TensorBoard. Every step is kept: run the same command again after an interruption. It needs the
    extras tts, align, voices and learn, the program flite, and the English prompts (`liptwin corpus
    install en`).

    Example:

      liptwin train all run --workers 2 && liptwin speak speech.wav --weights run -o face.mp4
    """

    _train(folder, recipe, workers, lambda run: run.everything())
    typer.echo(f"wrote {folder}/*.safetensors; speak with: liptwin speak --weights {folder}")


@train.command()
def vae(folder: RunArgument, recipe: RecipeOption = None, workers: WorkersOption = 1) -> None:
    """Babble, learn the body, imitate human lips, and train the lip VAE on what was seen.

    Leaves the weights (body.safetensors, vae.safetensors) and a sheet of pictures above their
    reconstructions (vae.png).

    Example:

      liptwin train vae run --workers 2 && tensorboard --logdir run/logs
    """
    _train(folder, recipe, workers, lambda run: run.vae())
    typer.echo(f"wrote {folder / 'vae.safetensors'} and {folder / 'vae.png'}")


@train.command()
def action(folder: RunArgument, recipe: RecipeOption = None, workers: WorkersOption = 1) -> None:
    """Train the Facial Action Transformer, and all that it needs: everything but hearing.

    Example:

      liptwin train action run --workers 2
    """
    _train(folder, recipe, workers, lambda run: run.action())
    typer.echo(f"wrote {folder / 'action.safetensors'}")


@train.command()
def speech(
    folder: RunArgument,
    recipe: RecipeOption = None,
    workers: WorkersOption = 1,
    captures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Learn from watching people: a folder of ARKit or Live Link Face .csv, each with "
            "a sound of the same name.",
        ),
    ] = None,
    scratch: Annotated[
        bool,
        typer.Option(
            "--scratch",
            help="With --captures: begin with an encoder that knows nothing, not with the shipped.",
        ),
    ] = False,
) -> None:
    """Train the speech encoder: on English speech, or with --captures on people.

    On captures it goes on from the shipped weights, and leaves in RUN all that
    `liptwin speak --weights RUN` needs.

    Examples:

      liptwin train speech run

      liptwin train speech like-anna --captures recordings-of-anna
    """
    if scratch and captures is None:
        raise CommandError("--scratch goes with --captures DIR; English is always from scratch")
    if captures is None:
        _train(folder, recipe, workers, lambda run: run.speech())
    else:
        _train(folder, recipe, workers, lambda run: run.watch(captures, scratch=scratch))
    typer.echo(f"wrote {folder / 'speech.safetensors'}")


def _train(folder: Path, recipe: Path | None, workers: int, work: Callable[[Run], object]) -> None:
    """Do a part of a run, and say how far each step's result is off."""
    gl.prepare(rendering=True)
    try:
        from envs.speech.audio import AudioError
        from envs.speech.corpus import CorpusError
        from envs.speech.espeak import SynthesisError
        from envs.speech.tables import TableError
        from liptwin.progress import tracked
        from policies.learned.weights import WeightsError
        from policies.self_observation import DatasetError
        from policies.training.config import RECIPE_PATH, RecipeError, load_recipe
        from policies.training.run import Run
        from policies.training.speech.takes import CaptureError
    except ModuleNotFoundError as error:
        raise _missing(error) from error

    try:
        run = Run(folder, load_recipe(recipe or RECIPE_PATH), workers, tracked)
        work(run)
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    except (
        AudioError,
        CaptureError,
        CorpusError,
        DatasetError,
        RecipeError,
        SynthesisError,
        TableError,
        WeightsError,
    ) as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise cannot_write(folder, error) from error
    for step, errors in run.errors().items():
        typer.echo(f"{step}: {_figures(errors)}")


def _figures(errors: Mapping[str, float | None]) -> str:
    """Errors in a row, without those that could not be told: a capture has no phones."""
    told = {name: value for name, value in errors.items() if value is not None}
    return ", ".join(f"{name} {value:.3g}" for name, value in told.items())


def _missing(error: ModuleNotFoundError) -> CommandError:
    return CommandError(
        f"training needs {error.name}; install it with: "
        'pip install "liptwin[tts,align,voices,learn]"'
    )
