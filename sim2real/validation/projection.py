"""The nearest motion of one servo that keeps its limits of range, speed, acceleration and jerk.

A quadratic program: weighted least squares to the wanted commands under linear inequalities, the
rows of `motion.Derivatives`. Solved by Clarabel (Goulart and Chen, "Clarabel: an interior-point
solver for conic programs with quadratic objectives", 2024). Most moments of a motion are far from
any limit, so only those near one enter, and more as the solution asks for them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix, csr_matrix, diags_array, eye_array, vstack

from sim2real.validation.motion import Derivatives

Floats = NDArray[np.float64]
Bounds = float | Floats

NEAR: Final = 0.7
"""Share of a limit from which a moment enters the program."""

TOLERANCE: Final = 1e-5
"""By how much a solution may pass a limit, as a share of it; callers leave such a margin."""

MAX_PASSES: Final = 30


class RepairError(RuntimeError):
    """No passing motion was found; the message says why and what to do."""


def project(
    wanted: Floats,
    weights: Floats,
    kinds: Derivatives,
    bounds: tuple[Bounds, Bounds, Bounds],
) -> Floats:
    """The commands (n,) in [0, 1] nearest to the wanted ones (n,) that keep the bounds.

    Args:
        wanted: Commands to stay near to.
        weights: (n,) how much each row's squared change counts, positive.
        kinds: Derivatives of rows at these times.
        bounds: Greatest speed, acceleration and jerk, in commands per s, s2 and s3; each one figure
            or one (k,) for each moment of its kind.

    Raises:
        RepairError: the solver is not installed, or gave up.
    """
    shares = csr_matrix(
        vstack(
            [
                diags_array(1.0 / np.broadcast_to(bound, one.times_s.shape)) @ one.matrix
                for one, bound in zip(
                    (kinds.speed, kinds.acceleration, kinds.jerk), bounds, strict=True
                )
            ]
        )
    )
    found = np.clip(wanted, 0.0, 1.0)
    above = np.zeros(shares.shape[0], dtype=bool)
    below = np.zeros(shares.shape[0], dtype=bool)
    for _ in range(MAX_PASSES):
        used = shares @ found
        if np.abs(used).max() <= 1.0 + TOLERANCE:
            return found
        above |= used > NEAR
        below |= used < -NEAR
        found = _solve(wanted, weights, csr_matrix(vstack([shares[above], -shares[below]])))
    raise RepairError("the nearest motion within the limits was not found")


def _solve(wanted: Floats, weights: Floats, shares: csr_matrix) -> Floats:
    """Nearest commands (n,) in [0, 1] with `shares @ commands` at most 1."""
    try:
        import clarabel
    except ModuleNotFoundError as error:
        raise RepairError(
            "the repair of trajectories needs Clarabel; install it with pip install "
            '"liptwin[repair]"'
        ) from error
    n = len(wanted)
    scaled = weights / weights.max()
    identity = eye_array(n)
    left = csc_matrix(vstack([shares, identity, -identity]))
    right = np.concatenate([np.ones(shares.shape[0]), np.ones(n), np.zeros(n)])
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    solver = clarabel.DefaultSolver(
        csc_matrix(diags_array(scaled)),
        -scaled * wanted,
        left,
        right,
        [clarabel.NonnegativeConeT(len(right))],
        settings,
    )
    solution = solver.solve()
    solved = (clarabel.SolverStatus.Solved, clarabel.SolverStatus.AlmostSolved)
    if solution.status not in solved:
        raise RepairError(f"the solver stopped with {solution.status}")
    return np.clip(np.array(solution.x), 0.0, 1.0)
