"""A progress bar on stderr, for what takes longer than a glance."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")

# Work that is over before this leaves no trace on the screen.
PATIENCE_S = 2.0


def tracked(items: Iterable[T], total: int, description: str) -> Iterator[T]:
    """Yield `items`, of which there are `total`; on a terminal, show a bar after PATIENCE_S."""
    console = Console(stderr=True)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    task = progress.add_task(description, total=total)
    shown_from = time.monotonic() + PATIENCE_S
    try:
        for item in items:
            yield item
            progress.advance(task)
            due = console.is_terminal and time.monotonic() > shown_from
            if due and not progress.live.is_started:
                progress.start()
    finally:
        if progress.live.is_started:
            progress.stop()
