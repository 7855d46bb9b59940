"""Commands that arrive while they are played: rows of a trajectory file on a pipe."""

from __future__ import annotations

import os
import select
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim2real.deployment.easing import minimum_jerk
from sim2real.deployment.stream_rows import RowParser
from sim2real.trajectory import TrajectoryError

Floats = NDArray[np.float64]

PREFILL_S = 0.2
"""Motion that is waited for before playback starts, at first and after starving: it covers a pause
of the sender or of the pipe as long as itself, and is the latency that a stream adds."""

CAPACITY_ROWS = 1000
"""Rows kept ahead, ten seconds at 100 Hz; beyond that the sender waits, because its pipe fills."""

HOLD_S = 0.3
"""How long a starved face holds its last command, as in a short pause of speech."""

EASE_S = 1.0
"""How long it then takes to come to rest."""

BLEND_S = 0.2
"""How long playback takes to leave what the face did while it waited."""

_CHUNK_BYTES = 16_384


class StreamError(ValueError):
    """What arrives is not a trajectory; the message names line, column and value."""


@dataclass(frozen=True)
class _Wait:
    """A face without commands: since when, and where it was then."""

    since_s: float
    commands: Floats


class StreamSource:
    """Commands from a pipe in the format of a trajectory file, header first.

    Rows are played at the pace of their times. When they do not come in time, the face holds, then
    eases to rest, and plays on as soon as there is enough again; what came late is played late, not
    left out. The end of the pipe is the end of the playback.

    Args:
        descriptor: file descriptor to read; the source never waits for it.
        rest: commands (10,) of a face at rest.
    """

    def __init__(self, descriptor: int, rest: Floats) -> None:
        self._descriptor = descriptor
        self._rest = rest
        self._parser = RowParser("the stream")
        self._rows: deque[tuple[float, Floats]] = deque()
        self._closed = False
        self._offset_s: float | None = None
        self._wait = _Wait(0.0, rest)
        self._left_wait_s = 0.0
        self._last = rest
        self.starved = 0
        """How often rows failed to come in time."""
        self.starved_s = 0.0
        """How long the face was without them, in all."""

    def first(self) -> Floats:
        """Rest: what will come is not known yet."""
        return self._rest

    def at(self, time_s: float) -> Floats:
        """Commands (10,) at a time.

        Raises:
            StreamError: what arrived is not a row.
        """
        self._receive()
        if self._offset_s is None:
            self._start_if_filled(time_s)
        if self._offset_s is not None:
            position_s = time_s - self._offset_s
            self._forget_before(position_s)
            if position_s > self._rows[-1][0] and not self._closed:
                self._starve(time_s)
        self._last = self._waiting(time_s) if self._offset_s is None else self._playing(time_s)
        return self._last

    def ended(self, time_s: float) -> bool:
        """Whether the pipe is at its end and everything has been played."""
        if not self._closed:
            return False
        if self._offset_s is None:
            return not self._rows
        return time_s - self._offset_s > self._rows[-1][0]

    def notes(self) -> list[str]:
        """How often it starved."""
        if not self.starved:
            return []
        return [f"the stream starved {self.starved} times, {self.starved_s:.1f} s in all"]

    def _playing(self, time_s: float) -> Floats:
        assert self._offset_s is not None
        position_s = time_s - self._offset_s
        (start_s, start), (end_s, end) = self._rows[0], self._rows[min(1, len(self._rows) - 1)]
        share = 0.0 if end_s == start_s else (position_s - start_s) / (end_s - start_s)
        commands = start + min(max(share, 0.0), 1.0) * (end - start)
        blend = minimum_jerk((time_s - self._left_wait_s) / BLEND_S)
        blended: Floats = self._wait.commands + blend * (commands - self._wait.commands)
        return blended

    def _waiting(self, time_s: float) -> Floats:
        """Hold, then ease to rest."""
        held = self._wait.commands
        share = minimum_jerk((time_s - self._wait.since_s - HOLD_S) / EASE_S)
        commands: Floats = held + share * (self._rest - held)
        return commands

    def _start_if_filled(self, time_s: float) -> None:
        if not self._rows:
            return
        first_s, last_s = self._rows[0][0], self._rows[-1][0]
        if self._closed or last_s - first_s >= PREFILL_S or len(self._rows) >= CAPACITY_ROWS:
            if self.starved:
                self.starved_s += time_s - self._wait.since_s
            self._offset_s = time_s - first_s
            self._left_wait_s = time_s
            self._wait = _Wait(time_s, self._last)

    def _starve(self, time_s: float) -> None:
        self.starved += 1
        self._offset_s = None
        self._wait = _Wait(time_s, self._last)
        self._rows.clear()

    def _forget_before(self, position_s: float) -> None:
        while len(self._rows) > 2 and self._rows[1][0] <= position_s:
            self._rows.popleft()
        if len(self._rows) == 2 and self._rows[1][0] < position_s and self._closed:
            self._rows.popleft()

    def _receive(self) -> None:
        """Take what has arrived, as far as there is room, without waiting."""
        while not self._closed and len(self._rows) < CAPACITY_ROWS:
            if not select.select([self._descriptor], [], [], 0)[0]:
                return
            chunk = os.read(self._descriptor, _CHUNK_BYTES)
            self._closed = not chunk
            try:
                self._rows.extend(self._parser.feed(chunk) if chunk else self._parser.finish())
            except TrajectoryError as error:
                raise StreamError(str(error)) from error
