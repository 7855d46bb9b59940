"""The colour of a microphone is taken off, from the past alone."""

# ruff: noqa: E402 - what needs an extra is imported after asking for it

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs torch: pip install 'liptwin[learn]'")

from torch import Tensor

from envs.speech.features import FLOOR, N_BANDS
from policies.learned.usual_microphone import (
    MEMORY_FRAMES,
    VOICED_LOUDNESS,
    first_averages,
    through_usual_microphone,
)

USUAL = torch.linspace(-0.5, -1.5, N_BANDS)


def speech(frames: int, seed: int = 0, loudness: float = 1.0) -> Tensor:
    """Features (1, m, 41) of somebody who never pauses."""
    generator = torch.Generator().manual_seed(seed)
    bands = USUAL + 0.3 * torch.randn(1, frames, N_BANDS, generator=generator)
    return torch.cat([bands, torch.full((1, frames, 1), loudness)], dim=2)


def coloured(heard: Tensor, colour: Tensor) -> Tensor:
    return torch.cat([heard[..., :N_BANDS] + colour, heard[..., N_BANDS:]], dim=2)


def cleaned(heard: Tensor) -> Tensor:
    return through_usual_microphone(heard, USUAL, *first_averages(USUAL, len(heard)))[0]


def test_another_microphone_is_hardly_heard_after_some_seconds() -> None:
    heard, colour = speech(2000), torch.linspace(0.4, -0.4, N_BANDS)
    one, other = cleaned(heard), cleaned(coloured(heard, colour))
    apart = (one - other).abs()[0, :, :N_BANDS]
    assert apart[0].max() > 0.35  # it cannot be known at the first frame
    assert apart[450:].max() < 0.1 and apart[-1].max() < 0.01
    torch.testing.assert_close(one[..., N_BANDS:], heard[..., N_BANDS:])


def test_the_usual_voice_stays_as_it_is() -> None:
    heard = speech(900)
    assert (cleaned(heard) - heard).abs().mean() < 0.03


def test_pauses_say_nothing_of_the_microphone() -> None:
    quiet = coloured(speech(500, loudness=VOICED_LOUDNESS / 2), torch.tensor(-1.0))
    sums, counts = first_averages(USUAL, 1)
    found, *after = through_usual_microphone(quiet, USUAL, sums, counts)
    torch.testing.assert_close(after, [sums, counts])
    torch.testing.assert_close(found, quiet)


def test_nothing_falls_below_silence() -> None:
    assert (cleaned(coloured(speech(300), torch.tensor(-9.0)))[..., :N_BANDS] >= FLOOR).all()


def test_an_hour_is_forgotten_as_frame_by_frame() -> None:
    heard = speech(4000, seed=3)
    sums, counts = first_averages(USUAL, 1)
    _, found, weight = through_usual_microphone(heard, USUAL, sums, counts)
    kept = 1.0 - 1.0 / MEMORY_FRAMES
    for bands in heard[:, :, :N_BANDS].double().unbind(dim=1):
        sums, counts = kept * sums + bands, kept * counts + 1.0
    torch.testing.assert_close(weight.double(), counts.double(), rtol=1e-4, atol=0.0)
    torch.testing.assert_close((found / weight).double(), sums / counts, rtol=1e-3, atol=1e-3)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 1500), max_size=6))
def test_however_it_is_cut(cuts: list[int]) -> None:
    heard = speech(1500, seed=1)
    whole = cleaned(heard)
    sums, counts = first_averages(USUAL, 1)
    parts = []
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), 1500], strict=True):
        part, sums, counts = through_usual_microphone(heard[:, first:last], USUAL, sums, counts)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, rtol=1e-4, atol=1e-4)
