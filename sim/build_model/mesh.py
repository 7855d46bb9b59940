"""Triangle meshes of the rigid parts: a value type, two builders and an OBJ writer.

Everything is in metres, in the face frame unless a function says otherwise. Faces are wound
anticlockwise seen from outside.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh.

    vertices: (n, 3) positions, metres.
    faces: (m, 3) vertex indices, anticlockwise seen from outside.
    uv: (n, 2) texture coordinates, or None; v grows upwards in the picture.

    Raises ValueError when a shape is wrong, a number is not finite or an index is out of range.
    """

    vertices: Array
    faces: Index
    uv: Array | None = None

    def __post_init__(self) -> None:
        if self.vertices.ndim != 2 or self.vertices.shape[1] != 3:
            raise ValueError(f"vertices must be (n, 3), got {self.vertices.shape}")
        if self.faces.ndim != 2 or self.faces.shape[1] != 3:
            raise ValueError(f"faces must be (m, 3), got {self.faces.shape}")
        if not np.isfinite(self.vertices).all():
            raise ValueError("vertices hold a NaN or an infinity; check the shape's parameters")
        if self.faces.size and not 0 <= self.faces.min() <= self.faces.max() < len(self.vertices):
            raise ValueError(f"faces point outside the {len(self.vertices)} vertices")
        if self.uv is not None and self.uv.shape != (len(self.vertices), 2):
            raise ValueError(f"uv must be ({len(self.vertices)}, 2), got {self.uv.shape}")

    @property
    def volume(self) -> float:
        """Enclosed volume, m3; negative when the faces are wound inside out."""
        a, b, c = (self.vertices[self.faces[:, i]] for i in range(3))
        return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0)

    @property
    def normals(self) -> Array:
        """(n, 3) unit vertex normals, weighted by face area so that bevels stay crisp."""
        a, b, c = (self.vertices[self.faces[:, i]] for i in range(3))
        face_normals = np.cross(b - a, c - a)
        total = np.zeros_like(self.vertices)
        for i in range(3):
            np.add.at(total, self.faces[:, i], face_normals)
        length = np.linalg.norm(total, axis=1, keepdims=True)
        return np.asarray(total / np.maximum(length, np.finfo(float).tiny))


def loft(rings: Array, uv: Array | None = None) -> Mesh:
    """A closed skin over rings, with each end closed by a fan about the end ring's mean.

    rings: (k, n, 3), k >= 2 closed loops of n >= 3 points, point i of each following point i of
    the last. Either winding will do.
    uv: (k, n, 2) texture coordinates of the same points, or None.
    """
    count, around, _ = rings.shape
    quads = _quads(np.arange(count * around).reshape(count, around), wrap_rows=False)
    first, last = count * around, count * around + 1
    here = np.arange(around)
    there = np.roll(here, -1)
    end = (count - 1) * around
    fans = (
        np.stack([np.full(around, first), there, here], axis=1),
        np.stack([np.full(around, last), end + here, end + there], axis=1),
    )
    faces = np.concatenate([quads, *fans])
    return _outward(Mesh(_with_ends(rings), faces, None if uv is None else _with_ends(uv)))


def tube(rings: Array) -> Mesh:
    """A closed skin over rings whose last one joins the first, as a torus. rings: (k, n, 3)."""
    count, around, _ = rings.shape
    quads = _quads(np.arange(count * around).reshape(count, around), wrap_rows=True)
    return _outward(Mesh(rings.reshape(-1, 3), quads))


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of many, vertices and faces in order.

    Raises ValueError when there is nothing to merge or only some of the meshes have uv.
    """
    if not meshes:
        raise ValueError("merge needs at least one mesh")
    maps = [mesh.uv for mesh in meshes if mesh.uv is not None]
    if maps and len(maps) != len(meshes):
        raise ValueError(f"{len(maps)} of {len(meshes)} meshes have uv: give all uv or none")
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes[:-1])])
    return Mesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
        np.concatenate(maps) if maps else None,
    )


def mirror_x(mesh: Mesh) -> Mesh:
    """The mesh seen in a mirror at x = 0, still wound outwards."""
    return Mesh(mesh.vertices * [-1.0, 1.0, 1.0], mesh.faces[:, ::-1].copy(), mesh.uv)


def write_obj(path: Path, mesh: Mesh) -> None:
    """Writes a Wavefront OBJ with smooth normals: same mesh, same bytes; never half a file."""
    lines = [_row("v", vertex) for vertex in mesh.vertices]
    if mesh.uv is not None:
        lines += [_row("vt", uv) for uv in mesh.uv]
    lines += [_row("vn", normal) for normal in mesh.normals]
    corner = "{0}//{0}" if mesh.uv is None else "{0}/{0}/{0}"
    lines += ["f " + " ".join(corner.format(i + 1) for i in face) for face in mesh.faces.tolist()]
    beside = path.with_name(path.name + ".part")
    beside.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")
    beside.replace(path)


def _row(tag: str, numbers: Array) -> str:
    # Adding 0.0 turns -0.0 into 0.0, after rounding, so that signs of zero never reach the file.
    return " ".join([tag, *(f"{value:.6f}" for value in np.round(numbers, 6) + 0.0)])


def _quads(grid: Index, wrap_rows: bool) -> Index:
    """Two triangles per cell of a (k, n) grid of indices whose columns wrap round."""
    low, high = (grid, np.roll(grid, -1, axis=0)) if wrap_rows else (grid[:-1], grid[1:])
    a, b = low.ravel(), np.roll(low, -1, axis=1).ravel()
    c, d = np.roll(high, -1, axis=1).ravel(), high.ravel()
    return np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])


def _with_ends(rings: Array) -> Array:
    """(k n + 2, c) points of (k, n, c) rings, then the means of the first and the last ring."""
    return np.concatenate([rings.reshape(-1, rings.shape[-1]), rings[[0, -1]].mean(axis=1)])


def _outward(mesh: Mesh) -> Mesh:
    return mesh if mesh.volume > 0.0 else Mesh(mesh.vertices, mesh.faces[:, ::-1].copy(), mesh.uv)
