"""Babbling: random commands, and the lips that the twin makes of them.

Every pose is the face at rest in its physics, reached with ideal servos in the fast tier. Poses
that fold the skin are thrown away. A table costs seconds and is kept in the user's cache folder
under a name made of everything that it depends on.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import zipfile
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.cache import cache_folder
from envs.progress import Progress, untracked
from sim import DOF_NAMES, FaceTwin
from sim.model import FACE_MODEL_DIR
from sim.skin import SHELL_SPOKES, SkinModel

Floats = NDArray[np.float64]

N_POSES: Final = 4000
SEED: Final = 0
REST_CHANCE: Final = 0.4
"""Chance of each degree of freedom to stay at rest: real mouth shapes need a few at a time."""
SETTLE_S: Final = 0.15
"""Time to come to rest with ideal servos: landmarks are then within 0.05 mm of their final place.
"""
FOLD_LIMIT: Final = -0.2
"""The skin is folded where a patch of it that faces forward at rest has turned backward, so that
its frontal area, 1 at rest, is below this. Slight overhangs, as under a lip that is far down,
are natural."""
_FRONT_RING: Final = 3
_FACING: Final = 0.2
_TABLE_VERSION: Final = 1
_MODEL_FILES: Final = ("*.xml", "*.npz", "*.yaml")


@dataclass(frozen=True, eq=False)
class BabbleTable:
    """commands: (n, 10) in [0, 1]. landmarks: (n, 40, 3) m, what the lips do under them."""

    commands: Floats
    landmarks: Floats


def random_commands(rng: np.random.Generator, rest: Floats) -> Floats:
    """Symmetric commands (10,), each at rest by chance or anywhere in [0, 1]."""
    commands = np.where(rng.random(len(rest)) < REST_CHANCE, rest, rng.random(len(rest)))
    for right in (k for k, name in enumerate(DOF_NAMES) if name.startswith("corner_right")):
        commands[right] = commands[DOF_NAMES.index(DOF_NAMES[right].replace("right", "left"))]
    return commands


class FoldCheck:
    """Finds folds in the outer skin."""

    def __init__(self, skin: SkinModel) -> None:
        self._faces = skin.shell_faces
        normals = self._normals(skin.shell_vertices)
        outer = skin.shell_faces.min(axis=1) >= _FRONT_RING * SHELL_SPOKES
        forward = normals[:, 1] > _FACING * np.linalg.norm(normals, axis=1)
        self._faces = skin.shell_faces[outer & forward]
        self._rest = self._normals(skin.shell_vertices)[:, 1]

    def is_folded(self, control_points: Floats) -> bool:
        """Whether the skin is folded; control_points (320, 3) m."""
        return bool((self._normals(control_points)[:, 1] / self._rest).min() < FOLD_LIMIT)

    def _normals(self, points: Floats) -> Floats:
        corners = points[self._faces]
        return np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])


def babble(n_poses: int, seed: int, progress: Progress = untracked) -> BabbleTable:
    """Babble until `n_poses` poses without folds are found; the rest pose is the first."""
    twin = FaceTwin("condensed", ideal_servos=True)
    rng = np.random.default_rng(seed)
    folds = FoldCheck(twin.skin_model)
    commands, landmarks = [twin.rest_commands], [twin.landmarks()]
    for _ in progress(range(1, n_poses), n_poses - 1, "babbling"):
        while True:
            pose = random_commands(rng, twin.rest_commands)
            twin.reset()
            twin.step(pose, SETTLE_S)
            points = twin.control_points()
            if not folds.is_folded(points):
                break
        commands.append(pose)
        landmarks.append(twin.skin_model.landmarks(points))
    return BabbleTable(np.array(commands), np.array(landmarks))


def cached_table(
    n_poses: int = N_POSES, seed: int = SEED, progress: Progress = untracked
) -> BabbleTable:
    """The table of this face model, from the cache if it is there.

    A cache that cannot be written does not matter; a damaged file in it is made again.
    """
    path = cache_folder() / f"babble-{_content_key(n_poses, seed)}.npz"
    with (
        contextlib.suppress(OSError, KeyError, ValueError, zipfile.BadZipFile),
        np.load(path) as archive,
    ):
        return BabbleTable(archive["commands"], archive["landmarks"])
    table = babble(n_poses, seed, progress)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.part.npz")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            np.savez(partial, commands=table.commands, landmarks=table.landmarks)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    return table


def face_model_hash() -> str:
    """16 hexadecimal digits that change with any file that makes the face."""
    digest = hashlib.sha256()
    for path in sorted(p for kind in _MODEL_FILES for p in FACE_MODEL_DIR.glob(kind)):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _content_key(n_poses: int, seed: int) -> str:
    """Hash of the face model's files and of all that the babbling depends on."""
    recipe = (_TABLE_VERSION, n_poses, seed, REST_CHANCE, SETTLE_S, FOLD_LIMIT, face_model_hash())
    return hashlib.sha256(repr(recipe).encode()).hexdigest()[:16]
