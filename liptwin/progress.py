"""Progress bars on stderr, for what takes longer than a glance."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")

PATIENCE_S: Final = 2.0
"""Work that is over before this leaves no trace on the screen."""


class Bars:
    """Progress that is shown on a terminal, a bar for each of the things that go on at once."""

    def __init__(self) -> None:
        self._screen: Progress | None = None
        self._going_on = 0

    def __call__(self, items: Iterable[T], total: int, description: str) -> Iterator[T]:
        """Yield `items`, of which there are `total`; show a bar after `PATIENCE_S`."""
        screen = self._opened()
        task = screen.add_task(description, total=total, visible=False)
        shown_from = time.monotonic() + PATIENCE_S
        is_hidden = screen.console.is_terminal
        try:
            for item in items:
                yield item
                screen.advance(task)
                if is_hidden and time.monotonic() > shown_from:
                    is_hidden = False
                    screen.start()
                    screen.update(task, visible=True, refresh=True)
        finally:
            screen.remove_task(task)
            self._left(screen)

    def _opened(self) -> Progress:
        if self._screen is None:
            self._screen = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed}/{task.total}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
        self._going_on += 1
        return self._screen

    def _left(self, screen: Progress) -> None:
        self._going_on -= 1
        if self._going_on == 0:
            self._screen = None
            if screen.live.is_started:
                screen.stop()


tracked: Final = Bars()
"""What the commands show."""
