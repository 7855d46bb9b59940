"""`liptwin corpus`: real speech with transcripts, installed, listed and aligned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from liptwin.errors import CommandError
from liptwin.files import check_can_write, replacing

if TYPE_CHECKING:
    from envs.speech.corpus import Corpus, Outcome, Summary

corpus = typer.Typer(
    name="corpus",
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""Real speech with transcripts: install, list and align it.

    Start with:

      liptwin corpus install

      liptwin corpus align
    """,
)

SourcesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[LANGUAGE|FOLDER]...",
        help="Asterisk prompts (en, es, fr, it, ru) or folders of recordings; "
        "without any, all prompts that are installed.",
    ),
]
VoiceOption = Annotated[
    str, typer.Option(help="espeak-ng voice that pronounces a folder's texts: en-us, fr, de.")
]

_BIN_MS = 2.5
_LAST_MS = 100.0


@corpus.command()
def install(
    language: Annotated[
        list[str] | None,
        typer.Option("--language", "-l", help="en, es, fr, it or ru; may be given several times."),
    ] = None,
) -> None:
    """Install the voice prompts of the Asterisk project, through apt.

    Studio speech with transcripts, 24 to 31 minutes in each of five languages, from Debian's and
    Ubuntu's own packages (CC-BY-SA-3.0, Russian CC-BY-3.0). Needs root, or sudo without a password.

    Examples:

      liptwin corpus install

      liptwin corpus install --language en --language fr
    """
    from envs.speech.corpus import PROMPTS, CorpusError, install_prompts

    unknown = [name for name in language or () if name not in PROMPTS]
    if unknown:
        raise CommandError(
            f"there are no prompts in {unknown[0]!r}; choose of {', '.join(PROMPTS)}"
        )
    wanted = language or list(PROMPTS)
    try:
        installed = install_prompts(wanted)
    except CorpusError as error:
        raise CommandError(str(error), exit_status=1) from error
    typer.echo(
        f"installed {', '.join(installed)}" if installed else f"all there: {', '.join(wanted)}"
    )


@corpus.command("list")
def list_corpora(sources: SourcesArgument = None, voice: VoiceOption = "en-us") -> None:
    """List recordings with a usable transcript, and what is left out and why.

    Examples:

      liptwin corpus list

      liptwin corpus list ~/recordings --voice de
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("corpus", "recordings", "train", "validation", "test"):
        table.add_column(column, justify="left" if column == "corpus" else "right")
    table.add_column("left out", style="dim")
    for found in _read(sources, voice):
        parts = (str(len(found.of(part))) for part in ("train", "validation", "test"))
        table.add_row(
            found.name, str(len(found.recordings)), *parts, _counts(found.counts_left_out)
        )
    Console(highlight=False).print(table)


@corpus.command()
def align(
    sources: SourcesArgument = None,
    voice: VoiceOption = "en-us",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; without it, one for each processor.")
    ] = None,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write every recording's outcome here, .json.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw how far the two aligners are apart, .png.")
    ] = None,
) -> None:
    """Find when each sound of each recording is said, and keep it for training and tests.

    Two aligners that know nothing of each other listen; recordings on which they disagree are
    dropped, and counted. The first time this takes minutes; what is done is kept in
    ~/.cache/liptwin, also after Ctrl-C.

    A folder holds `metadata.csv` (`file,text` or LJ Speech's `id|text`), an Asterisk transcript, or
    a .txt or .lab beside each audio file.

    Examples:

      liptwin corpus align

      liptwin corpus align en fr --json aligned.json --plot aligned.png

      liptwin corpus align ~/recordings --voice de
    """
    for path, suffix in ((as_json, ".json"), (plot, ".png")):
        if path is not None:
            check_can_write(path, suffix)
    if plot is not None:
        _check_matplotlib()
    from envs.speech.alignment import AlignmentError
    from envs.speech.corpus import align_corpus
    from liptwin.progress import tracked

    corpora = _read(sources, voice)
    try:
        aligned = [(found, align_corpus(found, workers, tracked)) for found in corpora]
    except AlignmentError as error:
        raise CommandError(str(error)) from error
    _show(aligned)
    if as_json is not None:
        with replacing(as_json) as partial:
            text = json.dumps([_for_json(*one) for one in aligned], indent=2, ensure_ascii=False)
            partial.write_text(text + "\n", encoding="utf-8")
        typer.echo(f"wrote {as_json}")
    if plot is not None:
        with replacing(plot) as partial:
            _draw(aligned, partial)
        typer.echo(f"wrote {plot}")


def _read(sources: list[str] | None, voice: str) -> list[Corpus]:
    from envs.speech.corpus import PROMPTS, CorpusError, read_corpus
    from envs.speech.tables import TableError

    wanted = sources or [name for name, prompts in PROMPTS.items() if not prompts.missing]
    if not wanted:
        raise CommandError(
            "no prompts are installed; run liptwin corpus install, or name a folder of recordings"
        )
    try:
        return [read_corpus(source, voice) for source in wanted]
    except (CorpusError, TableError) as error:
        raise CommandError(str(error)) from error


def _show(aligned: list[tuple[Corpus, tuple[Outcome, ...]]]) -> None:
    from rich.console import Console
    from rich.table import Table

    from envs.speech.corpus import summarise

    table = Table(box=None, pad_edge=False)
    for column in ("corpus", "recordings", "aligned", "minutes", "apart, ms: quartiles"):
        table.add_column(column, justify="left" if column == "corpus" else "right")
    table.add_column("dropped", style="dim")
    table.add_column("left out", style="dim")
    for found in (summarise(*one) for one in aligned):
        table.add_row(
            found.name,
            str(found.recordings),
            f"{found.aligned} ({found.share:.0%})",
            f"{found.kept_s / 60:.1f}",
            _quartiles(found),
            _counts(found.dropped),
            _counts(found.left_out),
        )
    Console(highlight=False).print(table)


def _quartiles(found: Summary) -> str:
    return ", ".join(f"{q:.0f}" for q in found.quartiles_ms) if found.quartiles_ms else "-"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "-"


def _for_json(found: Corpus, outcomes: tuple[Outcome, ...]) -> dict[str, Any]:
    from dataclasses import asdict

    from envs.speech.corpus import summarise

    summary = summarise(found, outcomes)
    return {
        **asdict(summary),
        "aligned": summary.aligned,
        "outcomes": [
            {
                "key": outcome.recording.key,
                "part": outcome.recording.part,
                "text": outcome.recording.text,
                "voice": outcome.recording.voice,
                "duration_s": round(outcome.duration_s, 3),
                "disagreement_ms": outcome.disagreement_ms,
                "dropped": outcome.dropped,
            }
            for outcome in outcomes
        ],
    }


def _check_matplotlib() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise CommandError("--plot needs matplotlib: run pip install matplotlib")


def _draw(aligned: list[tuple[Corpus, tuple[Outcome, ...]]], path: Path) -> None:
    """One histogram below the other; what is beyond the last bin is in it."""
    import numpy as np
    from matplotlib.figure import Figure

    from envs.speech.alignment import TRUSTED_MS

    figure = Figure(figsize=(7.0, 1.0 + 1.4 * len(aligned)), layout="constrained")
    rows = figure.subplots(len(aligned), sharex=True, squeeze=False)[:, 0]
    for axes, (found, outcomes) in zip(rows, aligned, strict=True):
        apart = [o.disagreement_ms for o in outcomes if o.disagreement_ms is not None]
        axes.hist(np.minimum(apart, _LAST_MS - _BIN_MS / 2), np.arange(0, _LAST_MS + 1, _BIN_MS))
        axes.axvline(TRUSTED_MS, color="black", linestyle="--", linewidth=1)
        axes.set_ylabel(found.name)
    rows[0].set_title(
        f"Recordings by the two aligners' disagreement ({TRUSTED_MS:.0f} ms: trusted)"
    )
    rows[-1].set_xlabel(
        f"median distance of phone starts, ms ({_LAST_MS:.0f} and more in the last)"
    )
    figure.savefig(path, dpi=150)
