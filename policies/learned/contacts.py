"""Where lips touch: from likelihoods that keep changing to events that stay.

At each command frame the encoder tells anew how likely a contact is at moments from now on, 11 ms
apart. What it says of a moment gets better the longer it has heard on, and errs less together with
what it said before: its opinions are averaged. A contact happens where its likelihood peaks: no
moment within `APART` of it is likelier, it is above a threshold, and further above it than that of
the other kind is above its own, for lips that close are not on the teeth. Once a contact has begun
to show in the command of the moment, it is kept as it is. Of contacts that seem to be more than
speech has, the less likely ones are not believed (`policies.learned.usual_rate`).

A contact is then drawn as the model of articulation draws it (`envs.speech.articulation`), with a
hold that two frames at 30 per second fit into.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from envs.speech.articulation import CONTACT_RAMP_S
from policies.learned.usual_rate import UsualRate

Floats = NDArray[np.float32]

MOMENTS_PER_FRAME: Final = 3
MOMENT_S: Final = 1.0 / 90.0
FRAMES_PER_S: Final = 1.0 / (MOMENTS_PER_FRAME * MOMENT_S)
N_MOMENTS: Final = 13
"""Moments from the command frame on that likelihoods are told for: the last is 22 ms after the last
sound heard."""

HORIZONS: Final = (0, 3, 6, 9)
"""The moments of a plan: its command frame and the three after it."""

APART: Final = 5
"""Moments on either side that a peak outdoes: 56 ms, less than two p in "pop" are apart."""

Hold = tuple[float, float]
"""For how long before and after its moment a contact is held, seconds."""

HOLDS_S: Final[tuple[Hold, Hold]] = ((0.035, 0.035), (0.048, 0.048))
"""How lips are held closed, and the lower lip on the teeth. `CONTACT_HOLD_S` of the articulation
model holds for one frame at 30 per second; servos need two to get there, and f and v, which last
longer, three where they are told of late."""

PATIENT_HOLDS_S: Final[tuple[Hold, Hold]] = ((0.037, 0.024), (0.048, 0.048))
"""The same where plans wait to be corrected (`policies.learned.patience`): lips that close in time
can open sooner, two frames and never three, before the vowel is there."""

EARLIER: Final = 0.6
"""What was said of a moment before counts so much, and what is said now the rest, in logarithms."""

RIVALS: Final = 2
"""Moments on either side in which there is one kind of contact only."""

_RISE: Final = 1.0001
"""A peak is so much likelier than what is before it: more than rounding makes of a plain."""

_PAST: Final = 12
"""Moments before the command frame that are remembered: a contact's hold and ramp, and `APART`."""


@dataclass(frozen=True)
class _Contact:
    """A peak, in moments from the command frame, and whether it is believed."""

    moment: int
    believed: bool


class ContactTracker:
    """Likelihoods to contacts, one command frame after the other.

    Args:
        thresholds: (2, 13) likelihoods from which a peak is a contact, by how far ahead.
        holds_s: for how long each kind is held.
    """

    def __init__(self, thresholds: Floats, holds_s: tuple[Hold, Hold] = HOLDS_S) -> None:
        self._thresholds = thresholds
        self._holds_s = holds_s
        self._likely = np.zeros((len(thresholds), _PAST + N_MOMENTS), np.float32)
        self._kept: list[list[_Contact]] = [[] for _ in thresholds]
        self._rates = [UsualRate(FRAMES_PER_S) for _ in thresholds]
        self._has_begun = False

    def push(self, likely: Floats, speaking: NDArray[np.bool_]) -> Floats:
        """Take the likelihoods (n, 2, 13) of n further command frames, and in which of them (n,)
        somebody speaks; give how far each contact is made, 0 to 1, at the moments of their plans:
        (n, 2, 4)."""
        made = np.zeros((len(likely), len(self._likely), len(HORIZONS)), np.float32)
        for frame, told in enumerate(likely):
            self._hear(told)
            strong = self._strong()
            for kind, rate in enumerate(self._rates):
                rate.go_on(bool(speaking[frame]))
                made[frame, kind] = _share(self._events(kind, strong[kind]), self._holds_s[kind])
        return made

    def _hear(self, told: Floats) -> None:
        """Go on by a command frame, of which so much is told (kinds, 13)."""
        step = MOMENTS_PER_FRAME
        earlier = self._likely[:, _PAST + step :] if self._has_begun else told[:, :-step]
        self._has_begun = True
        known = earlier**EARLIER * told[:, :-step] ** (1.0 - EARLIER)
        past = self._likely[:, step : _PAST + step]
        self._likely = np.concatenate([past, known, told[:, -step:]], axis=1)

    def _strong(self) -> NDArray[np.bool_]:
        """Where (kinds, 13) a contact is likely enough, and no contact around is likelier."""
        strength = self._likely[:, _PAST:] / self._thresholds
        around = maximum_filter1d(strength, 2 * RIVALS + 1, axis=1).max(axis=0)
        return (strength >= 1.0) & (strength >= around)

    def _events(self, kind: int, strong: NDArray[np.bool_]) -> list[int]:
        """The contacts of a kind around the command frame, in moments from it."""
        step, rate = MOMENTS_PER_FRAME, self._rates[kind]
        soon = self._holds_s[kind][0] / MOMENT_S
        known = [_Contact(c.moment - step, c.believed) for c in self._kept[kind]]
        known = [contact for contact in known if contact.moment >= -_PAST]
        for moment in _peaks(self._likely[kind], strong):
            if all(abs(moment - other.moment) > APART for other in known):
                likelihood = float(self._likely[kind, _PAST + moment])
                known.append(_Contact(moment, rate.believes(likelihood)))
                if moment <= soon:
                    rate.remember(likelihood)
        self._kept[kind] = [contact for contact in known if contact.moment <= soon]
        return [contact.moment for contact in known if contact.believed]


def _peaks(likely: Floats, strong: NDArray[np.bool_]) -> list[int]:
    """Strong moments from the command frame on, all but the last, that outdo those around them."""
    found = []
    for moment in np.flatnonzero(strong[:-1]).tolist():
        place = _PAST + moment
        before = likely[place - APART : place]
        after = likely[place + 1 : place + 1 + APART]
        if _RISE * before.max() < likely[place] >= after.max():
            found.append(moment)
    return found


def _share(events: list[int], hold_s: Hold) -> Floats:
    """How far contacts are made (4,) at the moments of a plan: a raised cosine around the hold."""
    if not events:
        return np.zeros(len(HORIZONS), np.float32)
    later_s = np.subtract.outer(np.array(HORIZONS), np.array(events)) * MOMENT_S
    before_s, after_s = hold_s
    outside_s = np.maximum(-later_s - before_s, later_s - after_s)
    way = np.clip(outside_s / CONTACT_RAMP_S, 0.0, 1.0)
    share: Floats = ((1.0 + np.cos(np.pi * way)) / 2.0).max(axis=1).astype(np.float32)
    return share
