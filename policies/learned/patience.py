"""Waiting for plans to get better before acting on them.

A plan tells of moments up to three frames ahead, and what it tells of a contact 100 ms from now was
guessed before most of that contact was heard. Lips that take 100 ms to get somewhere start on such
guesses. Where there is time, as for a file, it pays to wait: so many frames later the same moments
are told again by plans that have heard more.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech.lips import LIMITS
from policies.learned.contacts import HORIZONS

Floats = NDArray[np.float32]

MOST: Final = len(HORIZONS) - 1
"""Frames to wait after which every moment is told by its own plan."""


class Patience:
    """Plans (n, 4, 6) that come one by one, each held back until later ones have corrected it.

    Args:
        frames: how many to wait, 0 to `MOST`.

    Raises:
        ValueError: another number.
    """

    def __init__(self, frames: int) -> None:
        if not 0 <= frames <= MOST:
            raise ValueError(f"plans can wait 0 to {MOST} frames, not {frames}")
        self.frames: Final = frames
        self._held = np.zeros((0, MOST + 1, len(LIMITS)), np.float32)

    def push(self, plans: Floats) -> Floats:
        """Take the next plans; give those that have waited long enough."""
        if not len(plans):
            return plans
        known = np.concatenate([self._held, plans])
        ready = max(0, len(known) - self.frames)
        self._held = known[ready:]
        return self._corrected(known, ready)

    def finish(self) -> Floats:
        """The plans that still wait; none if there were none."""
        return self._corrected(self._held, len(self._held))

    def _corrected(self, known: Floats, count: int) -> Floats:
        """The first plans, each moment as the latest plan that tells of it and is within the
        waiting time tells it."""
        ahead = np.arange(known.shape[1])
        moments = np.arange(count)[:, None] + ahead
        teller = np.minimum(
            np.arange(count)[:, None] + np.minimum(ahead, self.frames), len(known) - 1
        )
        return known[teller, moments - teller]
