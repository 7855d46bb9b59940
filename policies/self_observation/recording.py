"""One shard of self-observation: a motion, and what the robot felt and saw of it.

A shard is a pure function of (recipe, seed, index): it does not matter who records it, when, or
after what.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from policies.babble import SETTLE_S, FoldCheck
from policies.self_observation.motions import random_motion
from sim import FaceTwin
from sim.render import LIP_CROP_SIZE, FaceRenderer

CROP_CAMERA: Final = "lip_crop"


@dataclass(frozen=True)
class Recipe:
    """How a shard is recorded.

    Attributes:
        fps: commands per second.
        n_frames: length of a shard.
        crop_every: of so many frames, one is also seen as a lip crop.
    """

    fps: float = 30.0
    n_frames: int = 300
    crop_every: int = 6

    def describe(self) -> dict[str, float]:
        """As plain data."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Observation:
    """What one motion looked like, frame by frame; frame k is the end of command k's period.

    Attributes:
        commands: (n, 10) float32 in [0, 1].
        joints: (n, 10) float32, rad or m, what the servos' encoders say.
        landmarks_mm: (n, 40, 3) float32, in the face frame.
        folded: (n,) bool, where the skin was folded.
        crop_frames: (m,) int32, frames that were seen.
        crops: (m, 128, 128, 3) uint8, what was seen.
    """

    commands: NDArray[np.float32]
    joints: NDArray[np.float32]
    landmarks_mm: NDArray[np.float32]
    folded: NDArray[np.bool_]
    crop_frames: NDArray[np.int32]
    crops: NDArray[np.uint8]


class Recorder:
    """Records shards one after the other, on one twin; the order does not matter."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe
        self._twin = FaceTwin("condensed")
        self._poser = FaceTwin("condensed", ideal_servos=True)
        self._folds = FoldCheck(self._twin.skin_model)
        self._renderer = FaceRenderer(self._twin, LIP_CROP_SIZE, LIP_CROP_SIZE, "fast")

    def shard(self, seed: int, index: int) -> Observation:
        """Shard `index` of the recording with `seed`."""
        recipe = self._recipe
        rng = np.random.default_rng([seed, index])
        rest = self._twin.rest_commands
        commands = random_motion(rng, rest, recipe.n_frames, recipe.fps, self._is_allowed)
        return self.perform(commands)

    def perform(self, commands: NDArray[np.float64]) -> Observation:
        """Carry commands (n, 10) out from rest, and watch."""
        twin = self._twin
        twin.reset()
        joints, landmarks, folded, seen, crops = [], [], [], [], []
        for frame, command in enumerate(commands):
            twin.step(command, 1.0 / self._recipe.fps)
            points = twin.control_points()
            joints.append(twin.joint_positions())
            landmarks.append(twin.skin_model.landmarks(points))
            folded.append(self._folds.is_folded(points))
            if frame % self._recipe.crop_every == 0 and not folded[-1]:
                seen.append(frame)
                crops.append(self._renderer.render(CROP_CAMERA))
        side = LIP_CROP_SIZE
        return Observation(
            commands=np.asarray(commands, np.float32),
            joints=np.array(joints, np.float32),
            landmarks_mm=np.array(landmarks, np.float32) * 1e3,
            folded=np.array(folded),
            crop_frames=np.array(seen, np.int32),
            crops=np.array(crops, np.uint8).reshape(-1, side, side, 3),
        )

    def close(self) -> None:
        """Free the drawing context."""
        self._renderer.close()

    def _is_allowed(self, pose: NDArray[np.float64]) -> bool:
        self._poser.reset()
        self._poser.step(pose, SETTLE_S)
        return not self._folds.is_folded(self._poser.control_points())


def record_shard(recipe: Recipe, seed: int, index: int) -> Observation:
    """Record one shard on a twin of its own."""
    recorder = Recorder(recipe)
    try:
        return recorder.shard(seed, index)
    finally:
        recorder.close()
