"""Meshes over the face surface: the fine one that is seen and the coarse one that is simulated."""

from dataclasses import dataclass

import numpy as np
from matplotlib.path import Path
from numpy.typing import NDArray
from scipy.spatial import Delaunay, cKDTree

from sim.build_model.surface import (
    SHELL_RING_RADII,
    eye_opening,
    face_height,
    lip_patch,
    lip_texture_plane,
    mask_outline,
    visual_ring_radii,
)
from sim.skin import SHELL_SPOKES

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

VISUAL_RADII, VISUAL_SPOKES = visual_ring_radii(4), 128
N_EYE = 44
TEXTURE_X_MM = (-80.0, 80.0)
TEXTURE_Z_MM = (-66.0, 158.0)


@dataclass(frozen=True)
class FaceMesh:
    """Visual face mesh. The first rings * spokes vertices are the lip patch, ring by ring.

    vertices: (n, 3) m. faces: (m, 3). plane_mm: (n, 2) position in the texture plane, mm.
    theta, r: (n,) patch coordinates; outside the patch those of the nearest border point, r = 1.
    """

    vertices: Array
    faces: Ints
    plane_mm: Array
    theta: Array
    r: Array

    @property
    def uv(self) -> Array:
        """Texture coordinates in [0, 1], (n, 2), v downward from the top of the picture."""
        (x0, x1), (z0, z1) = TEXTURE_X_MM, TEXTURE_Z_MM
        return np.stack(
            [(self.plane_mm[:, 0] - x0) / (x1 - x0), 1 - (self.plane_mm[:, 1] - z0) / (z1 - z0)], -1
        )


def patch_grid(radii: Array, n_spokes: int) -> tuple[Array, Array]:
    """theta (n,) and r (n,) of a patch grid, ring by ring."""
    theta = np.arange(n_spokes) * 2 * np.pi / n_spokes
    grid_theta, grid_r = np.meshgrid(theta, radii)
    return grid_theta.ravel(), grid_r.ravel()


def patch_triangles(n_rings: int, n_spokes: int) -> Ints:
    """Triangles of a patch grid, outward (forward) facing, mirror-symmetric diagonals, (m, 3)."""
    i, j = np.meshgrid(np.arange(n_rings - 1), np.arange(n_spokes), indexing="ij")
    k = (j + 1) % n_spokes
    a, b, c, d = i * n_spokes + j, i * n_spokes + k, (i + 1) * n_spokes + k, (i + 1) * n_spokes + j
    # quad j mirrors onto quad n/2 - 1 - j: alternating diagonals mirror when n/2 is even
    flip = (i + j) % 2 == 0
    first = np.where(flip[..., None], np.stack([a, d, c], -1), np.stack([a, d, b], -1))
    second = np.where(flip[..., None], np.stack([a, c, b], -1), np.stack([b, d, c], -1))
    return np.concatenate([first.reshape(-1, 3), second.reshape(-1, 3)])


def shell_mesh() -> tuple[Array, Ints, Array, Array]:
    """Coarse mesh of the lip patch for the finite-element shell: vertices (320, 3) m, triangles,
    theta and r."""
    theta, r = patch_grid(SHELL_RING_RADII, SHELL_SPOKES)
    vertices = lip_patch(theta, r) * 1e-3
    return (
        vertices,
        _facing_forward(vertices, patch_triangles(len(SHELL_RING_RADII), SHELL_SPOKES)),
        theta,
        r,
    )


def _facing_forward(vertices: Array, faces: Ints) -> Ints:
    """Turn all faces at once so that the outer skin faces +y."""
    corners = vertices[faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return faces if normal[-len(faces) // 4 :, 1].mean() > 0 else faces[:, ::-1].copy()


def _resample_closed(points: Array, spacing: float) -> Array:
    closed = np.vstack([points, points[:1]])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    n = 2 * round(length[-1] / spacing / 2)
    s = np.arange(n) * length[-1] / n
    return np.stack([np.interp(s, length, closed[:, k]) for k in (0, 1)], axis=-1)


def _inset(points: Array, distance: float) -> Array:
    tangent = np.roll(points, -1, axis=0) - np.roll(points, 1, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], -1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return points + distance * normal


def _hexagonal(x0: float, x1: float, z0: float, z1: float, step: float) -> Array:
    rows = np.arange(z0, z1, step * np.sqrt(0.75))
    out = []
    for k, z in enumerate(rows):
        x = np.arange(step / 2 * (k % 2), x1, step)
        x = np.concatenate([-x[x > 0][::-1], x])
        out.append(np.stack([x[x >= x0], np.full((x >= x0).sum(), z)], -1))
    return np.concatenate(out)


def _turn(points: Array, triangles: Ints) -> Array:
    """+1 for triangles that turn counter-clockwise in the plane, -1 for others."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    return np.sign(
        (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    )


def _winding(ring: Array) -> float:
    """+1 for a ring that runs counter-clockwise, -1 for others."""
    after = np.roll(ring, -1, axis=0)
    return float(np.sign((ring[:, 0] * after[:, 1] - ring[:, 1] * after[:, 0]).sum()))


def _outer_points(border: Array, outline: Array) -> tuple[Array, list[Array]]:
    """Frontal-plane points between the patch border and the mask outline: free points (n, 2) and
    rings (outline, right and left eye opening, then those around the eyes and inside the edge)."""
    insets = np.concatenate([_inset(outline, d) for d in (0.5, 1.3, 2.6, 4.6)])
    clear = ~Path(border).contains_points(insets) & (cKDTree(border).query(insets)[0] > 1.0)
    eye_rings = [
        eye_opening(N_EYE, grow) * side
        for grow in (0.0, 0.5, 1.2, 2.1, 3.2, 4.6)
        for side in ([1, 1], [-1, 1])
    ]
    rings = [outline, *eye_rings, insets[clear]]
    coarse = _hexagonal(-75, 75, -60, 155, 3.6)
    fine = _hexagonal(-20, 20, 8, 80, 1.5)
    on_nose = (np.abs(fine[:, 0]) < 15.5 - 0.12 * np.abs(fine[:, 1] - 28)) & (fine[:, 1] > 30)
    fine = fine[on_nose]
    inside = Path(outline).contains_points(coarse) & ~Path(border).contains_points(coarse)
    for eye in eye_rings[:2]:
        inside &= ~Path(eye).contains_points(coarse)
    coarse = coarse[inside]
    fine = fine[~Path(border).contains_points(fine)]
    kept = np.concatenate([*rings, border])
    fine = fine[cKDTree(kept).query(fine)[0] > 0.9]
    coarse = coarse[cKDTree(np.concatenate([kept, fine])).query(coarse)[0] > 2.0]
    return np.concatenate([fine, coarse]), rings


def face_mesh() -> FaceMesh:
    """The whole visual face: lip patch, upper face, eyelids with margins, mask edge with rim."""
    theta, r = patch_grid(VISUAL_RADII, VISUAL_SPOKES)
    patch = lip_patch(theta, r)
    patch_plane = lip_texture_plane(theta, r)
    n_patch = len(patch)
    border = patch[-VISUAL_SPOKES:][:, [0, 2]]

    outline = _resample_closed(mask_outline(800), 3.4)
    free, rings = _outer_points(border, outline)
    flat = np.concatenate([border, *rings, free])
    eye = eye_opening(N_EYE)
    triangles = Delaunay(flat).simplices.astype(np.int64)
    ring_of = np.full(len(flat), -1)
    start = 0
    for number, ring in enumerate([border, *rings]):
        ring_of[start : start + len(ring)] = number
        start += len(ring)
    # rings that bound the surface: patch border, outline, right eye, left eye (see _outer_points)
    turn = _turn(flat, triangles)
    hole = np.zeros(len(triangles), dtype=bool)
    for number, ring, inside in (
        (0, border, 1),
        (1, outline, -1),
        (2, eye, 1),
        (3, eye * [-1, 1], 1),
    ):
        hole |= (ring_of[triangles] == number).all(axis=1) & (
            _turn(flat, np.sort(triangles, axis=1)) * inside == _winding(ring)
        )
    triangles = triangles[~hole]
    # seen from the front, +x is left: clockwise in (x, z) is forward-facing
    counter_clockwise = turn[~hole] > 0
    triangles[counter_clockwise] = triangles[counter_clockwise][:, ::-1]

    outer = np.stack([flat[:, 0], face_height(flat[:, 0], flat[:, 1]), flat[:, 1]], -1)
    index = np.concatenate(
        [
            np.arange(n_patch - VISUAL_SPOKES, n_patch),
            n_patch + np.arange(len(flat) - VISUAL_SPOKES),
        ]
    )
    faces = [patch_triangles(len(VISUAL_RADII), VISUAL_SPOKES), index[triangles]]
    faces[0] = _facing_forward(patch * 1e-3, faces[0])
    points = [patch, outer[VISUAL_SPOKES:]]
    planes = [patch_plane, flat[VISUAL_SPOKES:]]
    count = n_patch + len(flat) - VISUAL_SPOKES

    def add_strip(ring_index: Ints, layers: list[Array], plane: Array, outward: bool) -> None:
        nonlocal count
        previous = ring_index
        n = len(ring_index)
        for layer in layers:
            current = count + np.arange(n)
            points.append(layer)
            planes.append(plane)
            count += n
            nxt = np.roll(np.arange(n), -1)
            quad = np.stack([previous, previous[nxt], current[nxt], current], -1)
            strip = np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]])
            faces.append(strip[:, ::-1] if outward else strip)
            previous = current

    # rim of the mask: rolls back and inward
    first = VISUAL_SPOKES
    rim = index[first : first + len(outline)]
    edge = outer[first : first + len(outline)]
    inner = _inset(outline, 1.6)
    back = [
        edge - np.array([0, 1.6, 0]),
        np.stack([inner[:, 0], edge[:, 1] - 3.4, inner[:, 1]], -1),
    ]
    add_strip(rim, back, outline, outward=False)
    # lid margins: from the edge of the opening back to the eyeball
    offset = first + len(outline)
    for k, side in enumerate((1.0, -1.0)):
        start = offset + k * N_EYE
        ring_index = index[start : start + N_EYE]
        margin = outer[start : start + N_EYE]
        lifted = eye_opening(N_EYE, -0.5) * [side, 1]
        add_strip(
            ring_index,
            [np.stack([lifted[:, 0], margin[:, 1] - 2.4, lifted[:, 1]], -1)],
            eye_opening(N_EYE, -0.4) * [side, 1],
            outward=side > 0,
        )

    vertices = np.concatenate(points)
    plane = np.concatenate(planes)
    spoke = cKDTree(border).query(vertices[n_patch:][:, [0, 2]], k=3)
    weight = 1.0 / (spoke[0] + 1e-6)
    angle = theta[-VISUAL_SPOKES:][spoke[1]]
    direction = (weight * np.exp(1j * angle)).sum(axis=1)
    outer_theta = np.mod(np.angle(direction), 2 * np.pi)
    return FaceMesh(
        vertices=vertices * 1e-3,
        faces=np.concatenate(faces),
        plane_mm=plane,
        theta=np.concatenate([theta, outer_theta]),
        r=np.concatenate([r, np.ones(len(outer_theta))]),
    )
