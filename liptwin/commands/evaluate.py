"""`liptwin evaluate`: how good the learned policy is, beside the baselines and the bars."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from liptwin import gl
from liptwin.errors import CommandError, cannot_write
from liptwin.options import View

if TYPE_CHECKING:
    from policies.evaluation.findings import Findings
    from policies.evaluation.programme import Extent, Programme
    from policies.evaluation.run import Performed

_PLOT: Final = "languages.png"
_FILMS: Final = 2
_PANEL_PX: Final = 288


def evaluate(
    out: Annotated[
        Path,
        typer.Argument(
            metavar="[OUT]", help="Folder to write; goes on where an earlier run stopped."
        ),
    ] = Path("evaluation"),
    weights: Annotated[
        Path | None,
        typer.Option(help="Folder of weights, such as a training run's; else those shipped."),
    ] = None,
    sentences: Annotated[
        int | None,
        typer.Option(min=1, max=50, help="English sentences of the paper's table.  [default: 20]"),
    ] = None,
    prompts: Annotated[
        int | None,
        typer.Option(min=1, help="Recordings of each language.  [default: 40]"),
    ] = None,
    languages: Annotated[
        str | None,
        typer.Option(
            help="Only these beside English, with commas between: fr,ja,ko,es,it,de,ru,cmn,he,ar."
        ),
    ] = None,
    captures: Annotated[
        Path | None,
        typer.Option(help="Folder of captured humans: TAKE.csv of ARKit and TAKE.wav or .flac."),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="A little of everything: minutes, and rough figures.")
    ] = False,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes side by side.")] = 2,
) -> None:
    """Evaluate the learned policy and the baselines, and write one folder.

    README.md says first which bars are not reached. Beside it: the paper's table in the paper's
    setting and from sound alone, distances and events by language, captures, singing, streaming,
    every table as .md and .json, a bar plot, and videos side by side. Every result is kept in
    results/: run the same command again after an interruption.

    Recordings need `liptwin corpus install`, songs the extra `singing`, the held-out voice the
    extra `voices`, plots the extra `plots`; what is not there is left out, and said.

    Examples:

      liptwin evaluate --quick

      liptwin evaluate evaluation --captures takes --workers 4

      liptwin evaluate mine --weights run --languages fr,ja --sentences 10
    """
    gl.prepare(rendering=True)
    with _explained(out):
        from liptwin.progress import tracked
        from policies.babble import cached_table
        from policies.evaluation.programme import find, plan
        from policies.evaluation.run import perform
        from policies.evaluation.systems import WeightsFolder
        from policies.learned.policy import WEIGHTS

        folder = WeightsFolder(weights or WEIGHTS)
        folder.check()
        synthesised, recorded = _chosen(languages)
        out.mkdir(parents=True, exist_ok=True)
        programme = plan(
            _extent(quick, sentences, prompts), synthesised, recorded, captures, tracked
        )
        cached_table(progress=tracked)
        perform(out, tuple(programme.sections.values()), folder, workers, tracked)
        findings = find(out, programme, folder)
        write_folder(out, findings, _film(out, programme, folder.folder))


def _extent(quick: bool, sentences: int | None, prompts: int | None) -> Extent:
    from dataclasses import replace

    from policies.evaluation.programme import FULL, QUICK

    extent = QUICK if quick else FULL
    return replace(
        extent, sentences=sentences or extent.sentences, prompts=prompts or extent.prompts
    )


def _chosen(languages: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Synthesised and recorded languages, English with both.

    Raises:
        CommandError: a language is in neither.
    """
    from policies.evaluation.materials import (
        ENGLISH,
        ENGLISH_PROMPTS,
        RECORDED_LANGUAGES,
        UNSEEN_LANGUAGES,
    )

    if languages is None:
        return (ENGLISH, *UNSEEN_LANGUAGES), RECORDED_LANGUAGES
    wanted = [name.strip() for name in languages.split(",") if name.strip()]
    known = {*UNSEEN_LANGUAGES, *RECORDED_LANGUAGES}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise CommandError(
            f"--languages: {', '.join(unknown)} is not evaluated; there is "
            f"{', '.join(UNSEEN_LANGUAGES)}, and English always"
        )
    return (
        (ENGLISH, *(name for name in UNSEEN_LANGUAGES if name in wanted)),
        (
            ENGLISH_PROMPTS,
            *(name for name in RECORDED_LANGUAGES if name in wanted and name != ENGLISH_PROMPTS),
        ),
    )


def write_folder(out: Path, findings: Findings, films: Sequence[str]) -> None:
    """Write the page, the tables and the plot, and tell what was not reached.

    Args:
        out: the folder.
        findings: what was found.
        films: names of the videos that are in it already.
    """
    from policies.evaluation.bars import bars
    from policies.evaluation.plot import PlotError, plot_languages
    from policies.evaluation.report import readme, tables
    from policies.self_observation.dataset import write_whole

    pictures = list(films)
    try:
        plot_languages(out / _PLOT, findings)
        pictures.insert(0, _PLOT)
    except PlotError as error:
        typer.echo(f"liptwin: warning: {error}", err=True)
    for table in tables(findings):
        table.write(out)
    command = shlex.join(["liptwin", *sys.argv[1:]])
    write_whole(out / "README.md", readme(findings, command, tuple(pictures)).encode())
    judged = bars(findings)
    for bar in judged:
        if not bar.is_reached:
            typer.echo(f"not reached: {bar.sentence}")
    reached = sum(bar.is_reached is True for bar in judged)
    typer.echo(f"wrote {out / 'README.md'}: {reached} of {len(judged)} bars are reached")


def _film(out: Path, programme: Programme, weights: Path) -> list[str]:
    """Videos of the first sentences; their names in `out`."""
    from itertools import islice

    from policies.evaluation.programme import SENTENCES
    from policies.evaluation.run import performed
    from policies.evaluation.systems import WeightsFolder

    section = programme.sections[SENTENCES]
    names = []
    for piece in islice(performed(out, section, WeightsFolder(weights)), _FILMS):
        name = f"{piece.material.key}.mp4"
        _film_piece(out / name, piece)
        names.append(name)
    return names


def _film_piece(path: Path, piece: Performed) -> None:
    from liptwin.panels import (
        over_strip,
        side_by_side,
        strip_height,
        target_pictures,
        twin_pictures,
    )
    from liptwin.planning import wanted_shapes
    from liptwin.progress import tracked
    from liptwin.strip import SpeechStrip
    from liptwin.video import write_video
    from policies.evaluation.results import FPS

    view = View("portrait", (_PANEL_PX, _PANEL_PX), "beautiful")
    speech = piece.material.speech
    shapes = wanted_shapes(speech, FPS)
    panels = {"target": target_pictures(shapes, FPS, view)}
    for name, achieved in piece.achieved.items():
        panels[name] = twin_pictures(achieved.commands, FPS, "condensed", view)
    width = len(panels) * view.size[0]
    strip = SpeechStrip(speech.audio, speech.phones or (), width, strip_height(view))
    pictures = tracked(side_by_side(panels), len(shapes), f"filming {path.stem}")
    whole = (width, view.size[1] + strip_height(view))
    write_video(path, over_strip(pictures, strip, FPS), len(shapes), whole, FPS, speech.audio)


@contextmanager
def _explained(out: Path) -> Iterator[None]:
    """Turn what can go wrong into messages.

    Raises:
        CommandError: says what went wrong and what to do.
    """
    try:
        from envs.speech import AudioError, SynthesisError, TableError
        from policies.evaluation.materials import MaterialError
        from policies.evaluation.run import EvaluationError
        from policies.learned.policy import PolicyError
        from policies.learned.weights import WeightsError
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    try:
        yield
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    except EvaluationError as error:
        raise CommandError(str(error), exit_status=1) from error
    except (
        AudioError,
        MaterialError,
        PolicyError,
        SynthesisError,
        TableError,
        WeightsError,
    ) as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise cannot_write(out, error) from error


def _missing(error: ModuleNotFoundError) -> CommandError:
    return CommandError(
        f'an evaluation needs {error.name}; install it with: pip install "liptwin[learn,tts,align]"'
    )
