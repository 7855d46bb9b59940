"""`liptwin align`: when each sound of a recording is said, given its text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liptwin.errors import CommandError
from liptwin.files import check_can_write


def align(
    recording: Annotated[
        Path, typer.Argument(metavar="AUDIO", help="Any audio file, or a video's sound track.")
    ],
    text: Annotated[str, typer.Option(help="What is said in it, every word.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Phones to write, .csv: start_s, end_s, ipa.")
    ],
    voice: Annotated[
        str, typer.Option(help="espeak-ng voice that pronounces the text: en-us, fr, de, cmn.")
    ] = "en-us",
) -> None:
    """Find when each sound of a recording is said.

    The phones are what `speak --phones`, `target` and `score` ask for. Two aligners that know
    nothing of each other listen; a warning says so where they disagree. Up to a minute of speech.

    Examples:

      liptwin align speech.wav --text "My mother moved the blue boat." -o speech.csv

      liptwin align rede.wav --text "Guten Morgen." --voice de -o rede.csv
    """
    check_can_write(output, ".csv")
    from envs.speech.alignment import TRUSTED_MS, AlignmentError
    from envs.speech.alignment import align as find_phones
    from envs.speech.audio import AudioError, load_audio
    from envs.speech.espeak import SynthesisError
    from envs.speech.tables import TableError
    from envs.speech.timeline import write_phones_csv

    try:
        audio = load_audio(recording)
        for warning in audio.warnings:
            typer.echo(f"liptwin: warning: {warning}", err=True)
        found = find_phones(audio, text, voice)
        write_phones_csv(output, found.phones)
    except (AlignmentError, AudioError, SynthesisError, TableError) as error:
        raise CommandError(str(error)) from error
    if not found.trusted:
        typer.echo(
            f"liptwin: warning: two aligners disagree by {found.disagreement_ms:.0f} ms (median; "
            f"{TRUSTED_MS:.0f} is much); check the text and the voice",
            err=True,
        )
    typer.echo(
        f"wrote {output}: {len(found.phones)} phones; "
        f"two aligners differ by {found.disagreement_ms:.0f} ms (median)"
    )
