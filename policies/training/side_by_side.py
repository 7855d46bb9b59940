"""Tasks side by side, each in a process of its own.

One training of a small network hardly gets quicker by a second core; two trainings do.
"""

from __future__ import annotations

import pickle
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import count
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from queue import Empty
from typing import Final, TypeVar

import torch

from envs.progress import Progress

T = TypeVar("T")
Task = Callable[[Progress], object]
"""Told how to say how it goes; it leaves what it made on the disk."""

_NEWS_S: Final = 0.5
"""How often to look whether all is done, where no step is told of."""


class _StoppedError(Exception):
    """Nobody waits for this task any more."""


@dataclass(frozen=True)
class _News:
    """Of one loop of one of the tasks: that a step of it is done, or that it is over."""

    loop: tuple[int, int]
    total: int
    description: str
    is_over: bool = False


def side_by_side(tasks: Sequence[Task], workers: int, progress: Progress) -> None:
    """Do all tasks, so many at a time, each on one core unless it asks for more.

    Whoever interrupts this interrupts them all, after the step that they are at.

    Args:
        tasks: functions that can be pickled, such as partial ones of a module's. They get copies.
        workers: processes.
        progress: told how each goes, as it tells itself.

    Raises:
        Exception: what the first of them that failed raised.
    """
    context = get_context("spawn")
    told, stop = context.Queue(), context.Event()
    with ProcessPoolExecutor(workers, context, _begin, (told, stop)) as pool:
        try:
            # Left to itself, PyTorch would share the memory of networks between processes.
            going_on = [pool.submit(_do, *each) for each in enumerate(map(pickle.dumps, tasks))]
            _follow(going_on, told, progress)
        finally:
            stop.set()


def _follow(going_on: list[Future[None]], told: Queue[_News], progress: Progress) -> None:
    """Tell what is told until all is done."""
    waiting = list(going_on)
    loops: dict[tuple[int, int], _Loop] = {}
    # The last news of a task may come after its end.
    while waiting or loops:
        try:
            news = told.get(timeout=_NEWS_S)
        except Empty:
            if not waiting:
                break
        else:
            if news.loop not in loops:
                loops[news.loop] = _Loop(news, progress)
            if not loops[news.loop].goes_on(news):
                del loops[news.loop]
        for one in [one for one in waiting if one.done()]:
            one.result()
            waiting.remove(one)


class _Loop:
    """A loop elsewhere, followed here."""

    def __init__(self, first: _News, progress: Progress) -> None:
        self._is_over = False
        self._steps = progress(self._told_of(), first.total, first.description)

    def goes_on(self, news: _News) -> bool:
        """Follow it so far; whether there is more to come."""
        self._is_over = news.is_over
        next(self._steps, None)
        return not news.is_over

    def _told_of(self) -> Iterator[None]:
        while not self._is_over:
            yield


_told: Queue[_News] | None = None
_stop: Event | None = None


def _begin(told: Queue[_News], stop: Event) -> None:
    global _told, _stop
    _told, _stop = told, stop
    torch.set_num_threads(1)
    # An interruption is for whoever works; a process without a task would only complain.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _do(number: int, task: bytes) -> None:
    loops = count()

    def tell(items: Iterable[T], total: int, description: str) -> Iterator[T]:
        assert _told is not None and _stop is not None
        loop = (number, next(loops))
        try:
            for item in items:
                if _stop.is_set():
                    raise _StoppedError
                yield item
                _told.put(_News(loop, total, description))
        finally:
            _told.put(_News(loop, total, description, is_over=True))

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        pickle.loads(task)(tell)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
