"""Human lips, and the nearest that the robot can come to them, as pictures.

The published VAE is fine-tuned on pairs of a synthesised target picture and the nearest real one
(Hu et al., Science Robotics 11(110), eadx3017, 2026). Here the nearest is not looked up among
babbled pictures but found through the self-model, and then taken from the twin.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from envs.progress import Progress, untracked
from envs.target import LipShape, TargetFace
from policies.babble import SETTLE_S
from policies.learned.imitation import nearest_joints
from policies.learned.self_model import SelfModel
from policies.self_observation.recording import CROP_CAMERA
from policies.training.config import Imitation
from policies.training.spoken import spoken_shapes
from sim import FaceTwin
from sim.render import LIP_CROP_SIZE, FaceRenderer


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pictures (n, 128, 128, 3) uint8 and landmarks (n, 40, 3) float32, mm, of human lips and of
    the robot's nearest; shapes (n, 6) float32 of the former, in the order of
    `envs.target.LipShape`; commands (n, 10) float32 of the latter."""

    shapes: NDArray[np.float32]
    human: NDArray[np.uint8]
    human_mm: NDArray[np.float32]
    robot: NDArray[np.uint8]
    robot_mm: NDArray[np.float32]
    commands: NDArray[np.float32]


def make_pairs(
    body: SelfModel, recipe: Imitation, seed: int, progress: Progress = untracked
) -> Pairs:
    """Draw human lips from speech, and let the robot come near."""
    rng = np.random.default_rng(seed)
    spoken = spoken_shapes(recipe.speech_s, rng)
    chosen = [spoken[k] for k in rng.integers(len(spoken), size=recipe.pairs)]
    human, human_mm = _pictures_of_human(chosen, progress)
    twin = FaceTwin("condensed", ideal_servos=True)
    table = twin.servos
    ends = [torch.from_numpy(table.joint_lower + k * table.joint_width).float() for k in (0.0, 1.0)]
    lower, upper = (body.standardise(end) for end in ends)
    joints = nearest_joints(body, torch.from_numpy(human_mm), lower, upper)
    positions = (joints * body.joint_scale + body.joint_mean).numpy().astype(np.float64)
    commands = np.clip(table.command_from_joint(positions), 0.0, 1.0)
    robot, robot_mm = _pictures_of_robot(twin, commands, progress)
    shapes = np.array([astuple(shape) for shape in chosen], np.float32)
    return Pairs(shapes, human, human_mm, robot, robot_mm, commands.astype(np.float32))


def _pictures_of_human(
    shapes: list[LipShape], progress: Progress
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    face = TargetFace()
    pictures, landmarks = [], []
    with FaceRenderer(face, LIP_CROP_SIZE, LIP_CROP_SIZE, "fast") as renderer:
        for k in progress(range(len(shapes)), len(shapes), "drawing human lips"):
            face.show(shapes[k])
            pictures.append(renderer.render(CROP_CAMERA))
            landmarks.append(face.landmarks() * 1e3)
    return np.array(pictures), np.array(landmarks, np.float32)


def _pictures_of_robot(
    twin: FaceTwin, commands: NDArray[np.float64], progress: Progress
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    pictures, landmarks = [], []
    with FaceRenderer(twin, LIP_CROP_SIZE, LIP_CROP_SIZE, "fast") as renderer:
        for k in progress(range(len(commands)), len(commands), "imitating them"):
            twin.reset()
            twin.step(commands[k], SETTLE_S)
            pictures.append(renderer.render(CROP_CAMERA))
            landmarks.append(twin.landmarks() * 1e3)
    return np.array(pictures), np.array(landmarks, np.float32)
