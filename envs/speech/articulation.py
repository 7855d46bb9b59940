"""From phones to lips: a dominance model of coarticulation.

The model is that of Cohen & Massaro, "Modeling coarticulation in synthetic visual speech" (in
Magnenat Thalmann & Thalmann (eds.), Models and Techniques in Computer Animation, Springer 1993):
each segment has a target and a dominance over time, D = strength * exp(-(distance / spread)^c),
and the lips are where the dominances' weighted mean of the targets is. Sounds overlap; rounding
begins before the rounded sound; a sound with little dominance takes its neighbours' shape.

Three things are ours. Dominance stays at its peak for the middle of a segment, so long vowels are
held and pauses are relaxed. A weak, constant pull towards rest is always there. And contacts (the
closed lips of p, b, m; the lip at the teeth of f, v) are events at the phone's centre that happen
whatever the neighbours want, because a weighted mean never reaches zero.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from envs.speech import inventory
from envs.speech.frames import frame_count, frame_times
from envs.speech.inventory import REST, LipTarget
from envs.speech.lips import LipCurves
from envs.speech.synthesis import SILENCE, Phone

Floats = NDArray[np.float64]

EXPONENT: Final = 2.0
"""c of the dominance function, which Cohen & Massaro leave free; 2 makes the curves smooth."""

OPENING_SPREAD_S: Final = (0.05, 0.05)
"""How far a segment's aperture and jaw reach (ahead, behind), seconds. Chosen so that the mouth
opens and closes within about a tenth of a second, as Gracco measures (J. Speech Hear. Res. 37,
1994)."""

ROUNDING_SPREAD_S: Final = (0.090, 0.050)
"""How far a segment's width and protrusion reach (ahead, behind), seconds. Rounding starts well
ahead of its vowel (Perkell & Matthies, J. Acoust. Soc. Am. 91, 1992); the sizes are chosen."""

INSISTENT: Final = 0.5
"""Rounding strength from which a segment keeps the rounding of others out of its middle."""

INSISTENT_SPREAD_SHARE: Final = 0.7
"""Between two insistent segments, how far rounding reaches, as a share of their distance: u and i
side by side are said one after the other, however fast, and not as something in between."""

HOLD_SHARE: Final = 1 / 3
EDGE_S: Final = 0.05
"""In its middle a segment's dominance stays at its peak: for this share of it, or, where that is
more, for all but this time at either end."""

PAUSE_EDGE_S: Final = 0.09
"""In a pause, the time at either end in which the lips are still leaving, or already making, a
sound; pauses of less than twice this are only a gap between words, in which nothing is relaxed."""

REST_STRENGTH: Final = 0.001
"""Constant pull towards rest, felt only where no sound is near."""

CONTACT_HOLD_S: Final = 0.022
"""Half of the shortest time for which a contact is held. At 24 frames per second or more a frame
then lies within the contact."""

CONTACT_SHARE: Final = 0.3
"""Half of a contact's hold as a share of a longer phone."""

CONTACT_RAMP_S: Final = 0.045
"""Time over which a contact is made or released; chosen near the lip closing movements of Löfqvist
& Gracco, J. Speech Lang. Hear. Res. 40 (1997)."""

_BLOCK_FRAMES: Final = 256
_REACH_S: Final = 0.6
"""Beyond this time a segment's dominance is below 1e-18 of its peak."""


@dataclass(frozen=True)
class _Segment:
    """One target with its place in time and its reach."""

    target: LipTarget
    centre_s: float
    length_s: float
    half_hold_s: float
    rounding_spread_s: tuple[float, float] = ROUNDING_SPREAD_S


@dataclass(frozen=True)
class _Event:
    """A contact: when, for how long, and what it looks like."""

    target: LipTarget
    centre_s: float
    half_hold_s: float


Timed = TypeVar("Timed", _Segment, _Event)


def articulate(phones: Sequence[Phone], fps: float, duration_s: float | None = None) -> LipCurves:
    """The lips of a human who says `phones`.

    Args:
        phones: in order of time, without overlap; what lies between two of them is silence.
        fps: frames per second; frame k is at k / fps.
        duration_s: length; the end of the last phone unless given.

    Raises:
        envs.speech.inventory.InventoryError: a phone is not in the table; all of them are named.
        ValueError: no phones, phones out of order, or a frame rate out of range.
    """
    _check_order(phones)
    inventory.check_known(phones)
    segments = _with_rounding_spread(list(_segments(phones)))
    events = _events(segments)
    length_s = phones[-1].end_s if duration_s is None else duration_s
    times = frame_times(frame_count(length_s, fps), fps)
    blocks = [
        _block(block, _near(block, segments), _near(block, events))
        for block in np.split(times, range(_BLOCK_FRAMES, len(times), _BLOCK_FRAMES))
    ]
    aperture, jaw, width, protrusion, closure, teeth = np.concatenate(blocks, axis=1)
    return LipCurves(
        times_s=times,
        aperture_mm=aperture,
        width_mm=width,
        protrusion_mm=protrusion,
        jaw_deg=jaw,
        lip_to_teeth=teeth,
        closure=closure,
    )


def _check_order(phones: Sequence[Phone]) -> None:
    if not phones:
        raise ValueError("there are no phones to say")
    end_s = 0.0
    for index, phone in enumerate(phones):
        if not (phone.start_s >= end_s - 1e-9 and phone.end_s > phone.start_s):
            raise ValueError(
                f"phone {index} ({phone.ipa!r}) lasts from {phone.start_s} to {phone.end_s}; "
                f"it must begin at or after {end_s} and end later than it begins"
            )
        end_s = phone.end_s


def _segments(phones: Sequence[Phone]) -> Iterator[_Segment]:
    """Targets in order of time, with silence before, between and after the phones."""
    end_s = -2 * _REACH_S
    last = Phone(SILENCE, phones[-1].end_s, phones[-1].end_s + 2 * _REACH_S)
    joined: list[Phone] = []
    for phone in (*phones, last):
        if phone.start_s > end_s:
            joined.append(Phone(SILENCE, end_s, phone.start_s))
        if phone.is_silence and joined and joined[-1].is_silence:
            joined[-1] = Phone(SILENCE, joined[-1].start_s, phone.end_s)
        else:
            joined.append(phone)
        end_s = phone.end_s
    for phone in joined:
        for part in inventory.parts(phone):
            length_s = part.end_s - part.start_s
            half_s = length_s / 2
            hold_s = max(half_s * HOLD_SHARE, half_s - EDGE_S)
            if phone.is_silence:
                hold_s = half_s - PAUSE_EDGE_S
            if hold_s >= 0:
                yield _Segment(part.target, part.centre_s, length_s, hold_s)


def _with_rounding_spread(segments: Sequence[_Segment]) -> list[_Segment]:
    """The segments with their rounding's reach, shortened where insistent ones are near."""
    insistent = [
        index
        for index, segment in enumerate(segments)
        if segment.target.rounding_strength >= INSISTENT
    ]
    spread = list(segments)
    for place, index in enumerate(insistent):
        ahead_s, behind_s = ROUNDING_SPREAD_S
        centre_s = segments[index].centre_s
        if place > 0:
            gap_s = centre_s - segments[insistent[place - 1]].centre_s
            ahead_s = min(ahead_s, INSISTENT_SPREAD_SHARE * gap_s)
        if place + 1 < len(insistent):
            gap_s = segments[insistent[place + 1]].centre_s - centre_s
            behind_s = min(behind_s, INSISTENT_SPREAD_SHARE * gap_s)
        spread[index] = replace(segments[index], rounding_spread_s=(ahead_s, behind_s))
    return spread


def _events(segments: Sequence[_Segment]) -> list[_Event]:
    """Contacts, held as long as the phone allows and never into each other."""
    contacts = [segment for segment in segments if segment.target.contact != "none"]
    centres = np.array([segment.centre_s for segment in contacts])
    gaps = np.concatenate([[math.inf], np.diff(centres), [math.inf]])
    return [
        _Event(
            segment.target,
            segment.centre_s,
            min(
                max(CONTACT_HOLD_S, CONTACT_SHARE * segment.length_s),
                gaps[index] / 2,
                gaps[index + 1] / 2,
            ),
        )
        for index, segment in enumerate(contacts)
    ]


def _near(times: Floats, items: Sequence[Timed]) -> Sequence[Timed]:
    """The items, which are in order of time, whose hold is within reach of `times`."""
    first = bisect.bisect_left(
        items, times[0] - _REACH_S, key=lambda item: item.centre_s + item.half_hold_s
    )
    last = bisect.bisect_right(
        items, times[-1] + _REACH_S, key=lambda item: item.centre_s - item.half_hold_s
    )
    return items[first:last]


def _block(times: Floats, segments: Sequence[_Segment], events: Sequence[_Event]) -> Floats:
    """Aperture, jaw, width, protrusion, closure and lip to teeth, (6, n), at n times."""
    distance = times[:, None] - np.array([s.centre_s for s in segments])
    hold = np.array([s.half_hold_s for s in segments])
    strength = np.array([[s.target.opening_strength, s.target.rounding_strength] for s in segments])
    opening = _dominance(distance, hold, strength[:, 0], np.array([OPENING_SPREAD_S]))
    reach_s = np.array([s.rounding_spread_s for s in segments])
    rounding = _dominance(distance, hold, strength[:, 1], reach_s)
    aperture = _blend(opening, [s.target.aperture_mm for s in segments], REST.aperture_mm)
    jaw = _blend(opening, [s.target.jaw_deg for s in segments], REST.jaw_deg)
    width = _blend(rounding, [s.target.width_mm for s in segments], REST.width_mm)
    protrusion = _blend(rounding, [s.target.protrusion_mm for s in segments], REST.protrusion_mm)

    closure, teeth = np.zeros_like(times), np.zeros_like(times)
    for event in events:
        share = _contact_share(np.abs(times - event.centre_s) - event.half_hold_s)
        aperture += share * (event.target.aperture_mm - aperture)
        jaw += share * (np.minimum(jaw, event.target.jaw_deg) - jaw)
        held = closure if event.target.contact == "lips" else teeth
        np.maximum(held, share, out=held)
    return np.stack([aperture, jaw, width, protrusion, closure, teeth])


def _dominance(distance: Floats, hold: Floats, strength: Floats, spread_s: Floats) -> Floats:
    """Dominance (n, m) of m segments at n times, `distance` (n, m) seconds from their centres;
    `spread_s` is (m, 2) or (1, 2): ahead of the centre, behind it."""
    beyond = np.maximum(np.abs(distance) - hold, 0.0)
    spread = np.where(distance < 0, spread_s[:, 0], spread_s[:, 1])
    dominance: Floats = strength * np.exp(-((beyond / spread) ** EXPONENT))
    return dominance


def _blend(dominance: Floats, targets: Sequence[float], rest: float) -> Floats:
    """Weighted mean (n,) of the targets, with the constant pull towards rest."""
    total = dominance.sum(axis=1) + REST_STRENGTH
    blended: Floats = (dominance @ np.array(targets) + REST_STRENGTH * rest) / total
    return blended


def _contact_share(beyond_s: Floats) -> Floats:
    """1 in a contact's hold, 0 a ramp away from it, a raised cosine between."""
    way = np.clip(beyond_s / CONTACT_RAMP_S, 0.0, 1.0)
    share: Floats = (1 + np.cos(np.pi * way)) / 2
    return share
