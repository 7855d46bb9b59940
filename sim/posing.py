"""Where the skin of the condensed tier is, for one face or for many at once."""

from __future__ import annotations

from typing import Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.dof import DOF_NAMES
from sim.servo_table import ServoTable
from sim.skin import BONES, SkinModel, bone_transforms, separate_lips

Floats = NDArray[np.float64]


class PosedState(Protocol):
    """What a skin follows: a `mujoco.MjData`, or a `mujoco.batch.Batch` of shape (n, ...).

    A batch fills `xpos` and `xmat` only while they are bound, and of the end of a step only with
    `stage=mujoco.mjtStage.mjSTAGE_POS`.
    """

    qpos: Floats
    xpos: Floats
    xmat: Floats


class SkinPoser:
    """Blends the bones of a compiled condensed face and adds the residual.

    Args:
        model: the face, in whose reference pose no bone is turned.
        servos: its servo table; only the joint ranges matter.
        skin: the skin.
    """

    def __init__(self, model: mujoco.MjModel, servos: ServoTable, skin: SkinModel) -> None:
        data = mujoco.MjData(model)
        mujoco.mj_kinematics(model, data)
        self._skin = skin
        self._joints = np.array([model.joint(name).qposadr[0] for name in DOF_NAMES])
        self._lower, self._width = servos.joint_lower, servos.joint_width
        self._bodies = np.array([model.body(name).id for name in BONES])
        self._bone_rest = data.xpos[self._bodies].copy()

    def normalised_joints(self, state: PosedState) -> Floats:
        """Joint positions (..., 10), -1 and 1 at the ends of their ranges."""
        return 2.0 * (state.qpos[..., self._joints] - self._lower) / self._width - 1.0

    def control_points(self, state: PosedState) -> Floats:
        """The 320 points that carry skin and landmarks, (..., 320, 3) m."""
        transforms = bone_transforms(state, self._bodies, self._bone_rest)
        residual = self._skin.residual(self.normalised_joints(state))
        return separate_lips(self._skin.blend(transforms) + residual)
