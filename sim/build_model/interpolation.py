"""From the coarse shell to the fine face: displacements interpolate over (theta, r)."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from sim.build_model.surface import SHELL_RING_RADII
from sim.skin import SHELL_SPOKES

Array = NDArray[np.float64]


def _catmull_rom(t: Array) -> Array:
    """Weights (n, 4) of the four neighbours at fraction t (Catmull and Rom, 1974)."""
    return np.stack(
        [
            -0.5 * t + t**2 - 0.5 * t**3,
            1 - 2.5 * t**2 + 1.5 * t**3,
            0.5 * t + 2 * t**2 - 1.5 * t**3,
            -0.5 * t**2 + 0.5 * t**3,
        ],
        axis=-1,
    )


def interpolation_matrix(theta: Array, r: Array) -> csr_matrix:
    """Sparse (n, 320) weights of the shell vertices at n points of the lip patch; rows sum to 1."""
    n_rings = len(SHELL_RING_RADII)
    ring = np.interp(r, SHELL_RING_RADII, np.arange(n_rings))
    ring0 = np.clip(np.floor(ring).astype(int), 0, n_rings - 2)
    spoke = theta / (2 * np.pi) * SHELL_SPOKES
    spoke0 = np.floor(spoke + 1e-9).astype(int)
    along_r, along_theta = _catmull_rom(ring - ring0), _catmull_rom(spoke - spoke0)
    rows, columns, values = [], [], []
    for p in range(4):
        for q in range(4):
            rows.append(np.arange(len(theta)))
            i = np.clip(ring0 + p - 1, 0, n_rings - 1)
            columns.append(i * SHELL_SPOKES + (spoke0 + q - 1) % SHELL_SPOKES)
            values.append(along_r[:, p] * along_theta[:, q])
    matrix = csr_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
        shape=(len(theta), n_rings * SHELL_SPOKES),
    )
    matrix.sum_duplicates()
    matrix.data[np.abs(matrix.data) < 1e-9] = 0.0
    matrix.eliminate_zeros()
    return matrix
