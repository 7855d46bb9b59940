"""What is good: the terms of the reward and their weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.tasks.moment import Moment
from envs.tasks.reference import WantedFrame

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

JERK_COMMANDS: Final = 4
"""Commands in a row, the newest last, that a third difference takes."""


@dataclass(frozen=True)
class RewardWeights:
    """How much each term counts; 0 leaves it out. The weights are chosen: a millimetre of lips in
    the wrong place costs as much as a missed p, b or m in one frame.

    Attributes:
        shape: minus the mean distance of the 40 landmarks from the wanted ones, mm.
        closure: 1 where the lips must be closed and are.
        false_closure: -1 where the lips must be apart and touch.
        labiodental: 1 where the lower lip must be on the upper teeth and is.
        smoothness: minus the root mean square, over the ten commands, of their third difference
            from frame to frame; 1.3 for random commands.
        effort: minus the mean square of the servos' torques as shares of the stall torque.

    Raises:
        ValueError: a weight is negative or not finite.
    """

    shape: float = 1.0
    closure: float = 1.0
    false_closure: float = 1.0
    labiodental: float = 0.5
    smoothness: float = 0.5
    effort: float = 0.5

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"weight {field.name} is {value}; give 0 or more")


def landmark_error_mm(moment: Moment, wanted: WantedFrame) -> Floats:
    """Mean distance (...) of the landmarks from the wanted ones, mm."""
    distance = np.linalg.norm(moment.landmarks - wanted.landmarks, axis=-1)
    return np.asarray(distance.mean(axis=-1) * 1e3)


def smoothness(commands: Floats) -> Floats:
    """Minus the root mean square (...) of the third difference of commands (..., 4, 10)."""
    third = np.diff(commands, n=JERK_COMMANDS - 1, axis=-2)[..., 0, :]
    return np.asarray(-np.sqrt(np.mean(np.square(third), axis=-1)))


def effort(moment: Moment, stall_torques: Floats) -> Floats:
    """Minus the mean square (...) of the torques as shares of the stall torques (10,) N.m."""
    return np.asarray(-np.mean(np.square(moment.torques / stall_torques), axis=-1))


def speak_terms(
    moment: Moment,
    wanted: WantedFrame,
    commands: Floats,
    stall_torques: Floats,
    weights: RewardWeights,
) -> dict[str, Floats]:
    """Weighted terms (...) of the reward, by name; their sum is the reward.

    Args:
        moment: the face at the frame that the newest command leads to.
        wanted: what is wanted at that frame.
        commands: the last commands (..., 4, 10), newest last.
        stall_torques: (10,) N.m.
        weights: of the terms.
    """
    touching = moment.lips_touching
    return {
        "shape": -weights.shape * landmark_error_mm(moment, wanted),
        "closure": _each(weights.closure, wanted.closed & touching),
        "false_closure": _each(-weights.false_closure, wanted.apart & touching),
        "labiodental": _each(weights.labiodental, wanted.on_teeth & moment.lower_lip_on_teeth),
        "smoothness": weights.smoothness * smoothness(commands),
        "effort": weights.effort * effort(moment, stall_torques),
    }


def _each(weight: float, happens: Flags) -> Floats:
    return np.where(happens, weight, 0.0)


def total(terms: Mapping[str, Floats]) -> Floats:
    """The reward (...)."""
    return np.asarray(sum(terms.values()))
