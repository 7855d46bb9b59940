"""How a long piece of work tells that it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

T = TypeVar("T")


class Progress(Protocol):
    """Yields the items, of which there are so many, while telling the user how it goes."""

    def __call__(self, items: Iterable[T], total: int, description: str) -> Iterator[T]:
        """The items, one after the other."""


def untracked(items: Iterable[T], total: int, description: str) -> Iterator[T]:
    """Progress that nobody watches."""
    return iter(items)
