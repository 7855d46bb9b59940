"""The dominance model and its table, sound by sound."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.speech import SILENCE, Phone, inventory
from envs.speech.articulation import articulate
from envs.speech.inventory import REST, InventoryError
from envs.speech.lips import LipCurves

FPS = 200.0
SOUNDS = ("p", "m", "f", "v", "a", "i", "u", "oʊ", "w", "s", "t", "ʃ", "k", "h", "ə", SILENCE)


def timeline(sounds: Sequence[str], each_s: float = 0.1) -> list[Phone]:
    return [Phone(ipa, k * each_s, (k + 1) * each_s) for k, ipa in enumerate(sounds)]


def lips_of(*sounds: str, each_s: float = 0.1) -> LipCurves:
    return articulate(timeline(sounds, each_s), FPS)


def at(lips: LipCurves, curve: str, time_s: float) -> float:
    return float(np.interp(time_s, lips.times_s, getattr(lips, curve)))


def test_a_closure_is_reached_between_open_vowels() -> None:
    lips = lips_of("a", "m", "a")
    assert at(lips, "aperture_mm", 0.15) == 0
    assert at(lips, "closure", 0.15) == 1
    assert at(lips, "aperture_mm", 0.05) > 8


def test_the_lower_lip_meets_the_teeth_without_closing_the_mouth() -> None:
    lips = lips_of("a", "f", "a")
    assert at(lips, "lip_to_teeth", 0.15) == 1
    assert 1 < at(lips, "aperture_mm", 0.15) < 5
    assert lips.closure.max() == 0


def test_rounding_is_anticipated_through_consonants() -> None:
    rounded, spread = lips_of("i", "s", "t", "u"), lips_of("i", "s", "t", "i")
    assert at(rounded, "protrusion_mm", 0.25) > 2.5
    assert at(spread, "protrusion_mm", 0.25) < 0.1
    backwards = lips_of("u", "t", "s", "i")
    assert at(rounded, "protrusion_mm", 0.25) > at(backwards, "protrusion_mm", 0.15)


def test_a_word_gap_does_not_close_the_mouth() -> None:
    gap = [Phone("a", 0.0, 0.2), Phone(SILENCE, 0.2, 0.28), Phone("a", 0.28, 0.48)]
    lips = articulate(gap, FPS)
    assert lips.aperture_mm[(lips.times_s > 0.1) & (lips.times_s < 0.4)].min() > 8


def test_lips_relax_in_a_pause() -> None:
    pause = [Phone("u", 0.0, 0.2), Phone(SILENCE, 0.2, 1.0), Phone("i", 1.0, 1.2)]
    lips = articulate(pause, FPS)
    assert at(lips, "aperture_mm", 0.6) == pytest.approx(0, abs=0.05)
    assert at(lips, "width_mm", 0.6) == pytest.approx(50, abs=0.2)
    assert at(lips, "protrusion_mm", 0.6) == pytest.approx(0, abs=0.1)


def test_a_gap_in_the_timeline_is_a_pause() -> None:
    gap = [Phone("a", 0.0, 0.2), Phone("a", 1.0, 1.2)]
    pause = [gap[0], Phone(SILENCE, 0.2, 1.0), gap[1]]
    one, other = articulate(gap, FPS), articulate(pause, FPS)
    np.testing.assert_array_equal(one.aperture_mm, other.aperture_mm)


def test_a_diphthong_moves() -> None:
    lips = lips_of(SILENCE, "aʊ", SILENCE, each_s=0.3)
    assert at(lips, "aperture_mm", 0.37) > at(lips, "aperture_mm", 0.53) + 4
    assert at(lips, "protrusion_mm", 0.53) > at(lips, "protrusion_mm", 0.37) + 2


def test_blocks_leave_no_seam() -> None:
    sounds = ["a", "m", "u", "s", "i", "f"] * 30
    whole = articulate(timeline(sounds), FPS)
    later = [Phone(p.ipa, p.start_s + 0.333, p.end_s + 0.333) for p in timeline(sounds)]
    shifted = articulate(later, FPS)
    n = whole.times_s.size - 200
    moved = np.interp(whole.times_s[100:n] + 0.333, shifted.times_s, shifted.protrusion_mm)
    np.testing.assert_allclose(moved, whole.protrusion_mm[100:n], atol=0.02)


@given(
    st.lists(st.tuples(st.sampled_from(SOUNDS), st.floats(0.005, 0.6)), min_size=1, max_size=25),
    st.floats(1.0, 120.0),
)
def test_any_timeline_gives_lips(spoken: list[tuple[str, float]], fps: float) -> None:
    ends = np.cumsum([length for _, length in spoken])
    phones = [
        Phone(ipa, float(end) - length, float(end))
        for (ipa, length), end in zip(spoken, ends, strict=True)
    ]
    phones = [
        Phone(p.ipa, phones[k - 1].end_s if k else 0.0, p.end_s) for k, p in enumerate(phones)
    ]
    lips = articulate(phones, fps)
    assert lips.times_s.size == max(1, round(phones[-1].end_s * fps))
    assert lips.aperture_mm.max() <= 20
    assert lips.width_mm.min() >= 42 and lips.width_mm.max() <= 62


def test_unknown_sounds_are_all_named() -> None:
    with pytest.raises(InventoryError, match=r"'☃' \(U\+2603\); 'a☂' \(U\+2602\)"):
        lips_of("a", "☃", "a☂")


@pytest.mark.parametrize(
    "phones",
    [[], [Phone("a", 0.1, 0.1)], [Phone("a", 0.0, 0.2), Phone("i", 0.1, 0.3)]],
    ids=["none", "no length", "overlap"],
)
def test_a_timeline_that_is_none_is_refused(phones: list[Phone]) -> None:
    with pytest.raises(ValueError, match="phone"):
        articulate(phones, FPS)


@pytest.mark.parametrize("ipa", ["", "ː", "ʰ"])
def test_a_sign_alone_is_no_phone(ipa: str) -> None:
    with pytest.raises(InventoryError):
        inventory.targets(ipa)


def test_silence_is_rest() -> None:
    assert inventory.targets(SILENCE) == (REST,)


def test_signs_change_the_letter_before_them() -> None:
    plain, labialised = inventory.targets("k")[0], inventory.targets("kʷ")[0]
    assert labialised.protrusion_mm == plain.protrusion_mm + 4
    assert inventory.targets("ɑ̃ː") == inventory.targets("ɑ")
    assert inventory.targets("c\u0327") == inventory.targets("ç") == inventory.targets("j")
    assert len(inventory.targets("tʃ")) == 2
    assert len(inventory.targets("ss")) == 1


@pytest.mark.parametrize("ipa", ["p", "b", "m", "pʰ", "bʲ", "mː"])
def test_bilabials_close(ipa: str) -> None:
    assert inventory.targets(ipa)[0].contact == "lips"


def test_classes_of_sounds() -> None:
    for ipa in ("w", "uː", "ʊ", "oʊ", "ʃ", "tʃ", "dʒ", "y"):
        assert any(target.is_rounded for target in inventory.targets(ipa)), ipa
    for ipa in ("i", "iː", "e", "ɛ", "ɪ"):
        assert all(target.is_spread for target in inventory.targets(ipa)), ipa
    for ipa in ("s", "a", "k", "p"):
        assert not any(t.is_rounded or t.is_spread for t in inventory.targets(ipa)), ipa


@pytest.mark.parametrize(
    ("curve", "values", "problem"),
    [
        ("aperture_mm", [0.0, -1.0], "aperture_mm, row 1: -1.0"),
        ("width_mm", [np.nan, 50.0], "width_mm, row 0: nan"),
        ("closure", [0.0, 1.5], "closure, row 1"),
        ("times_s", [1.0, 1.0], "times_s, row 1"),
        ("jaw_deg", [0.0], "jaw_deg must be float64 of shape"),
    ],
)
def test_lip_curves_refuse_what_no_lips_do(curve: str, values: list[float], problem: str) -> None:
    curves = {field.name: np.zeros(2) for field in fields(LipCurves)}
    curves |= {"times_s": np.array([0.0, 1.0]), "width_mm": np.full(2, 50.0)}
    curves[curve] = np.array(values)
    with pytest.raises(ValueError, match=problem):
        LipCurves(**curves)


def test_lip_curves_at_other_times() -> None:
    lips = lips_of("a", "m", "a").at(np.array([0.0, 0.05, 0.15, 9.0]))
    assert lips.aperture_mm[2] == 0
    assert lips.aperture_mm.shape == (4,)
