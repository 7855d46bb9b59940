"""The skin as points: blended bones, residual, shell, visual surface, landmarks.

Both tiers move the same 320 control points (the vertices of the shell). The fidelity tier reads
them from the physics; the fast tier computes them from the poses of six bodies and the joint
positions. Visual surface and landmarks follow the control points by fixed interpolation weights,
so nothing downstream knows which tier it looks at.

Where a shape is given as (..., 320, 3), one face is (320, 3) and many faces are (n, 320, 3).
"""

import io
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

import mujoco
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from sim.dof import DOF_NAMES

Floats = NDArray[np.float64]

BONES: Final = ("world", "jaw", "upper_lip", "lower_lip", "corner_right", "corner_left")
"""Bodies that carry the skin of the fast tier."""
SKIN_FILE: Final = "skin.npz"
SHELL_RINGS: Final = 10
SHELL_SPOKES: Final = 32
"""The control points form closed rings around the mouth, from its inside outward, with as many
points each, counted from the right corner over the upper lip."""

LIP_CONTACT_RADIUS_M: Final = 0.2e-3
"""Distance from the mid-surface at which the shell's lips meet (flex radius)."""
_FACING_M: Final = (2.5e-3, 4.5e-3)
_SHARE: Final = np.array([0.6, 1.0, 1.0, 1.0, 0.8, 0.4, 0.1, 0.0, 0.0, 0.0])


@dataclass(frozen=True)
class SkinModel:
    """The generated skin (`assets/face_model/skin.npz`); lengths in m.

    shell_vertices (320, 3), shell_faces (m, 3): control points at rest and their triangles.
    bone_weights (320, 6): share of each bone in each control point.
    modes (k, 320, 3), coefficients (features, k), powers (features, 10), centres (c, 10),
    kernel_weights (c, k), kernel_length: the residual; its mode amplitudes are a polynomial of the
    joint positions normalised to [-1, 1] plus Gaussian kernels around centres.
    visual_vertices (n, 3), visual_faces (f, 3), visual_weights (n, 320) sparse.
    contour_vertices (4, 22, 3), contour_weights (4, 22, 320): the landmarks fixed on the skin (the
    outer contour and the inner corners 78 and 308) and three points around each, a step forward
    and back along theta and a step along r, that give its tangents.
    strip_vertices (2, 9, k, 3), strip_weights (2, 9, k, 320): strips across the upper and lower
    lip, among whose points the lip line is sought.
    lower_lip: indices of the control points on the middle of the lower lip.
    thickness: how far the visible surface lies outside the mid-surface.
    """

    shell_vertices: Floats
    shell_faces: NDArray[np.int64]
    bone_weights: Floats
    modes: Floats
    coefficients: Floats
    powers: NDArray[np.int64]
    centres: Floats
    kernel_weights: Floats
    kernel_length: float
    visual_vertices: Floats
    visual_faces: NDArray[np.int64]
    visual_weights: csr_matrix
    contour_vertices: Floats
    contour_weights: Floats
    strip_vertices: Floats
    strip_weights: Floats
    lower_lip: NDArray[np.int64]
    thickness: float

    def to_bytes(self) -> bytes:
        """As an .npz archive; the same model gives the same bytes."""
        arrays: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, csr_matrix):
                # The last digit of single precision is another on another processor.
                arrays[f"{field.name}_data"] = value.data.round(7).astype(np.float32)
                arrays[f"{field.name}_indices"] = value.indices.astype(np.int32)
                arrays[f"{field.name}_indptr"] = value.indptr.astype(np.int32)
            else:
                array = np.asarray(value)
                kind = np.float32 if array.dtype.kind == "f" else np.int32
                arrays[field.name] = array.astype(kind)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def load(cls, path: Path) -> "SkinModel":
        """Read what `to_bytes` wrote."""
        with np.load(path) as archive:
            values: dict[str, object] = {}
            for field in fields(cls):
                if field.name == "visual_weights":
                    values[field.name] = csr_matrix(
                        tuple(
                            archive[f"{field.name}_{part}"]
                            for part in ("data", "indices", "indptr")
                        ),
                        shape=(len(archive["visual_vertices"]), len(archive["shell_vertices"])),
                        dtype=float,
                    )
                elif field.name in {"thickness", "kernel_length"}:
                    values[field.name] = float(archive[field.name])
                else:
                    array = archive[field.name]
                    wide = np.float64 if array.dtype.kind == "f" else np.int64
                    values[field.name] = array.astype(wide)
        return cls(**values)  # type: ignore[arg-type]

    @cached_property
    def _flat_modes(self) -> Floats:
        return self.modes.reshape(len(self.modes), -1)

    @cached_property
    def _contour_matrix(self) -> csr_matrix:
        return csr_matrix(self.contour_weights.reshape(-1, self.contour_weights.shape[-1]))

    @cached_property
    def _strip_matrix(self) -> csr_matrix:
        return csr_matrix(self.strip_weights.reshape(-1, self.strip_weights.shape[-1]))

    @cached_property
    def _centres_squared(self) -> Floats:
        return (self.centres * self.centres).sum(axis=1)

    def residual(self, normalised_joints: Floats) -> Floats:
        """Residual displacement (..., 320, 3) m at joint positions (..., 10) normalised to
        [-1, 1]."""
        features = np.prod(normalised_joints[..., None, :] ** self.powers, axis=-1)
        rows = normalised_joints.reshape(-1, normalised_joints.shape[-1])
        nearness = gaussian_kernel(rows, self.centres, self.kernel_length, self._centres_squared)
        amplitudes = features.reshape(len(rows), -1) @ self.coefficients
        amplitudes += nearness @ self.kernel_weights
        return np.asarray(
            (amplitudes @ self._flat_modes).reshape(*normalised_joints.shape[:-1], -1, 3)
        )

    @cached_property
    def _bone_points(self) -> Floats:
        """(6 * 4, ) layout of weights times homogeneous rest positions: (320, 24)."""
        homogeneous = np.concatenate(
            [self.shell_vertices, np.ones((len(self.shell_vertices), 1))], axis=1
        )
        return (self.bone_weights[:, :, None] * homogeneous[:, None, :]).reshape(
            len(self.shell_vertices), -1
        )

    def blend(self, transforms: Floats) -> Floats:
        """Control points (..., 320, 3) blended from bone transforms (..., 6, 4, 3): rows 0-2 the
        transposed rotation, row 3 the translation, rest pose to now."""
        return self._bone_points @ transforms.reshape(*transforms.shape[:-3], -1, 3)

    def surface(self, control_points: Floats) -> Floats:
        """Visual vertices (n, 3), mid-surface, of one face."""
        return self.visual_vertices + self.visual_weights @ (control_points - self.shell_vertices)

    def lip_strips(self, control_points: Floats) -> Floats:
        """Points across the lips (..., 2, 9, k, 3) m on the mid-surface: upper, lower; right to
        left."""
        return self._moved(self.strip_vertices, self._strip_matrix, control_points)

    def landmarks(self, control_points: Floats, strips: Floats | None = None) -> Floats:
        """Landmarks (..., 40, 3) on the visible surface, order `sim.landmarks.LIP_LANDMARKS`.

        The inner contour is the lip line seen from the front: the lowest point of the upper lip
        and the highest of the lower on each strip. It wanders over the skin as the lips roll.
        strips: `lip_strips` of the same control points, if at hand.
        """
        contour = self._moved(self.contour_vertices, self._contour_matrix, control_points)
        middle, ahead, behind, outside = (contour[..., k, :, :] for k in range(4))
        normal = np.cross(outside - middle, ahead - behind)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        fixed = middle + self.thickness * normal

        strips = self.lip_strips(control_points) if strips is None else strips
        upper_strips, lower_strips = strips[..., 0, :, :, :], strips[..., 1, :, :, :]
        upper = _chosen(upper_strips, upper_strips[..., 2].argmin(axis=-1))
        lower = _chosen(lower_strips, lower_strips[..., 2].argmax(axis=-1))
        upper[..., 2] -= self.thickness
        lower[..., 2] += self.thickness
        right_corner, left_corner = fixed[..., -2:-1, :], fixed[..., -1:, :]
        return np.concatenate(
            [fixed[..., :-2, :], right_corner, upper, left_corner, lower[..., ::-1, :]], axis=-2
        )

    def lip_gaps(self, strips: Floats) -> Floats:
        """Distance (..., 9) m between the visible surfaces of the lips, right to left, 0 if closed;
        strips: (..., 2, 9, k, 3)."""
        upper, lower = strips[..., 0, :, :, :], strips[..., 1, :, :, :]
        squared = (
            (upper * upper).sum(axis=-1)[..., :, None]
            + (lower * lower).sum(axis=-1)[..., None, :]
            - 2.0 * upper @ np.swapaxes(lower, -1, -2)
        )
        distance = np.sqrt(np.maximum(squared.min(axis=(-2, -1)), 0.0))
        return np.maximum(distance - 2 * self.thickness, 0.0)

    def _moved(self, rest: Floats, weights: csr_matrix, control_points: Floats) -> Floats:
        """Points whose rest positions are (..., 3), moved by the weighted displacements of the
        control points (..., 320, 3)."""
        displacement = control_points - self.shell_vertices
        faces = displacement.shape[:-2]
        n_points, n_control = weights.shape
        # all faces side by side: one product, whose other factor is sparse
        columns = displacement.reshape(-1, n_control, 3).swapaxes(0, 1).reshape(n_control, -1)
        moved = (weights @ columns).reshape(n_points, -1, 3).swapaxes(0, 1)
        return rest + moved.reshape(*faces, *rest.shape)

    def lower_lip_points(self, control_points: Floats) -> Floats:
        """Control points on the middle of the lower lip, (..., k, 3) m."""
        return control_points[..., self.lower_lip, :]

    def principal_stretch(self, control_points: Floats) -> Floats:
        """Largest principal stretch of each shell triangle, (m,); 1 at rest.

        The singular values of the in-plane deformation gradient (constant-strain triangle).
        """
        now = control_points[self.shell_faces]
        edges = np.stack([now[:, 1] - now[:, 0], now[:, 2] - now[:, 0]], axis=-1)
        first, second = np.moveaxis(edges @ self._unstretched, -1, 0)
        # Of two columns, the larger root of the Gram matrix's characteristic polynomial.
        along, across = (first * first).sum(axis=1), (second * second).sum(axis=1)
        shear = (first * second).sum(axis=1)
        stretch: Floats = np.sqrt(0.5 * (along + across + np.hypot(along - across, 2 * shear)))
        return stretch

    @cached_property
    def _unstretched(self) -> Floats:
        """Inverse of each shell triangle's edges at rest in its plane, (m, 2, 2)."""
        return np.asarray(np.linalg.inv(_in_plane(self.shell_vertices[self.shell_faces])), float)


def gaussian_kernel(a: Floats, b: Floats, length: float, b_squared: Floats | None = None) -> Floats:
    """exp(-|a_i - b_j|^2 / (2 length^2)) for rows of a (n, d) and b (m, d), (n, m).

    b_squared: the squared lengths (m,) of the rows of b, if at hand.
    """
    if b_squared is None:
        b_squared = (b * b).sum(axis=1)
    squared = (a * a).sum(axis=1)[:, None] + b_squared - 2.0 * a @ b.T
    return np.exp(-np.maximum(squared, 0.0) / (2.0 * length**2))


def separate_lips(control_points: Floats) -> Floats:
    """Control points (..., 320, 3) with the lips pushed apart where they overlap.

    Blended bones know no contact. On every pair of facing spokes whose lips lie one above the
    other (not one behind the other, as in f), the overlap of the lowest point of the upper lip
    and the highest of the lower is taken up half by each, fading out over the vermilion.
    """
    separated = control_points.reshape(*control_points.shape[:-2], SHELL_RINGS, SHELL_SPOKES, 3)
    separated = separated.copy()
    half = SHELL_SPOKES // 2
    upper, lower = separated[..., 1:half, :], separated[..., :half:-1, :]
    crest = slice(1, 5)
    overlap = lower[..., crest, :, 2].max(axis=-2) - upper[..., crest, :, 2].min(axis=-2)
    overlap = np.maximum(overlap + 2 * LIP_CONTACT_RADIUS_M, 0.0)
    behind = np.abs(upper[..., 2:4, :, 1] - lower[..., 2:4, :, 1]).mean(axis=-2)
    facing = np.clip((_FACING_M[1] - behind) / (_FACING_M[1] - _FACING_M[0]), 0.0, 1.0)
    push = (0.5 * overlap * facing)[..., None, :] * _SHARE[:, None]
    upper[..., 2] += push
    lower[..., 2] -= push
    return separated.reshape(control_points.shape)


def _chosen(strips: Floats, places: NDArray[np.int64]) -> Floats:
    """The point (..., 9, 3) at a place (..., 9) of each strip (..., 9, k, 3)."""
    return np.take_along_axis(strips, places[..., None, None], axis=-2)[..., 0, :]


def _in_plane(corners: Floats) -> Floats:
    """Edge vectors of triangles (m, 3, 3) in a basis of their plane, (m, 2, 2) as columns."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    e1 = first / np.linalg.norm(first, axis=1, keepdims=True)
    normal = np.cross(first, second)
    e2 = np.cross(normal / np.linalg.norm(normal, axis=1, keepdims=True), e1)
    basis = np.stack([e1, e2], axis=1)
    return basis @ np.stack([first, second], axis=-1)


class BodyPoses(Protocol):
    """Poses of bodies: a `mujoco.MjData`, or a `mujoco.batch.Batch` of shape (n, ...)."""

    xpos: Floats
    xmat: Floats


def bone_transforms(poses: BodyPoses, bodies: NDArray[np.int64], rest: Floats) -> Floats:
    """Transforms (..., 6, 4, 3) of the bones for `SkinModel.blend`.

    bodies: (6,) body ids of BONES. rest: (6, 3) positions of the bodies in the reference pose,
    where all are unrotated.
    """
    xmat = poses.xmat[..., bodies, :]
    rotation = xmat.reshape(*xmat.shape[:-1], 3, 3)
    translation = poses.xpos[..., bodies, :] - np.einsum("...bij,bj->...bi", rotation, rest)
    return np.concatenate([np.swapaxes(rotation, -1, -2), translation[..., None, :]], axis=-2)


def blend_bones(model: mujoco.MjModel, vertices: Floats, weights: Floats, joints: Floats) -> Floats:
    """Control points (320, 3) of bones posed at joint positions (10,), without residual."""
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    bodies = np.array([model.body(name).id for name in BONES])
    rest = data.xpos[bodies].copy()
    for name, value in zip(DOF_NAMES, joints, strict=True):
        data.qpos[model.joint(name).qposadr[0]] = value
    mujoco.mj_kinematics(model, data)
    transforms = bone_transforms(data, bodies, rest)
    homogeneous = np.concatenate([vertices, np.ones((len(vertices), 1))], axis=1)
    return np.einsum("vb,vh,bhk->vk", weights, homogeneous, transforms)
