"""What is known of a face at one command frame, for one face or for many at once."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco.batch
import numpy as np
from numpy.typing import NDArray

from sim import DOF_NAMES, FaceTwin
from sim.measurements import TOUCH_TOLERANCE_MM
from sim.posing import SkinPoser
from sim.servos import ServoBank
from sim.skin import SkinModel
from sim.teeth import TEETH_TOLERANCE_M, distance_to_upper_teeth

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Moment:
    """One face, or n faces with n in front of every shape.

    Attributes:
        landmarks: (40, 3) m.
        lips_touching: (), whether the lips are closed along the whole lip line.
        lower_lip_on_teeth: (), whether the lower lip is on the upper teeth.
        joints: joint positions (10,), rad or m.
        velocities: joint velocities (10,), rad/s or m/s.
        currents: winding currents (10,), A.
        torques: shaft torques (10,), N.m.
    """

    landmarks: Floats
    lips_touching: Flags
    lower_lip_on_teeth: Flags
    joints: Floats
    velocities: Floats
    currents: Floats
    torques: Floats


def moment_of_twin(twin: FaceTwin) -> Moment:
    """One face now."""
    return _moment(
        twin.skin_model,
        twin.control_points(),
        twin.joint_positions(),
        twin.joint_velocities(),
        twin.servo_currents(),
        twin.servo_torques(),
    )


class BatchReader:
    """Reads the faces of a batch.

    The batch must be stepped with `stage=mujoco.mjtStage.mjSTAGE_POS`.

    Args:
        twin: a face of the model that the batch runs.
        batch: the batch; the fields that are read are bound here.
        bank: its servos.
    """

    def __init__(self, twin: FaceTwin, batch: mujoco.batch.Batch, bank: ServoBank) -> None:
        self._skin, self._batch, self._bank = twin.skin_model, batch, bank
        self._poser = SkinPoser(twin.model, twin.servos, twin.skin_model)
        joints = [twin.model.joint(name) for name in DOF_NAMES]
        self._joints = np.array([joint.qposadr[0] for joint in joints])
        self._speeds = np.array([joint.dofadr[0] for joint in joints])
        for name in ("xpos", "xmat", "actuator_force", "actuator_length", "actuator_velocity"):
            batch.bind(name)

    def read(self) -> Moment:
        """All faces now."""
        return _moment(
            self._skin,
            self._poser.control_points(self._batch),
            self._batch.qpos[:, self._joints],
            self._batch.qvel[:, self._speeds],
            self._bank.currents(self._batch),
            self._bank.torques(self._batch).copy(),
        )


def _moment(
    skin: SkinModel,
    points: Floats,
    joints: Floats,
    velocities: Floats,
    currents: Floats,
    torques: Floats,
) -> Moment:
    strips = skin.lip_strips(points)
    lip = skin.lower_lip_points(points)
    to_teeth = distance_to_upper_teeth(lip.reshape(-1, 3)).reshape(lip.shape[:-1])
    return Moment(
        landmarks=skin.landmarks(points, strips),
        lips_touching=np.asarray(skin.lip_gaps(strips).max(axis=-1) * 1e3 <= TOUCH_TOLERANCE_MM),
        lower_lip_on_teeth=np.asarray(to_teeth.min(axis=-1) <= TEETH_TOLERANCE_M),
        joints=joints,
        velocities=velocities,
        currents=currents,
        torques=torques,
    )
