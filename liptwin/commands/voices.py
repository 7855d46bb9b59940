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
    """List the languages and variants that `speak --voice` accepts.

    A language and a variant are joined by a plus sign.

    Examples:

      liptwin voices french

      liptwin speak --text "Bonjour." --voice fr+f3 -o bonjour.mp4
    """
    from envs.speech import SynthesisError, list_voices

    try:
        known = list_voices()
    except SynthesisError as error:
        raise CommandError(str(error), exit_status=1) from error
    wanted = matching.lower()
    found = [v for v in known if wanted in v.name.lower() or wanted in v.description.lower()]
    if not found:
        raise CommandError(f"no voice matches {matching!r}; `liptwin voices` lists all")
    for voice in sorted(found, key=lambda v: (v.is_variant, v.name)):
        kind = "variant" if voice.is_variant else "language"
        typer.echo(f"{voice.name:<16} {kind:<9} {voice.description}")
