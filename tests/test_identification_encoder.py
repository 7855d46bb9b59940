"""What readings in whole counts say: the error of an encoder, learnt from a log."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sim2real.identification.encoder import EncoderError, encoder_error

Floats = NDArray[np.float64]

ENCODERS = st.builds(
    EncoderError,
    noise=st.floats(0.0, 2.0),
    flicker=st.floats(0.0, 0.4),
    clock_s=st.floats(0.0, 0.003),
)


def readings(shaft: Floats, speeds: Floats, encoder: EncoderError, seed: int) -> Floats:
    """What an encoder says of shaft positions (counts) at speeds (counts per second)."""
    rng = np.random.default_rng(seed)
    n = len(shaft)
    blurred = shaft + rng.normal(0.0, encoder.noise, n)
    blurred += speeds * rng.normal(0.0, encoder.clock_s, n)
    digits = rng.choice(
        (-1, 0, 1), n, p=(encoder.flicker, 1.0 - 2.0 * encoder.flicker, encoder.flicker)
    )
    return np.rint(blurred) + digits


@settings(max_examples=25, deadline=None)
@given(ENCODERS, st.floats(0.0, 500.0))
def test_density_is_one_and_its_slope_is_its_derivative(
    encoder: EncoderError, speed: float
) -> None:
    errors = np.linspace(-15.0, 15.0, 30_001)
    blur = encoder.blur(np.full(len(errors), speed))
    density, slope = encoder.density(errors, blur)
    step = errors[1] - errors[0]
    assert density.min() >= 0.0
    assert np.trapezoid(density, errors) == pytest.approx(1.0, abs=1e-3)
    assert np.abs(np.gradient(density, step) - slope).max() < 1e-3 * max(1.0, np.abs(slope).max())


@pytest.mark.parametrize(
    "truth",
    [
        EncoderError(noise=0.05, flicker=0.16, clock_s=0.0005),
        EncoderError(noise=0.5, flicker=0.0, clock_s=0.001),
    ],
)
def test_encoder_is_learnt_from_its_errors(truth: EncoderError) -> None:
    rng = np.random.default_rng(1)
    shaft, speeds = rng.uniform(0.0, 200.0, 6_000), rng.uniform(0.0, 1500.0, 6_000)
    found = encoder_error(readings(shaft, speeds, truth, 2) - shaft, speeds)
    assert found.noise == pytest.approx(truth.noise, rel=0.2, abs=0.03)
    assert found.flicker == pytest.approx(truth.flicker, abs=0.03)
    assert found.clock_s == pytest.approx(truth.clock_s, rel=0.25)


def test_edges_between_counts_say_more_than_the_mean() -> None:
    """Where a shaft's place is to be found, scoring is far sharper than averaging, and as sharp
    where the encoder is noisy."""
    place = 0.37
    for encoder, gain in (
        (EncoderError(noise=0.04, flicker=0.16, clock_s=0.0), 0.6),
        (EncoderError(noise=0.8, flicker=0.0, clock_s=0.0), 1.1),
    ):
        averaged, scored = [], []
        for seed in range(24):
            motion = np.random.default_rng(seed).uniform(0.0, 50.0, 400)
            away = readings(motion + place, np.zeros(400), encoder, 100 + seed) - motion
            guess = float(away.mean())
            averaged.append(guess - place)
            for least_blur in (0.3, 0.15, 0.08, 0.0, 0.0):
                sharp = encoder.softened(least_blur)
                working, weights = sharp.working(away - guess, np.zeros(400))
                guess += float(np.average(working, weights=weights**2))
            scored.append(guess - place)
        assert np.std(scored) < gain * np.std(averaged)
        assert abs(np.mean(scored)) < np.std(averaged)


def test_readings_that_nothing_explains_hardly_count() -> None:
    encoder = EncoderError(noise=0.1, flicker=0.05, clock_s=0.0)
    working, _ = encoder.working(np.array([0.6, 9.0, 1e4]), np.zeros(3))
    assert working[0] > 0.0
    assert 0.0 < working[1] < 1.5
    assert 0.0 < working[2] < 5.0
