"""`liptwin voices`: what `speak --voice` accepts."""

from __future__ import annotations

from typing import Annotated

import typer

from liptwin.errors import CommandError


def voices(
    matching: Annotated[
        str, typer.Argument(metavar="[TEXT]", help="Only voices whose name or code holds this.")
    ] = "",
) -> None:
    """List the languages, natural voices and variants that `speak --voice` accepts.

    A language and a variant are joined by a plus sign. A natural voice stands alone, or before
    a language of its own: kokoro:jf_alpha@fr.

    Examples:

      liptwin voices french

      liptwin speak --text "Bonjour." --voice fr+f3 -o bonjour.mp4

      liptwin speak --text "Good morning." --voice piper:joe -o morning.mp4
    """
    from envs.speech import SynthesisError, list_voices
    from envs.speech.espeak import Voice
    from envs.speech.voices import ENGINES, is_natural, list_natural_voices

    def kind(voice: Voice) -> str:
        if is_natural(voice.name):
            return "natural"
        return "variant" if voice.is_variant else "language"

    try:
        known = list_voices()
    except SynthesisError as error:
        raise CommandError(str(error), exit_status=1) from error
    wanted = matching.lower()
    found = [v for v in known if wanted in v.name.lower() or wanted in v.description.lower()]
    if not found:
        raise CommandError(f"no voice matches {matching!r}; `liptwin voices` lists all")
    for voice in found:
        typer.echo(f"{voice.name:<20} {kind(voice):<9} {voice.description}")
    missing = ENGINES.keys() - {v.name.partition(":")[0] for v in list_natural_voices()}
    if missing:
        names = " and ".join(sorted(missing))
        typer.echo(f'more voices ({names}) come with pip install "liptwin[voices]"', err=True)
