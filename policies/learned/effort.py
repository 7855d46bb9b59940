"""What it costs to speak: processor time per command frame."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

_KEPT_FRAMES: Final = 108_000
"""An hour of frames at 30 per second: a stream may run for days, and memory must not grow."""


class Effort:
    """Collects the processor time of the calling thread, frame by frame.

    Frames that come out together share what was spent since the last ones came out.
    """

    def __init__(self) -> None:
        self._unshared_s = 0.0
        self._frames_s: deque[float] = deque(maxlen=_KEPT_FRAMES)

    @property
    def frames(self) -> int:
        """How many frames are known, those of the last hour at most."""
        return len(self._frames_s)

    @property
    def mean_ms(self) -> float:
        """Mean time of a frame; 0 before there is one."""
        return 1e3 * float(np.mean(self._frames_s)) if self._frames_s else 0.0

    @property
    def p99_ms(self) -> float:
        """Time that 99 % of the frames stay under; 0 before there is one."""
        return 1e3 * float(np.percentile(self._frames_s, 99.0)) if self._frames_s else 0.0

    @contextlib.contextmanager
    def measuring(self) -> Iterator[Callable[[int], None]]:
        """Measure what is done inside; tell what it yields how many frames came out of it."""
        n_frames = 0

        def came_out(n: int) -> None:
            nonlocal n_frames
            n_frames += n

        started_s = time.thread_time()
        yield came_out
        self._unshared_s += time.thread_time() - started_s
        if n_frames:
            self._frames_s.extend([self._unshared_s / n_frames] * n_frames)
            self._unshared_s = 0.0
