"""What the encoder should say of a take: wanted lips and the moments of contacts, at 90 Hz.

**Opening.** The model of articulation knows which vowel is open and nothing of how loud it is
said; louder speech is opened wider (Schulman, J. Acoust. Soc. Am. 85, 1989: jaw and lips open
further in loud speech, closures stay). So what is wanted is one half the model's opening and one
half what the loudness asks for, `LOUD_APERTURE_MM` at the voice's own level. Captured humans are
wanted as they were.

**Contacts.** A take's contacts are moments. They are wanted as narrow bumps of likelihood, which
have a peak, and are taken out of the opening, so that it tells where the lips would be without.

**Sounds.** Which sound is said is wanted too, though lips are not moved by it: a network that can
tell n from m by ear knows better when not to close the lips (auxiliary tasks: Caruana, "Multitask
learning", Machine Learning 28, 1997).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from envs.speech import arpabet, inventory
from envs.speech.articulation import articulate
from envs.speech.frames import frame_times
from envs.speech.lips import LipCurves
from envs.speech.synthesis import Phone
from policies.learned.speech_encoder import ENCODER_FPS, SHAPE_REST, SHAPE_SCALE

Floats = NDArray[np.float32]

LOUDNESS_SHARE: Final = 0.5
LOUDNESS_DELAY_S: Final = 0.02
"""Of the wanted opening; found in a study on prompts, where half and half with the loudness 20 ms
later came nearer to captured humans than either."""
LOUD_APERTURE_MM: Final = 12.0
LOUD_JAW_DEG: Final = 7.0
"""What a loudness of 1 asks for: an open vowel's, of `envs/speech/phones.yaml`."""
LOUDNESS_SPAN_S: Final = 0.1
"""Over which the loudness is averaged: lips do not follow single periods of a voice."""

BUMP_S: Final = 0.025
"""Half width of a contact's bump, a Gaussian's distance at which it has fallen to 1/e."""

CONTACTS: Final = ("lips", "teeth")

SOUNDS: Final = ("silence", *arpabet.SOUNDS)
UNKNOWN: Final = -1


@dataclass(frozen=True, eq=False)
class Targets:
    """What is wanted at m feature frames.

    Attributes:
        shapes: (m, 4) aperture, width, protrusion and jaw in the encoder's units.
        weights: (m, 4) how much each counts: an opening that a contact hides counts little.
        contacts: (m, 2) how likely lips close, and the lip is on the teeth, at this moment.
        sounds: (m,) which of `SOUNDS` is said; `UNKNOWN` where nobody knows.
    """

    shapes: Floats
    weights: Floats
    contacts: Floats
    sounds: NDArray[np.int8]


def spoken_targets(phones: tuple[Phone, ...], loudness: Floats) -> Targets:
    """Targets of speech with known phones; `loudness` (m,) as `envs.speech.features` gives it."""
    count = len(loudness)
    curves = articulate(phones, ENCODER_FPS, count / ENCODER_FPS)
    centres = contact_moments(phones)
    shapes, weights = _free(curves)
    times_s = frame_times(count, ENCODER_FPS)
    delayed = np.interp(
        times_s - LOUDNESS_DELAY_S,
        times_s,
        uniform_filter1d(loudness, round(LOUDNESS_SPAN_S * ENCODER_FPS), mode="nearest"),
    )
    for column, full in ((0, LOUD_APERTURE_MM), (3, LOUD_JAW_DEG)):
        shapes[:, column] *= 1.0 - LOUDNESS_SHARE
        shapes[:, column] += LOUDNESS_SHARE * full * delayed
    return _targets(shapes, weights, centres, sounds_said(phones, count))


def contact_moments(phones: tuple[Phone, ...]) -> list[NDArray[np.float64]]:
    """Seconds (n,) of the middles of the sounds that close the lips, and of those that put the lip
    to the teeth."""
    said = [part for phone in phones for part in inventory.parts(phone)]
    return [
        np.array([part.centre_s for part in said if part.target.contact == kind])
        for kind in CONTACTS
    ]


def sounds_said(phones: tuple[Phone, ...], count: int) -> NDArray[np.int8]:
    """Which of `SOUNDS` is said at each of (count,) frames; a phone of two is half of each."""
    said = np.zeros(count, np.int8)
    for phone in phones:
        sounds = () if phone.is_silence else arpabet.arpabet(phone.ipa)
        edges = np.linspace(phone.start_s, phone.end_s, len(sounds) + 1) * ENCODER_FPS
        frames = np.ceil(edges).astype(int)
        for sound, first, last in zip(sounds, frames, frames[1:], strict=False):
            said[first:last] = SOUNDS.index(sound)
    return said


def captured_targets(curves: LipCurves, count: int) -> Targets:
    """Targets (m frames) of a captured human."""
    seen = curves.at(frame_times(count, ENCODER_FPS))
    centres = [_middles(seen.closure >= 0.5), _middles(seen.lip_to_teeth >= 0.5)]
    return _targets(*_free(seen), centres, np.full(count, UNKNOWN, np.int8))


def _free(curves: LipCurves) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shapes (m, 4) in mm and degrees, and how much of each no contact hides."""
    shapes = np.stack(
        [curves.aperture_mm, curves.width_mm, curves.protrusion_mm, curves.jaw_deg], axis=1
    )
    weights = np.ones_like(shapes)
    hidden = np.maximum(curves.closure, curves.lip_to_teeth)
    weights[:, [0, 3]] = (1.0 - hidden)[:, None] ** 2
    shapes[:, 0] /= np.maximum(1.0 - curves.closure, 0.25)
    return shapes, weights


def _targets(
    shapes: NDArray[np.float64],
    weights: NDArray[np.float64],
    centres: list[NDArray[np.float64]],
    sounds: NDArray[np.int8],
) -> Targets:
    times_s = frame_times(len(shapes), ENCODER_FPS)
    contacts = np.zeros((len(shapes), len(centres)))
    for column, moments in enumerate(centres):
        for moment in moments:
            bump = np.exp(-(((times_s - moment) / BUMP_S) ** 2))
            np.maximum(contacts[:, column], bump, out=contacts[:, column])
    scaled = (shapes - np.array(SHAPE_REST)) / np.array(SHAPE_SCALE)
    return Targets(
        scaled.astype(np.float32), weights.astype(np.float32), contacts.astype(np.float32), sounds
    )


def _middles(happens: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Seconds (n,) of the middles of the runs in which something happens."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], happens, [False]])))
    return np.asarray((edges[::2] + edges[1::2] - 1) / 2 / ENCODER_FPS)
