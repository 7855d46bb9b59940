"""MuJoCo's binary skin format (XML reference, deformable/skin)."""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_NAME_BYTES = 40
_SMALLEST_WEIGHT = 2e-3


def skn_bytes(
    vertices: NDArray[np.float64],
    uv: NDArray[np.float64],
    faces: NDArray[np.int64],
    bones: Sequence[tuple[str, tuple[float, float, float]]],
    weights: NDArray[np.float64],
) -> bytes:
    """Encode a skin: vertices (n, 3) m, uv (n, 2), faces (m, 3), bones (name, bind position) and
    weights (n, bones). Weights under 0.002 are dropped and the rest rescaled to sum to 1."""
    weights = np.where(np.abs(weights) < _SMALLEST_WEIGHT, 0.0, weights)
    weights = weights / weights.sum(axis=1, keepdims=True)
    used = [k for k in range(len(bones)) if np.any(weights[:, k])]
    out = [struct.pack("<4i", len(vertices), len(uv), len(faces), len(used))]
    out += [vertices.astype("<f4").tobytes(), uv.astype("<f4").tobytes()]
    out.append(faces.astype("<i4").tobytes())
    for k in used:
        name, position = bones[k]
        index = np.flatnonzero(weights[:, k])
        out.append(name.encode().ljust(_NAME_BYTES, b"\0"))
        out.append(struct.pack("<7f", *position, 1.0, 0.0, 0.0, 0.0))
        out.append(struct.pack("<i", len(index)))
        out += [index.astype("<i4").tobytes(), weights[index, k].astype("<f4").tobytes()]
    return b"".join(out)
