"""The fast tier against the settled shell, on commands the model build has not seen."""

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.tiers import landmark_errors_mm
from sim.landmarks import REGIONS


@pytest.fixture(scope="module")
def errors_mm() -> NDArray[np.float64]:
    errors, warnings = landmark_errors_mm(24)
    assert warnings == 0
    return errors


def test_fast_tier_is_close_to_the_shell(errors_mm: NDArray[np.float64]) -> None:
    assert errors_mm.mean() <= 0.5
    assert np.percentile(errors_mm, 95) <= 2.0


@pytest.mark.parametrize("region", REGIONS)
def test_no_region_is_far_off(errors_mm: NDArray[np.float64], region: str) -> None:
    assert errors_mm[:, REGIONS[region]].mean() <= 1.0
