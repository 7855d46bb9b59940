"""Plans that wait: each moment as the latest plan within the waiting time tells it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.learned.patience import MOST, Patience


def plans(count: int) -> np.ndarray:
    """Plan p tells of moment p + k that 100 p + (p + k) happens: who tells, and of what."""
    teller, ahead = np.arange(count)[:, None], np.arange(MOST + 1)
    told = 100.0 * teller + teller + ahead
    return np.repeat(told[:, :, None], 6, axis=2).astype(np.float32)


def waited(count: int, frames: int, cuts: list[int]) -> np.ndarray:
    patience = Patience(frames)
    parts = [patience.push(part) for part in np.split(plans(count), sorted(cuts))]
    return np.concatenate([*parts, patience.finish()])


def test_without_patience_nothing_changes() -> None:
    np.testing.assert_array_equal(waited(9, 0, [4]), plans(9))


@settings(deadline=None)
@given(
    count=st.integers(0, 30),
    frames=st.integers(0, MOST),
    cuts=st.lists(st.integers(0, 30), max_size=8),
)
def test_every_moment_is_told_by_the_latest_plan_that_was_waited_for(
    count: int, frames: int, cuts: list[int]
) -> None:
    told = waited(count, frames, cuts)
    assert told.shape == (count, MOST + 1, 6)
    for plan, row in enumerate(told[..., 0]):
        for ahead, value in enumerate(row):
            teller = min(plan + min(ahead, frames), count - 1)
            assert value == 100 * teller + plan + ahead


def test_plans_come_out_so_many_frames_later() -> None:
    patience = Patience(2)
    counts = [len(patience.push(plans(9)[k : k + 1])) for k in range(9)]
    assert counts == [0, 0, 1, 1, 1, 1, 1, 1, 1]
    assert len(patience.finish()) == 2


@pytest.mark.parametrize("frames", [-1, MOST + 1])
def test_no_other_patience(frames: int) -> None:
    with pytest.raises(ValueError, match=f"0 to {MOST} frames, not {frames}"):
        Patience(frames)
