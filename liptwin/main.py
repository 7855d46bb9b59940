"""Entry point of the `liptwin` command."""

from __future__ import annotations

import signal
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from liptwin.commands.align import align
from liptwin.commands.babble import babble
from liptwin.commands.calibrate import calibrate
from liptwin.commands.convert import convert
from liptwin.commands.corpus import corpus
from liptwin.commands.deploy import deploy
from liptwin.commands.doctor import doctor
from liptwin.commands.evaluate import evaluate
from liptwin.commands.excite import excite
from liptwin.commands.gap import gap
from liptwin.commands.identify import identify
from liptwin.commands.pose import pose
from liptwin.commands.render import render
from liptwin.commands.retarget import retarget
from liptwin.commands.score import score
from liptwin.commands.speak import speak
from liptwin.commands.target import target
from liptwin.commands.train import train
from liptwin.commands.validate import validate
from liptwin.commands.virtual_bus import virtual_bus
from liptwin.commands.voices import voices
from liptwin.errors import CommandError

# The shell's convention: 128 plus the number of SIGINT.
_INTERRUPTED = 130

app = typer.Typer(
    name="liptwin",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"liptwin {version('liptwin')}")
        raise typer.Exit


@app.callback()
def liptwin(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and leave."
        ),
    ] = False,
) -> None:
    """A digital twin of a humanoid robot's lips.

    Start with:

      liptwin doctor

      liptwin speak --text "Hello, I am LipTwin." -o hello.mp4

      liptwin pose --sheet -o poses.png
    """


for _command in (
    speak,
    target,
    retarget,
    render,
    pose,
    validate,
    convert,
    calibrate,
    deploy,
    virtual_bus,
    excite,
    identify,
    gap,
    align,
    score,
    babble,
    evaluate,
    voices,
    doctor,
):
    app.command()(_command)
app.add_typer(corpus)
app.add_typer(train)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, and turn every expected failure into one message on stderr.

    Args:
        arguments: what follows the program's name; None takes it from the command line.

    Raises:
        SystemExit: always; 0 for success, 2 for bad input, 130 when interrupted.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop as cleanly as on Ctrl-C
    try:
        app(args=arguments)
    except CommandError as error:
        sys.stderr.write(f"liptwin: error: {error}\n")
        sys.exit(error.exit_status)
    except SystemExit as leaving:
        if leaving.code == _INTERRUPTED:
            sys.stderr.write("liptwin: interrupted; no half-written file is left\n")
        raise
