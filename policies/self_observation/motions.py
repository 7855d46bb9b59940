"""Random motions of ten servos: from pose to pose, at every pace that speech has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech.frames import frame_times
from policies.babble import random_commands
from sim.dof import N_DOF

Floats = NDArray[np.float64]

MOVE_S: Final = (0.06, 0.50)
"""Time from one pose to the next, seconds: from the quickest lip movements of speech (Gracco 1994)
to slow ones, uniform."""
HOLD_CHANCE: Final = 0.3
HOLD_S: Final = 0.15
"""Some poses are held, for up to so long."""
ASYMMETRIC_CHANCE: Final = 0.2
"""Some poses move left and right on their own."""
REACH: Final = (0.3, 1.0)
"""Share of the way from rest to the random pose, drawn once per motion: whole ranges and small
talk."""
SMOOTH_CHANCE: Final = 0.6
"""Motions that start and stop gently (a cubic ease); the others run at constant speed and turn
sharply."""
TREMOR_CHANCE: Final = 0.5
TREMOR: Final = 0.03
"""Half of the motions have white noise on the commands, of up to this deviation, so that the
effect of each single command can be told apart."""
_TRIES: Final = 50


def random_pose(rng: np.random.Generator, rest: Floats, reach: float) -> Floats:
    """Commands (10,) of one pose."""
    pose = random_commands(rng, rest)
    if rng.random() < ASYMMETRIC_CHANCE:
        pose = np.where(rng.random(N_DOF) < 0.5, rest, rng.random(N_DOF))
    return rest + reach * (pose - rest)


def random_motion(
    rng: np.random.Generator,
    rest: Floats,
    n_frames: int,
    fps: float,
    is_allowed: Callable[[Floats], bool],
) -> Floats:
    """Commands (n_frames, 10) in [0, 1] of a motion that starts at rest.

    Args:
        rng: where all chance comes from.
        rest: commands (10,) at rest.
        n_frames: its length.
        fps: commands per second.
        is_allowed: whether a pose (10,) may be taken; one that folds the skin may not.
    """
    reach = rng.uniform(*REACH)
    times, poses = [0.0], [rest]
    while times[-1] < n_frames / fps:
        pose = _allowed_pose(rng, rest, reach, is_allowed)
        times.append(times[-1] + rng.uniform(*MOVE_S))
        poses.append(pose)
        if rng.random() < HOLD_CHANCE:
            times.append(times[-1] + rng.uniform(0.0, HOLD_S) + 1e-6)
            poses.append(pose)
    commands = _between(np.array(times), np.array(poses), frame_times(n_frames, fps), rng)
    if rng.random() < TREMOR_CHANCE:
        commands += rng.uniform(0.0, TREMOR) * rng.standard_normal(commands.shape)
    return np.clip(commands, 0.0, 1.0)


def _allowed_pose(
    rng: np.random.Generator, rest: Floats, reach: float, is_allowed: Callable[[Floats], bool]
) -> Floats:
    for _ in range(_TRIES):
        pose = random_pose(rng, rest, reach)
        if is_allowed(pose):
            return pose
    return rest


def _between(times: Floats, poses: Floats, at: Floats, rng: np.random.Generator) -> Floats:
    """The poses (k, 10) at `times` (k,), interpolated at the moments `at` (n,)."""
    last = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    way = ((at - times[last]) / (times[last + 1] - times[last]))[:, None]
    if rng.random() < SMOOTH_CHANCE:
        way = way * way * (3.0 - 2.0 * way)
    return poses[last] + way * (poses[last + 1] - poses[last])
