"""`liptwin doctor`: what works on this machine, and what to do about the rest."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from liptwin.diagnosis import Check


def doctor(
    as_json: Annotated[
        bool, typer.Option("--json", help="Write the findings as JSON, for programs.")
    ] = False,
) -> None:
    """Try everything LipTwin uses on this machine, and say what to do about what fails.

    Leaves with status 1 if something that LipTwin cannot do without is missing.

    Examples:

      liptwin doctor

      liptwin doctor --json
    """
    from liptwin.diagnosis import examine

    checks = examine()
    healthy = all(check.works for check in checks if check.required)
    if as_json:
        findings = {"healthy": healthy, "checks": [asdict(check) for check in checks]}
        typer.echo(json.dumps(findings, indent=2))
    else:
        _show(checks, healthy)
    if not healthy:
        raise typer.Exit(1)


def _show(checks: list[Check], healthy: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark, style = _mark(check)
        line = Text.assemble((f"{mark:>8}", style), "  ", f"{check.name:<{width}}", "  ")
        console.print(line + Text(check.found))
        if not check.works and check.advice:
            console.print(Text(" " * (width + 12) + check.advice, style="dim"))
    if healthy:
        console.print("Everything that LipTwin needs works here.")
    else:
        console.print("Something that LipTwin needs is missing; see above.")


def _mark(check: Check) -> tuple[str, str]:
    if check.works:
        return "ok", "green"
    return ("MISSING", "bold red") if check.required else ("not here", "yellow")
