"""The nearest trajectory that passes.

Limits of range, speed, acceleration and jerk are linear in the rows of a trajectory, so the nearest
one that keeps them is a small quadratic program per servo (`projection.py`). Torque, heat, current
and the like are known from simulation only: where they fail, the motion of the servos
concerned is slowed, or drawn towards rest, a little at a time until they pass; where the skin is
stretched or pressed too far, all are drawn towards rest. Both around those moments alone, but for
heat, which the whole trajectory makes. Times of rows never change, so the lips stay with the sound.

Closures are what viewers notice first. Rows just before a moment at which the lips were closed
weigh more than others, and more still if the closure is lost nonetheless.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.dof import DOF_NAMES
from sim.servo_table import ServoTable
from sim.twin import FaceTwin
from sim2real.trajectory import DECIMALS, Trajectory
from sim2real.validation.limits import Limits, motion_limits
from sim2real.validation.motion import derivatives_of_each
from sim2real.validation.playback import Playback, Progress, untracked
from sim2real.validation.projection import RepairError, project
from sim2real.validation.report import Report, Trace
from sim2real.validation.validating import validate

Floats = NDArray[np.float64]

MARGIN: Final = 0.999
"""Limits that the repair aims at, as a share of those of the check: room for rounding."""

MAX_ROUNDS: Final = 40
CLOSURE_ROUNDS: Final = 4
"""Further attempts to bring back lost closures, once a trajectory passes."""

CLOSURE_WEIGHT: Final = 10.0
"""Weight of the rows that close the lips; others have 1."""
CLOSURE_WEIGHT_GROWTH: Final = 10.0
CLOSURE_LEAD_S: Final = (0.12, 0.02)
"""Rows from so long before a closure to so long before it make it: the delay of the servos (48 ms
with the shipped table) and the time that they take to close the lips."""

SKIN_LEAD_S: Final = (0.2, -0.1)
"""Rows from so long before a moment of too much strain to so long after it are drawn to rest."""
SLOW_LEAD_S: Final = (0.15, -0.05)
"""Rows from so long before a moment of too much torque, current or error to so long after it are
slowed: the delay of the servos and as long again, and what turns back at once."""

_SLOWER: Final = (0.7, 0.9)
"""Least and greatest factor by which limits of motion are lowered in one round."""
_OF_THE_SKIN: Final = ("skin strain", "lip overlap")
"""Checks that slower servos do not help."""
_OF_THE_WHOLE: Final = ("temperature",)
"""Checks that fail by all of the trajectory, wherever the worst moment is."""
_TOWARDS_REST: Final = 0.9
_SLOW_ENOUGH: Final = 0.3
"""Below this share of its limits of motion a servo is also drawn towards rest."""


@dataclass(frozen=True)
class Change:
    """What the repair did to one degree of freedom, in commands."""

    dof: str
    largest: float
    mean: float
    time_s: float
    """Moment of the largest change."""


@dataclass(frozen=True)
class Closures:
    """Closures of the lips in the original, and how many of them are closures still."""

    total: int
    kept: int
    lost_at_s: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Repair:
    """A trajectory that passes, and what was done to get it.

    Attributes:
        trajectory: the repaired one; the original itself where that passed.
        report: its verdicts.
        changes: one entry per degree of freedom that changed.
        closures: what became of the original's closures.
        rounds: simulations that it took.
    """

    trajectory: Trajectory
    report: Report
    changes: tuple[Change, ...]
    closures: Closures
    rounds: int


@dataclass
class _Plan:
    """What the next attempt aims at.

    Attributes:
        speed: (n, 10) share of the limits of motion that each servo may use, by row.
        reach: (n, 10) share of its departures from rest that each servo keeps, by row.
        weights: (n,) of the rows.
    """

    speed: Floats
    reach: Floats
    weights: Floats


def repair(
    trajectory: Trajectory,
    report: Report,
    twin: FaceTwin,
    limits: Limits,
    progress: Progress = untracked,
) -> Repair:
    """Find the nearest trajectory that passes.

    Args:
        trajectory: The one to repair.
        report: Its verdicts, from `validate`.
        twin: The face that it is simulated on.
        limits: What the face as a whole may be asked for.
        progress: Told how each simulation goes.

    Raises:
        RepairError: none was found.
        FloatingPointError: the simulation diverged.
    """
    original = report.playback
    if report.passed:
        return Repair(trajectory, report, (), closures_kept(original, original), 0)
    closed_s = original.look_times_s[original.closed]
    closing = _leads_to(trajectory.times_s, closed_s, CLOSURE_LEAD_S)
    plan = _Plan(
        speed=np.ones_like(trajectory.commands),
        reach=np.ones_like(trajectory.commands),
        weights=np.where(closing, CLOSURE_WEIGHT, 1.0),
    )
    best: Repair | None = None
    attempts_left = CLOSURE_ROUNDS
    for rounds in range(1, MAX_ROUNDS + 1):
        attempt = _attempt(trajectory, twin.servos, plan)
        found = validate(attempt, twin, limits, progress)
        if not found.passed:
            _lower(plan, trajectory.times_s, found)
            continue
        kept = closures_kept(original, found.playback)
        if best is None or kept.kept > best.closures.kept:
            changes = _changes(trajectory, attempt)
            best = Repair(attempt, found, changes, kept, rounds)
        if kept.kept == kept.total or attempts_left == 0:
            break
        attempts_left -= 1
        lost = _leads_to(trajectory.times_s, np.array(kept.lost_at_s), CLOSURE_LEAD_S)
        plan.weights[lost] *= CLOSURE_WEIGHT_GROWTH
    if best is None:
        failing = ", ".join(check.name for check in found.failures)
        raise RepairError(
            f"no passing trajectory was found in {MAX_ROUNDS} rounds ({failing} still fail); "
            "start from a calmer one"
        )
    return best


def closures_kept(before: Playback, after: Playback) -> Closures:
    """How many closures of one playback are closures of another at the same times.

    A closure is a run of looks at which the lips touch; it is kept if they touch at some moment of
    it.
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], before.closed, [0]])))
    runs = list(zip(edges[::2], edges[1::2], strict=True))
    lost = [
        float(before.look_times_s[(start + end - 1) // 2])
        for start, end in runs
        if not after.closed[start:end].any()
    ]
    return Closures(len(runs), len(runs) - len(lost), tuple(lost))


def _attempt(trajectory: Trajectory, table: ServoTable, plan: _Plan) -> Trajectory:
    """The nearest trajectory to the plan's that keeps the plan's limits of motion."""
    motion = motion_limits(table)
    travel = np.abs(table.gear * table.joint_width)
    rest = table.rest_commands
    wanted = rest + plan.reach * (trajectory.commands - rest)
    columns = []
    for dof, kinds in enumerate(derivatives_of_each(trajectory.times_s, motion.window_s)):
        share = MARGIN * plan.speed[:, dof] / travel[dof]
        speed, acceleration, jerk = (
            limit[dof] * np.interp(kind.times_s, trajectory.times_s, share)
            for kind, limit in (
                (kinds.speed, motion.speed),
                (kinds.acceleration, motion.acceleration),
                (kinds.jerk, motion.jerk),
            )
        )
        columns.append(project(wanted[:, dof], plan.weights, kinds, (speed, acceleration, jerk)))
    commands = np.column_stack(columns)
    untouched = np.all(commands == trajectory.commands, axis=0)
    rounded = np.where(untouched, commands, np.round(commands, DECIMALS))
    return replace(trajectory, commands=rounded)


def _lower(plan: _Plan, times_s: Floats, found: Report) -> None:
    """Ask for less where checks fail."""
    for check in found.failures:
        if check.trace is None:
            continue
        if check.name in _OF_THE_SKIN:
            plan.reach[_worst_near(check.trace, times_s, SKIN_LEAD_S)[:, 0] > 1.0] *= _TOWARDS_REST
            continue
        lead_s = (math.inf, -math.inf) if check.name in _OF_THE_WHOLE else SLOW_LEAD_S
        asked = np.maximum(_worst_near(check.trace, times_s, lead_s), 1.0)
        plan.speed *= np.where(asked > 1.0, np.clip(1.0 / asked, *_SLOWER), 1.0)
    plan.reach[plan.speed < _SLOW_ENOUGH] *= _TOWARDS_REST


def _worst_near(trace: Trace, times_s: Floats, lead_s: tuple[float, float]) -> Floats:
    """The largest shares (n, 10) or (n, 1) at the moments that rows (n,) lead to by no more and no
    less than these times; 0 where there are none."""
    spans = zip(*_led_to(times_s, trace.times_s, lead_s), strict=True)
    return np.array([trace.shares[start:end].max(axis=0, initial=0.0) for start, end in spans])


def _leads_to(times_s: Floats, moments_s: Floats, lead_s: tuple[float, float]) -> NDArray[np.bool_]:
    """Which rows (n,) come before one of the moments, by no more and no less than these times."""
    first, end = _led_to(times_s, moments_s, lead_s)
    return end > first


def _led_to(
    times_s: Floats, moments_s: Floats, lead_s: tuple[float, float]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The moments that rows (n,) lead to in that time: the first of each row, and the end."""
    longest, shortest = lead_s
    first = np.searchsorted(moments_s, times_s + shortest)
    return first, np.searchsorted(moments_s, times_s + longest, side="right")


def _changes(before: Trajectory, after: Trajectory) -> tuple[Change, ...]:
    difference = np.abs(after.commands - before.commands)
    return tuple(
        Change(
            name,
            float(column.max()),
            float(column.mean()),
            float(before.times_s[int(column.argmax())]),
        )
        for name, column in zip(DOF_NAMES, difference.T, strict=True)
        if column.any()
    )
