"""`liptwin voices`: what `speak --voice` accepts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from liptwin.errors import CommandError


def voices(
    matching: Annotated[
        str, typer.Argument(metavar="[TEXT]", help="Only voices whose name or code holds this.")
    ] = "",
    add: Annotated[
        Path | None,
        typer.Option(metavar="PACKAGE", help="First add the speakers of npm's package kokoro-js."),
    ] = None,
) -> None:
    """List the languages, natural voices and variants that `speak --voice` accepts.

    A language and a variant are joined by a plus sign. A natural voice stands alone, or before
    a language of its own: kokoro:jf_alpha@fr. Speakers of Kokoro can be blended:
    kokoro:af_heart+bm_george.

    Examples:

      liptwin voices french

      liptwin speak --text "Bonjour." --voice fr+f3 -o bonjour.mp4

      liptwin speak --text "Good morning." --voice piper:joe -o morning.mp4

      npm pack kokoro-js@1.2.1

      liptwin voices kokoro --add kokoro-js-1.2.1.tgz
    """
    from envs.speech import SynthesisError, list_voices
    from envs.speech.espeak import Voice
    from envs.speech.voices import add_styles, is_natural, list_missing_voices

    def kind(voice: Voice) -> str:
        if is_natural(voice.name):
            return "natural"
        return "variant" if voice.is_variant else "language"

    try:
        if add is not None:
            typer.echo(f"added {len(add_styles(add))} speakers of Kokoro", err=True)
            list_voices.cache_clear()
        known = list_voices()
    except SynthesisError as error:
        raise CommandError(str(error), exit_status=1) from error
    wanted = matching.lower()
    found = [v for v in known if wanted in v.name.lower() or wanted in v.description.lower()]
    if not found:
        raise CommandError(f"no voice matches {matching!r}; `liptwin voices` lists all")
    for voice in found:
        typer.echo(f"{voice.name:<20} {kind(voice):<9} {voice.description}")
    for remedy, missing in list_missing_voices().items():
        typer.echo(f"{len(missing)} more ({missing[0].name}, ...): {remedy}", err=True)
