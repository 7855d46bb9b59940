"""Scores over several utterances, as if they had been said one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech.measured import MeasuredLips
from envs.speech.scoring import PhoneScore, jerk, score_phones
from envs.speech.synchrony import synchrony
from envs.speech.synthesis import SILENCE, Phone
from policies.evaluation.results import FPS

Floats = NDArray[np.float64]
Said = tuple[MeasuredLips, tuple[Phone, ...]]
"""What lips did, and the phones that were said."""

GAP_S: Final = 0.5
"""Pause between two utterances."""

MIN_LAG_S: Final = 2.0
"""Utterances shorter than this, about eight syllables, have no lag of their own: two curves of a
word or two may match best at any shift."""


@dataclass(frozen=True)
class Lags:
    """Of achieved behind wanted opening, per utterance, ms; positive is late.

    Attributes:
        median, least, most: over the utterances that have a lag.
        utterances: how many have one; in others nothing stands out, or they are too short.
    """

    median: float
    least: float
    most: float
    utterances: int


def joined(pieces: Iterable[Said]) -> Said:
    """Lips and phones of several utterances, one after the other on one grid of frames."""
    lips: list[MeasuredLips] = []
    phones: list[Phone] = []
    start_s = 0.0
    for piece, said in pieces:
        end_s = max(float(piece.times_s[-1]), said[-1].end_s)
        next_s = float(np.ceil((start_s + end_s + GAP_S) * FPS) / FPS)
        lips.append(replace(piece, times_s=piece.times_s + start_s))
        phones += (phone.later(start_s) for phone in said)
        phones.append(Phone(SILENCE, phones[-1].end_s, next_s))
        start_s = next_s
    columns = [field.name for field in fields(MeasuredLips)]
    together = {name: np.concatenate([getattr(one, name) for one in lips]) for name in columns}
    return MeasuredLips(**together), tuple(phones)


def score_all(pieces: Iterable[Said]) -> PhoneScore:
    """The score of several utterances as one.

    Raises:
        envs.speech.inventory.InventoryError: a phone is not in the table.
    """
    return score_phones(*joined(pieces))


def lag_ms(lips: MeasuredLips, wanted_mm: Floats) -> float | None:
    """Lag of the achieved aperture behind the wanted one (n,) at the same times; None where none
    stands out, or the utterance is shorter than `MIN_LAG_S`."""
    if lips.times_s[-1] < MIN_LAG_S:
        return None
    found = synchrony(lips.times_s, lips.aperture_mm, lips.times_s, wanted_mm)
    return None if found is None else found.lag_ms


def lags(each_ms: Iterable[float | None]) -> Lags | None:
    """The lags of several utterances; None where no utterance has one."""
    known = np.array([lag for lag in each_ms if lag is not None])
    if known.size == 0:
        return None
    return Lags(float(np.median(known)), float(known.min()), float(known.max()), int(known.size))


def jerk_of(lips: Sequence[MeasuredLips]) -> float | None:
    """Root mean square of the apertures' third derivatives over all utterances, m/s^3."""
    weighted = [(found, one.times_s.size - 3) for one in lips if (found := jerk(one)) is not None]
    if not weighted:
        return None
    values, frames = np.array(weighted).T
    return float(np.sqrt(np.average(np.square(values), weights=frames)))
