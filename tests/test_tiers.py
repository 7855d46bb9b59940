"""The fast tier against the settled shell, on commands the model build has not seen."""

import numpy as np
import pytest

from sim import FaceTwin
from sim.landmarks import REGIONS

N_COMMANDS = 24
SEED = 987


@pytest.fixture(scope="module")
def errors_mm() -> np.ndarray:
    """Landmark distances (n, 40) between the tiers after a second under random commands."""
    rng = np.random.default_rng(SEED)
    fast, shell = FaceTwin("condensed", ideal_servos=True), FaceTwin("shell", ideal_servos=True)
    rows = []
    for _ in range(N_COMMANDS):
        commands = rng.uniform(size=10)
        seen = []
        for twin in (fast, shell):
            twin.reset()
            for share in np.linspace(0, 1, 9)[1:]:
                twin.step(twin.rest_commands + share * (commands - twin.rest_commands), 1 / 30)
            twin.step(commands, 0.35)
            seen.append(twin.landmarks())
        rows.append(np.linalg.norm(seen[0] - seen[1], axis=1) * 1e3)
    return np.array(rows)


def test_fast_tier_is_close_to_the_shell(errors_mm: np.ndarray) -> None:
    assert errors_mm.mean() <= 0.5
    assert np.percentile(errors_mm, 95) <= 2.0


@pytest.mark.parametrize("region", REGIONS)
def test_no_region_is_far_off(errors_mm: np.ndarray, region: str) -> None:
    assert errors_mm[:, REGIONS[region]].mean() <= 1.0
