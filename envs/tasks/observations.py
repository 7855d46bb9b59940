"""What a policy may observe, as numbers near 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.tasks.moment import Moment
from envs.tasks.reference import BOUND, WINDOWS, scaled_landmarks
from sim import N_DOF, ServoTable
from sim.landmarks import N_LANDMARKS
from sim.render import LIP_CROP_SIZE

Floats = NDArray[np.float64]
Observation = dict[str, NDArray[np.generic]]

FACE_OBSERVATIONS: Final = ("landmarks", "proprioception", "previous_commands", "lip_image")
"""What may be observed of the face itself."""
SPEAK_OBSERVATIONS: Final = (*WINDOWS, *FACE_OBSERVATIONS)
PREVIOUS_COMMANDS: Final = 2
"""Commands that are remembered, as in the policy of Hu et al. (Science Robotics 11(110), eadx3017,
2026)."""

_SIZES: Final = {
    "landmarks": 3 * N_LANDMARKS,
    "proprioception": 3 * N_DOF,
    "previous_commands": PREVIOUS_COMMANDS * N_DOF,
}


def check_names(names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The names of observations, each once, in the order of `known`.

    Raises:
        ValueError: none, or one that is not known.
    """
    for name in names:
        if name not in known:
            raise ValueError(f"unknown observation {name!r}; use some of {', '.join(known)}")
    if not names:
        raise ValueError(f"nothing is observed; use some of {', '.join(known)}")
    return tuple(name for name in known if name in set(names))


class FaceObserver:
    """Turns a face into observations.

    Args:
        names: which of `FACE_OBSERVATIONS`; others are left to the task.
        servos: the servo table, whose nominal values are the scales.
        rest_landmarks: (40, 3) m, from which landmarks are counted.
    """

    def __init__(self, names: Sequence[str], servos: ServoTable, rest_landmarks: Floats) -> None:
        self._names = names
        self._rest_landmarks = rest_landmarks
        self._middle = servos.joint_lower + 0.5 * servos.joint_width
        self._half_width = 0.5 * servos.joint_width
        no_load = np.array([servo.no_load_speed for servo in servos.types])
        self._top_speed = no_load / np.abs(servos.gear)
        self._stall_current = np.array([servo.stall_current for servo in servos.types])

    def space(self, windows: Mapping[str, int]) -> spaces.Space[Any]:
        """The space of observations with windows of these lengths beside those of the face."""
        found: dict[str, spaces.Space[NDArray[np.generic]]] = {}
        for name in self._names:
            if name == "lip_image":
                shape = (LIP_CROP_SIZE, LIP_CROP_SIZE, 3)
                found[name] = spaces.Box(0, 255, shape, np.uint8)
            elif name == "previous_commands":
                found[name] = spaces.Box(0.0, 1.0, (_SIZES[name],), np.float32)
            else:
                size = windows[name] if name in windows else _SIZES[name]
                found[name] = spaces.Box(-BOUND, BOUND, (size,), np.float32)
        return spaces.Dict(found)

    def observe(self, moment: Moment, commands: Floats) -> Observation:
        """All but the picture, (..., size) each.

        Args:
            moment: the face, or n faces.
            commands: the latest commands (..., k, 10), newest last, k at least
                `PREVIOUS_COMMANDS`.
        """
        seen: Observation = {}
        if "landmarks" in self._names:
            seen["landmarks"] = _bounded(scaled_landmarks(moment.landmarks, self._rest_landmarks))
        if "proprioception" in self._names:
            felt = (
                (moment.joints - self._middle) / self._half_width,
                moment.velocities / self._top_speed,
                moment.currents / self._stall_current,
            )
            seen["proprioception"] = _bounded(np.concatenate(felt, axis=-1))
        if "previous_commands" in self._names:
            latest = commands[..., -PREVIOUS_COMMANDS:, :].astype(np.float32)
            seen["previous_commands"] = latest.reshape(*latest.shape[:-2], -1)
        return seen


def _bounded(values: Floats) -> NDArray[np.float32]:
    return np.clip(values, -BOUND, BOUND).astype(np.float32)
