"""The ten degrees of freedom of the face, in the order that every (10,) array of LipTwin uses."""

from typing import Final

DOF_NAMES: Final[tuple[str, ...]] = (
    "jaw_open",
    "jaw_forward",
    "upper_lip_raise",
    "upper_lip_curl",
    "lower_lip_depress",
    "lower_lip_curl",
    "corner_left_raise",
    "corner_left_stretch",
    "corner_right_raise",
    "corner_right_stretch",
)
"""Names of the degrees of freedom; each is also the name of its joint and of its actuator."""

N_DOF: Final[int] = len(DOF_NAMES)
"""Number of degrees of freedom."""
