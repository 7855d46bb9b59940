"""Whether what fails is brought to pass, no more than needed, and lips that close still do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("clarabel", reason="the repair of trajectories needs Clarabel")

from sim import FaceTwin
from sim.dof import DOF_NAMES, N_DOF
from sim.poses import POSES
from sim.servo_table import load_servo_table
from sim2real.trajectory import Trajectory
from sim2real.validation import RepairError, load_limits, motion_limits, repair, validate
from sim2real.validation.checks import check_motion
from sim2real.validation.motion import derivatives
from sim2real.validation.projection import TOLERANCE, project

LIMITS = load_limits()
MOTION = motion_limits(load_servo_table())


@pytest.fixture(scope="module")
def twin() -> FaceTwin:
    return FaceTwin()


def violent(seed: int, n: int = 15) -> Trajectory:
    rng = np.random.default_rng(seed)
    return Trajectory(np.arange(n) / 30, rng.uniform(size=(n, N_DOF)))


def babble(hold: int) -> Trajectory:
    """Open and closed lips in turn, each pose jumped to and held for some frames."""
    names = ["aa", "mm", "ee", "mm", "oh", "mm", "aa", "mm", "ee"]
    commands = np.repeat([POSES[name] for name in names], hold, axis=0)
    return Trajectory(np.arange(len(commands)) / 30, commands)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.sampled_from([10.0, 30.0, 60.0]))
def test_the_nearest_motion_keeps_its_bounds_and_is_the_nearest(
    seed: int, n: int, rate_hz: float
) -> None:
    rng = np.random.default_rng(seed)
    wanted = rng.uniform(size=n)
    weights = rng.uniform(1.0, 30.0, size=n)
    kinds = derivatives(np.arange(n) / rate_hz, 0.032)
    bounds = (5.0, 300.0, 15_000.0)
    found = project(wanted, weights, kinds, bounds)
    assert found.min() >= 0.0
    assert found.max() <= 1.0
    for kind, bound in zip((kinds.speed, kinds.acceleration, kinds.jerk), bounds, strict=True):
        assert np.abs(kind.matrix @ found).max() <= bound * (1 + TOLERANCE)
    # Of a convex set the nearest point sees every other one behind a right angle.
    for other in (np.full(n, level) for level in (0.0, 0.3, 1.0)):
        assert np.sum(weights * (wanted - found) * (other - found)) <= 1e-4 * weights.sum()


def test_bounds_may_differ_from_moment_to_moment() -> None:
    times_s = np.arange(60) / 30
    wanted = np.where(times_s % 0.5 < 0.25, 0.2, 0.8)
    kinds = derivatives(times_s, 0.032)
    bounds = [
        np.where(kind.times_s < 1.0, bound, 0.4 * bound)
        for kind, bound in zip(
            (kinds.speed, kinds.acceleration, kinds.jerk), (5.0, 300.0, 15_000.0), strict=True
        )
    ]
    found = project(wanted, np.ones(60), kinds, (bounds[0], bounds[1], bounds[2]))
    for kind, bound in zip((kinds.speed, kinds.acceleration, kinds.jerk), bounds, strict=True):
        assert np.all(np.abs(kind.matrix @ found) <= bound * (1 + TOLERANCE))
    speed = np.abs(kinds.speed.matrix @ found)
    assert speed[kinds.speed.times_s < 0.9].max() == pytest.approx(5.0, rel=0.01)
    assert speed[kinds.speed.times_s > 1.1].max() == pytest.approx(2.0, rel=0.01)


def test_motion_within_its_bounds_is_left_alone() -> None:
    times_s = np.arange(60) / 30
    wanted = 0.5 + 0.3 * np.sin(2 * np.pi * times_s)
    found = project(wanted, np.ones(60), derivatives(times_s, 0.032), (5.0, 300.0, 15_000.0))
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("seed", [0, 1])
def test_violence_is_calmed(twin: FaceTwin, seed: int) -> None:
    before = violent(seed)
    found = repair(before, validate(before, twin), twin, LIMITS)
    assert found.report.passed
    assert validate(found.trajectory, twin).passed
    np.testing.assert_array_equal(found.trajectory.times_s, before.times_s)
    assert found.changes
    for change in found.changes:
        dof = DOF_NAMES.index(change.dof)
        moved = np.abs(found.trajectory.commands - before.commands)[:, dof]
        assert change.largest == pytest.approx(moved.max())
        assert change.mean == pytest.approx(moved.mean())


def test_what_passes_is_returned_as_it_is(twin: FaceTwin) -> None:
    calm = Trajectory(
        np.array([0.0, 0.4, 0.8]), np.array([POSES[name] for name in ("rest", "oh", "mm")])
    )
    found = repair(calm, validate(calm, twin), twin, LIMITS)
    assert found.trajectory is calm
    assert found.changes == ()
    assert found.closures.kept == found.closures.total > 0


def test_closures_survive(twin: FaceTwin) -> None:
    before = babble(hold=5)
    report = validate(before, twin)
    assert not report.passed
    found = repair(before, report, twin, LIMITS)
    assert found.report.passed
    assert found.closures.total >= 3
    assert found.closures.kept == found.closures.total


def test_servos_that_keep_their_limits_are_not_touched(twin: FaceTwin) -> None:
    rest = twin.rest_commands
    commands = np.tile(rest, (30, 1))
    jaw = DOF_NAMES.index("jaw_open")
    commands[15:, jaw] = 0.6  # a step
    before = Trajectory(np.arange(30) / 30, commands)
    found = repair(before, validate(before, twin), twin, LIMITS)
    assert [change.dof for change in found.changes] == ["jaw_open"]
    others = [k for k in range(N_DOF) if k != jaw]
    np.testing.assert_array_equal(found.trajectory.commands[:, others], commands[:, others])
    assert all(c.verdict == "pass" for c in check_motion(found.trajectory, twin.servos, MOTION))


def test_what_fails_at_one_moment_leaves_the_others_alone(twin: FaceTwin) -> None:
    lively = np.repeat([POSES[name] for name in ("rest", "oh", "rest", "ee") * 4], 9, axis=0)
    times_s = np.arange(len(lively)) / 30
    alone = Trajectory(times_s, lively)
    reference = repair(alone, validate(alone, twin), twin, LIMITS).trajectory.commands
    violence = np.random.default_rng(1).integers(0, 2, size=(15, N_DOF)).astype(float)
    middle = slice(len(lively) // 2, len(lively) // 2 + len(violence))
    commands = lively.copy()
    commands[middle] = violence
    before = Trajectory(times_s, commands)
    report = validate(before, twin)
    assert {"current", "torque", "tracking"} & {check.name for check in report.failures}
    found = repair(before, report, twin, LIMITS)
    assert found.report.passed
    assert found.rounds > 1  # the nearest motion alone did not pass
    far = np.abs(times_s - times_s[middle].mean()) > 1.0
    np.testing.assert_allclose(found.trajectory.commands[far], reference[far], atol=1e-3)


def test_limits_that_even_rest_breaks_cannot_be_met(
    twin: FaceTwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim2real.validation.repairing.MAX_ROUNDS", 2)
    impossible = LIMITS.model_copy(update={"supply_current": 1e-6})
    before = violent(0, n=6)
    with pytest.raises(RepairError, match="current"):
        repair(before, validate(before, twin, impossible), twin, impossible)
