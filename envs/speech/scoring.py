"""How good lips were: what viewers notice in speech, counted against phones or a captured human.

No learned model takes part. Frames are looked at within `WINDOW_S` of a sound's middle; where a
slow recording has none there, the nearest one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from envs.speech import inventory
from envs.speech.articulation import articulate
from envs.speech.audio import Audio
from envs.speech.captures import Capture
from envs.speech.frames import frame_times
from envs.speech.inventory import REST, Part
from envs.speech.loudness import loudness
from envs.speech.measured import MeasuredLips
from envs.speech.synchrony import Synchrony, synchrony
from envs.speech.synthesis import Phone

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

WINDOW_S: Final = 0.030
"""How far from a sound's middle it is looked for."""

VOWEL_CORE: Final = 0.5
"""Share of a vowel, in its middle, in which closed lips are false: at its ends a p is allowed."""

REFERENCE_FPS: Final = 100.0
"""Frame rate at which reference curves are computed."""

MIN_VOWELS: Final = 3
"""Fewer vowels have no rank correlation."""


@dataclass(frozen=True)
class Count:
    """How many of a kind."""

    hits: int
    total: int

    @property
    def share(self) -> float | None:
        """Hits of all, 0 to 1; None where there is none."""
        return self.hits / self.total if self.total else None


@dataclass(frozen=True)
class PhoneScore:
    """Lips against a phone timeline.

    Attributes:
        closures: p, b, m at which the lips touch.
        false_in_vowels: vowels in whose middle half the lips touch.
        false_near_consonants: other consonants at which the lips touch, those beside a p, b, m
            left out.
        labiodentals: f, v at which the lower lip is on the upper teeth.
        rounding_auc: probability that a rounded sound (w, oo and o vowels, sh class) is rounder,
            by protrusion minus width, than a spread vowel; 0.5 is chance.
        openness_rank: Spearman correlation of aperture with the opening a vowel wants.
        timing: aperture against that of the model of articulation.
    """

    closures: Count
    false_in_vowels: Count
    false_near_consonants: Count
    labiodentals: Count
    rounding_auc: float | None
    openness_rank: float | None
    timing: Synchrony | None


@dataclass(frozen=True)
class CaptureScore:
    """Lips against a captured human.

    Attributes:
        openness: aperture against jawOpen.
        rounding: protrusion minus width against the larger of mouthPucker and mouthFunnel.
    """

    openness: Synchrony | None
    rounding: Synchrony | None


@dataclass(frozen=True)
class LipScore:
    """All that is known of how good the lips were; None is not asked for.

    Attributes:
        jerk_m_s3: root mean square of the aperture's third derivative, m/s^3: less is smoother.
        phones: against a phone timeline.
        capture: against a captured human.
        loudness: aperture against the loudness of the sound.
    """

    jerk_m_s3: float | None
    phones: PhoneScore | None
    capture: CaptureScore | None
    loudness: Synchrony | None


def score(
    lips: MeasuredLips,
    phones: Sequence[Phone] | None = None,
    capture: Capture | None = None,
    audio: Audio | None = None,
) -> LipScore:
    """Score lips against whatever is known of the speech.

    Raises:
        envs.speech.inventory.InventoryError: a phone is not in the table.
        ValueError: the phones are out of order.
    """
    return LipScore(
        jerk_m_s3=jerk(lips),
        phones=score_phones(lips, phones) if phones is not None else None,
        capture=score_capture(lips, capture) if capture is not None else None,
        loudness=_follows_loudness(lips, audio) if audio is not None else None,
    )


def score_phones(lips: MeasuredLips, phones: Sequence[Phone]) -> PhoneScore:
    """Score lips against a phone timeline; sounds after the last measurement are left out.

    Raises:
        envs.speech.inventory.InventoryError: a phone is not in the table.
        ValueError: the phones are out of order, or there are none.
    """
    wanted = articulate(phones, REFERENCE_FPS)
    said = [
        part
        for part in chain.from_iterable(map(inventory.parts, phones))
        if part.centre_s <= lips.times_s[-1] + WINDOW_S
    ]
    vowels = [part for part in said if part.target.is_vowel]
    return PhoneScore(
        closures=_count(lips, lips.lips_touching, (p for p in said if _closes(p)), _near),
        false_in_vowels=_count(lips, lips.lips_touching, vowels, _core),
        false_near_consonants=_count(lips, lips.lips_touching, _other_consonants(said), _near),
        labiodentals=_count(
            lips,
            lips.lower_lip_on_teeth,
            (p for p in said if p.target.contact == "teeth"),
            _near,
        ),
        rounding_auc=_auc(
            _means(lips, lips.rounding_mm, (p for p in said if p.target.is_rounded)),
            _means(lips, lips.rounding_mm, (p for p in said if p.target.is_spread)),
        ),
        openness_rank=_rank_correlation(
            _means(lips, lips.aperture_mm, vowels),
            np.array([part.target.aperture_mm for part in vowels]),
        ),
        timing=synchrony(lips.times_s, lips.aperture_mm, wanted.times_s, wanted.aperture_mm),
    )


def score_capture(lips: MeasuredLips, capture: Capture) -> CaptureScore:
    """Score lips against a captured human who said the same at the same time."""
    times_s = capture.times_s
    return CaptureScore(
        openness=synchrony(lips.times_s, lips.aperture_mm, times_s, capture.shapes["jawOpen"]),
        rounding=synchrony(lips.times_s, lips.rounding_mm, times_s, capture.rounding),
    )


def jerk(lips: MeasuredLips) -> float | None:
    """Root mean square of the aperture's third derivative, m/s^3; None for less than 4 frames."""
    if lips.times_s.size < 4:
        return None
    step_s = float(np.median(np.diff(lips.times_s)))
    grid = np.arange(lips.times_s[0], lips.times_s[-1] + step_s / 2, step_s)
    aperture_m = np.interp(grid, lips.times_s, lips.aperture_mm) / 1e3
    third = np.diff(aperture_m, 3) / step_s**3
    return float(np.sqrt(np.mean(np.square(third)))) if third.size else None


def _follows_loudness(lips: MeasuredLips, audio: Audio) -> Synchrony | None:
    loud = loudness(audio, REFERENCE_FPS)
    times_s = frame_times(loud.size, REFERENCE_FPS)
    return synchrony(lips.times_s, lips.aperture_mm, times_s, loud)


def _closes(part: Part) -> bool:
    return part.target.contact == "lips"


def _other_consonants(said: Sequence[Part]) -> list[Part]:
    """Consonants that neither close the lips nor stand beside one that does."""
    closing = [False, *map(_closes, said), False]
    return [
        part
        for index, part in enumerate(said)
        if not (part.target.is_vowel or part.target is REST or any(closing[index : index + 3]))
    ]


def _near(part: Part) -> tuple[float, float]:
    """The window around a part's middle."""
    return part.centre_s - WINDOW_S, part.centre_s + WINDOW_S


def _core(part: Part) -> tuple[float, float]:
    """The middle of a part."""
    half_s = VOWEL_CORE * (part.end_s - part.start_s) / 2
    return part.centre_s - half_s, part.centre_s + half_s


def _frames(lips: MeasuredLips, window: tuple[float, float]) -> slice:
    """The frames in a window; the one nearest to its middle where there is none."""
    first, last = np.searchsorted(lips.times_s, [window[0] - 1e-9, window[1] + 1e-9])
    if first < last:
        return slice(int(first), int(last))
    nearest = int(np.argmin(np.abs(lips.times_s - sum(window) / 2)))
    return slice(nearest, nearest + 1)


def _count(
    lips: MeasuredLips,
    happens: Flags,
    parts: Iterable[Part],
    window: Callable[[Part], tuple[float, float]],
) -> Count:
    seen = [bool(happens[_frames(lips, window(part))].any()) for part in parts]
    return Count(sum(seen), len(seen))


def _means(lips: MeasuredLips, values: Floats, parts: Iterable[Part]) -> Floats:
    return np.array([values[_frames(lips, _near(part))].mean() for part in parts])


def _auc(rounded: Floats, spread: Floats) -> float | None:
    """Probability that a value of `rounded` is above one of `spread`; ties count half."""
    if not (rounded.size and spread.size):
        return None
    statistic = stats.mannwhitneyu(rounded, spread).statistic
    return float(statistic / (rounded.size * spread.size))


def _rank_correlation(measured: Floats, wanted: Floats) -> float | None:
    if measured.size < MIN_VOWELS or np.ptp(measured) < 1e-9 or np.ptp(wanted) < 1e-9:
        return None
    return float(stats.spearmanr(measured, wanted).statistic)
