"""The colour of a microphone is taken off, from the past alone."""

# ruff: noqa: E402 - what needs an extra is imported after asking for it

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs torch: pip install 'liptwin[learn]'")

from torch import Tensor

from envs.speech.features import FLOOR, N_BANDS
from policies.learned.usual_microphone import (
    FIRST_FRAMES,
    MEMORY_FRAMES,
    VOICED_LOUDNESS,
    MicrophoneStream,
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
    return through_usual_microphone(heard, USUAL)


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
    said = speech(100, seed=5)
    found = cleaned(torch.cat([quiet, said], dim=1))
    torch.testing.assert_close(found, torch.cat([quiet, cleaned(said)], dim=1))


def test_nothing_falls_below_silence() -> None:
    assert (cleaned(coloured(speech(300), torch.tensor(-9.0)))[..., :N_BANDS] >= FLOOR).all()


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 4000), max_size=6), pause=st.integers(0, 4000))
def test_a_stream_is_heard_as_the_whole(cuts: list[int], pause: int) -> None:
    heard = speech(4000, seed=1)
    heard[:, pause : pause + 300, N_BANDS] = VOICED_LOUDNESS / 2
    stream = MicrophoneStream(USUAL.numpy())
    parts = [stream.push(part) for part in np.split(heard[0].numpy(), sorted(cuts))]
    np.testing.assert_allclose(np.concatenate(parts), cleaned(heard)[0], rtol=1e-4, atol=1e-4)


def test_forgetting_is_exponential() -> None:
    """After n frames of one colour, their mean is all but the first second's share times the
    forgotten: `MEMORY_FRAMES` is the time constant."""
    heard, colour = USUAL.repeat(1, 3000, 1), torch.tensor(1.0)
    heard = coloured(torch.cat([heard, torch.ones(1, 3000, 1)], dim=2), colour)
    left = (cleaned(heard)[0, :, 0] - USUAL[0]).double()
    frames = torch.arange(1, 3001).double()
    kept = (1.0 - 1.0 / MEMORY_FRAMES) ** frames
    heard_before = kept * FIRST_FRAMES
    expected = heard_before / (heard_before + MEMORY_FRAMES * (1.0 - kept))
    torch.testing.assert_close(left, expected, rtol=0.0, atol=1e-4)
