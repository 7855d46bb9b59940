"""Named mouth shapes, as held poses. For looking and for tests: no policy uses them."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.dof import DOF_NAMES, N_DOF
from sim.servo_table import load_servo_table

Floats = NDArray[np.float64]

_MM: Final = 1e-3

# Joint positions (rad, m) that differ from rest; `corner_raise` and `corner_stretch` set both
# corners.
_JOINTS: Final[Mapping[str, Mapping[str, float]]] = {
    "rest": {},
    "aa": {"jaw_open": 0.25, "lower_lip_depress": 2.5 * _MM, "upper_lip_raise": 2.0 * _MM},
    "ee": {
        "jaw_open": 0.05,
        "upper_lip_raise": 2.5 * _MM,
        "lower_lip_depress": 2.5 * _MM,
        "corner_raise": 2.0 * _MM,
        "corner_stretch": 7.5 * _MM,
    },
    "eh": {
        "jaw_open": 0.13,
        "upper_lip_raise": 1.5 * _MM,
        "lower_lip_depress": 2.5 * _MM,
        "corner_stretch": 4.0 * _MM,
    },
    "oh": {
        "jaw_open": 0.14,
        "jaw_forward": 2.0 * _MM,
        "upper_lip_curl": 0.25,
        "lower_lip_curl": 0.25,
        "corner_stretch": -5.5 * _MM,
    },
    "oo": {
        "jaw_open": 0.04,
        "jaw_forward": 3.0 * _MM,
        "upper_lip_raise": -3.0 * _MM,
        "upper_lip_curl": 0.32,
        "lower_lip_depress": -3.5 * _MM,
        "lower_lip_curl": 0.32,
        "corner_stretch": -8.5 * _MM,
    },
    "mm": {
        "upper_lip_raise": -0.8 * _MM,
        "lower_lip_depress": -0.8 * _MM,
        "corner_stretch": 1.0 * _MM,
    },
    "ff": {
        "jaw_forward": -2.0 * _MM,
        "upper_lip_raise": 3.0 * _MM,
        "lower_lip_depress": -5.0 * _MM,
        "lower_lip_curl": -0.45,
        "corner_stretch": 2.0 * _MM,
    },
    "sh": {
        "jaw_open": 0.03,
        "jaw_forward": 2.0 * _MM,
        "upper_lip_raise": 2.0 * _MM,
        "upper_lip_curl": 0.45,
        "lower_lip_depress": 2.0 * _MM,
        "lower_lip_curl": 0.40,
        "corner_stretch": -5.0 * _MM,
    },
    "smile": {"corner_raise": 6.0 * _MM, "corner_stretch": 7.0 * _MM},
    "grin": {
        "upper_lip_raise": 4.0 * _MM,
        "lower_lip_depress": 3.0 * _MM,
        "corner_raise": 5.0 * _MM,
        "corner_stretch": 8.5 * _MM,
    },
    "frown": {"corner_raise": -5.5 * _MM, "corner_stretch": 1.0 * _MM},
}


def _commands(joints: Mapping[str, float]) -> Floats:
    positions = np.zeros(N_DOF)
    for name, value in joints.items():
        both = [name.replace("corner", f"corner_{side}") for side in ("left", "right")]
        for dof in [name] if name in DOF_NAMES else both:
            positions[DOF_NAMES.index(dof)] = value
    return load_servo_table().command_from_joint(positions)


POSES: Final[Mapping[str, Floats]] = {name: _commands(pose) for name, pose in _JOINTS.items()}
"""Commands (10,) in [0, 1] of each named mouth shape."""
