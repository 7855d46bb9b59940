"""Wanted lips in the paper's eleven languages: nothing unmapped, nothing missed.

The texts are Article 1 of the Universal Declaration of Human Rights, followed by sentences rich
in lip consonants and rounded vowels.
"""

from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import Final

import numpy as np
import pytest

from envs.speech import SynthesisError, Utterance, inventory, list_voices, synthesise
from envs.speech.articulation import articulate
from envs.speech.inventory import Part
from envs.speech.lips import LipCurves
from envs.speech.measured import measured
from envs.speech.scoring import PhoneScore, score_phones
from policies.evaluation.texts import TEXTS

FRAME_RATES: Final = (24.0, 30.0, 60.0)


def synthesis_is_missing() -> bool:
    try:
        list_voices()
    except SynthesisError:
        return True
    return False


pytestmark = pytest.mark.skipif(
    synthesis_is_missing(), reason='espeak-ng is not installed: pip install "liptwin[tts]"'
)


@cache
def utterance(voice: str, rate_wpm: int = 175) -> Utterance:
    return synthesise(TEXTS[voice], voice, rate_wpm)


def lips_of(spoken: Utterance, fps: float = 30.0) -> LipCurves:
    return articulate(spoken.phones, fps, spoken.audio.duration_s)


def scores(fps: float, rate_wpm: int = 175) -> Iterator[PhoneScore]:
    for voice in TEXTS:
        spoken = utterance(voice, rate_wpm)
        yield score_phones(measured(lips_of(spoken, fps)), spoken.phones)


def parts_of(spoken: Utterance) -> list[Part]:
    return list(chain.from_iterable(map(inventory.parts, spoken.phones)))


@pytest.mark.parametrize("voice", TEXTS)
def test_every_sound_is_mapped(voice: str) -> None:
    inventory.check_known(utterance(voice).phones)


@pytest.mark.parametrize("voice", TEXTS)
def test_lips_stay_within_adult_speech(voice: str) -> None:
    lips = lips_of(utterance(voice))
    assert lips.aperture_mm.max() <= 20
    assert lips.width_mm.min() >= 42 and lips.width_mm.max() <= 62
    assert lips.protrusion_mm.min() >= 0 and lips.protrusion_mm.max() <= 6
    assert lips.jaw_deg.max() <= 12
    assert lips.aperture_mm.max() > 12
    assert np.ptp(lips.width_mm) > 12


@pytest.mark.parametrize("rate_wpm", [130, 175, 240])
@pytest.mark.parametrize("fps", FRAME_RATES)
def test_contacts_happen(fps: float, rate_wpm: int) -> None:
    found = list(scores(fps, rate_wpm))
    closures, labiodentals = ([s.closures for s in found], [s.labiodentals for s in found])
    assert sum(count.total for count in closures) > 100
    assert sum(count.total for count in labiodentals) > 50
    assert sum(c.hits for c in closures) >= 0.99 * sum(c.total for c in closures)
    assert sum(c.hits for c in labiodentals) >= 0.98 * sum(c.total for c in labiodentals)


def test_lips_do_not_touch_elsewhere() -> None:
    for found in scores(30.0):
        assert found.false_in_vowels.hits <= 0.03 * found.false_in_vowels.total
        assert found.false_near_consonants.hits == 0


@pytest.mark.parametrize("voice", TEXTS)
def test_rounded_sounds_are_rounder_than_every_spread_vowel(voice: str) -> None:
    spoken = utterance(voice)
    lips = measured(lips_of(spoken))
    said = parts_of(spoken)

    def rounding(part: Part) -> float:
        return float(np.interp(part.centre_s, lips.times_s, lips.rounding_mm))

    glide = inventory.targets("w")[0]
    rounded = [p for p in said if p.target.is_rounded and (p.target.is_vowel or p.target == glide)]
    spread = [part for part in said if part.target.is_spread]
    assert len(rounded) >= 4 and len(spread) >= 8
    assert min(map(rounding, rounded)) > max(map(rounding, spread)) + 3


@pytest.mark.parametrize("voice", TEXTS)
def test_lips_do_not_fall_asleep_between_words(voice: str) -> None:
    spoken = utterance(voice)
    lips = lips_of(spoken)
    for phone in spoken.phones:
        centre = round((phone.start_s + phone.end_s) / 2 * 30)
        if phone.is_silence and phone.end_s - phone.start_s > 0.3 and centre < lips.times_s.size:
            assert lips.aperture_mm[centre] < 0.5
            assert lips.width_mm[centre] == pytest.approx(50, abs=1)
    asleep = (lips.aperture_mm < 0.1) & (lips.closure < 0.5)
    paused = np.zeros_like(asleep)
    for phone in spoken.phones:
        if phone.is_silence:
            paused |= (lips.times_s >= phone.start_s - 0.1) & (lips.times_s <= phone.end_s + 0.1)
    assert not (asleep & ~paused).any()
