"""Trainings side by side, each in a process of its own.

One training of a small network hardly gets quicker by a second core; two trainings do.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from queue import Empty
from typing import Any, Final, TypeVar

import torch

from envs.progress import Progress

T = TypeVar("T")

_NEWS_S: Final = 0.5
"""How often to look whether all are done, where no step is told of."""


class _StoppedError(Exception):
    """Nobody waits for this training any more."""


def side_by_side(
    train: Callable[..., None],
    jobs: list[tuple[Any, ...]],
    steps: int,
    workers: int,
    progress: Progress,
    description: str,
) -> None:
    """Call `train(*job, progress)` for each job, so many at a time, each on one core.

    Whoever interrupts this interrupts them all, after the step that they are at.

    Args:
        train: a function of a module; it leaves what it made on the disk.
        jobs: its arguments but the last. It gets copies.
        steps: that all tell of together.
        workers: processes.
        progress: told of each step.
        description: of it all.

    Raises:
        Exception: what the first of them that failed raised.
    """
    context = get_context("spawn")
    told, stop = context.Queue(), context.Event()
    with ProcessPoolExecutor(workers, context, _begin, (told, stop)) as pool:
        try:
            # Left to itself, PyTorch would share the memory of networks between processes.
            trainings = [pool.submit(_train, pickle.dumps((train, job))) for job in jobs]
            for _ in progress(_until_done(trainings, told), steps, description):
                pass
        finally:
            stop.set()


def _until_done(trainings: list[Future[None]], told: Queue[None]) -> Iterator[None]:
    waiting = list(trainings)
    while waiting:
        with suppress(Empty):
            yield told.get(timeout=_NEWS_S)
        for training in [one for one in waiting if one.done()]:
            training.result()
            waiting.remove(training)


_told: Queue[None] | None = None
_stop: Event | None = None


def _begin(told: Queue[None], stop: Event) -> None:
    global _told, _stop
    _told, _stop = told, stop
    torch.set_num_threads(1)


def _train(job: bytes) -> None:
    train, arguments = pickle.loads(job)
    train(*arguments, _tell)


def _tell(items: Iterable[T], total: int, description: str) -> Iterator[T]:
    assert _told is not None and _stop is not None
    for item in items:
        if _stop.is_set():
            raise _StoppedError
        yield item
        _told.put(None)
