"""The comparison with VocalTractLab: its file formats, and that the lips agree."""

import numpy as np
import pytest

from benchmarks.vocaltract import (
    VocalTractError,
    compared,
    correlations,
    sentences,
    tract_lips,
)
from envs.speech import SILENCE, Phone


def timeline(*sounds: str) -> list[Phone]:
    return [Phone(ipa, 0.15 * k, 0.15 * k + 0.15) for k, ipa in enumerate(sounds)]


def test_its_lips_do_what_lips_do() -> None:
    pytest.importorskip("vocaltractlab_cython", reason='pip install "liptwin[vtl]"')
    lips = tract_lips(timeline(SILENCE, "a", "m", "a", "uː", "f", "a"))

    def at(curve: np.ndarray, time_s: float) -> float:
        return float(np.interp(time_s, lips.times_s, curve))

    assert at(lips.aperture_mm, 0.375) < 0.5 < 5 < at(lips.aperture_mm, 0.225)
    assert at(lips.protrusion, 0.68) > 0.6 > 0.3 > at(lips.protrusion, 0.225)
    assert at(lips.aperture_mm, 0.825) < 4
    assert (lips.aperture_mm >= 0).all()


def test_the_wanted_lips_agree_with_it() -> None:
    pytest.importorskip("vocaltractlab_cython", reason='pip install "liptwin[vtl]"')
    sounds = [*"mamoni", SILENCE, *"bəlaufi", SILENCE, *"tusanepilo"]
    found = correlations(*compared(timeline(*sounds)))
    assert found.aperture >= 0.75
    assert found.protrusion >= 0.7


def test_a_sound_without_a_segment_is_named() -> None:
    pytest.importorskip("vocaltractlab_cython", reason='pip install "liptwin[vtl]"')
    with pytest.raises(VocalTractError, match="no segment for 'ɕ'"):
        tract_lips(timeline("a", "ɕ", "a"))


def test_sentences_of_a_text() -> None:
    assert sentences("One. Two three? Four") == ["One.", "Two three?", "Four"]


def test_equal_curves_agree() -> None:
    curves = np.random.default_rng(0).standard_normal((3, 50))
    found = correlations(curves, 2 * curves + 1)
    assert (found.aperture, found.protrusion, found.jaw) == pytest.approx((1, 1, 1))
