"""Where lips touch: from likelihoods that keep changing to events that stay.

At each command frame the encoder tells anew how likely a contact is at moments from now on, 11 ms
apart. What it says of a moment gets better the longer it has heard on. A contact happens where its
likelihood peaks: no moment within `APART` of it is likelier, and it is above a threshold. Once a
contact has begun to show in the command of the moment, it is kept as it is.

A contact is then drawn as the model of articulation draws it (`envs.speech.articulation`), with a
hold that two frames at 30 per second fit into.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech.articulation import CONTACT_RAMP_S

Floats = NDArray[np.float32]

MOMENTS_PER_FRAME: Final = 3
MOMENT_S: Final = 1.0 / 90.0
N_MOMENTS: Final = 13
"""Moments from the command frame on that likelihoods are told for: the last is 22 ms after the last
sound heard."""

HORIZONS: Final = (0, 3, 6, 9)
"""The moments of a plan: its command frame and the three after it."""

APART: Final = 5
"""Moments on either side that a peak outdoes: 56 ms, less than two p in "pop" are apart."""

HOLD_S: Final = 0.035
"""Half of the time for which a contact is held. `CONTACT_HOLD_S` of the articulation model holds
for one frame at 30 per second; servos need two to get there."""

KEPT_FROM: Final = int(HOLD_S / MOMENT_S)
"""Moments ahead at which a contact is held at the command frame, and stays."""

_PAST: Final = 12
"""Moments before the command frame that are remembered: a contact's hold and ramp, and `APART`."""


@dataclass
class _Kind:
    """What is known of one kind of contact; moments count from the command frame."""

    likely: Floats
    """(12 + 13,) what was last told of each moment, from the oldest remembered one on."""
    kept: list[int]
    """Contacts that have begun to show."""


class ContactTracker:
    """Likelihoods to contacts, one command frame after the other.

    Args:
        thresholds: (kinds, 13) likelihoods from which a peak is a contact, by how far ahead.
    """

    def __init__(self, thresholds: Floats) -> None:
        self._thresholds = thresholds
        self._kinds = [
            _Kind(np.zeros(_PAST + N_MOMENTS, np.float32), []) for _ in range(len(thresholds))
        ]

    def push(self, likely: Floats) -> Floats:
        """Take the likelihoods (n, kinds, 13) of n further command frames; give how far each
        contact is made, 0 to 1, at the moments of their plans: (n, kinds, 4)."""
        made = np.zeros((len(likely), len(self._kinds), len(HORIZONS)), np.float32)
        for frame, told in enumerate(likely):
            for index, kind in enumerate(self._kinds):
                events = self._events(kind, told[index], self._thresholds[index])
                made[frame, index] = _share(events)
        return made

    def _events(self, kind: _Kind, told: Floats, thresholds: Floats) -> list[int]:
        """The contacts around the next command frame, told likelihoods (13,) of it."""
        step = MOMENTS_PER_FRAME
        kind.likely[:_PAST] = kind.likely[step : _PAST + step]
        kind.likely[_PAST:] = told
        kind.kept = [moment - step for moment in kind.kept if moment - step >= -_PAST]
        new = [
            moment
            for moment in _peaks(kind.likely, thresholds)
            if all(abs(moment - kept) > APART for kept in kind.kept)
        ]
        kind.kept += [moment for moment in new if moment <= KEPT_FROM]
        return kind.kept + [moment for moment in new if moment > KEPT_FROM]


def _peaks(likely: Floats, thresholds: Floats) -> list[int]:
    """Moments from the command frame on, all but the last, that outdo those around them."""
    found = []
    for moment in np.flatnonzero(likely[_PAST:-1] >= thresholds[:-1]).tolist():
        place = _PAST + moment
        before = likely[place - APART : place]
        after = likely[place + 1 : place + 1 + APART]
        if before.max() < likely[place] >= after.max():
            found.append(moment)
    return found


def _share(events: list[int]) -> Floats:
    """How far contacts are made (4,) at the moments of a plan: a raised cosine around the hold."""
    if not events:
        return np.zeros(len(HORIZONS), np.float32)
    apart_s = np.abs(np.subtract.outer(np.array(HORIZONS), np.array(events))) * MOMENT_S
    way = np.clip((apart_s - HOLD_S) / CONTACT_RAMP_S, 0.0, 1.0)
    share: Floats = ((1.0 + np.cos(np.pi * way)) / 2.0).max(axis=1).astype(np.float32)
    return share
