"""What static condensation misses of the settled shell, learned from settled shells.

The fast skin is blended rigid motions plus a residual: 60 modes over the shell vertices (proper
orthogonal decomposition) whose amplitudes are a quadratic polynomial of the normalised joint
positions plus a Gaussian kernel ridge regression of what the polynomial leaves (Rasmussen and
Williams, Gaussian Processes for Machine Learning, 2006, section 2.7). Contact gives the skin kinks
at rest and at closure that a polynomial alone rounds off. Every sample is a pure function of its
index.
"""

import io
import math
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.dof import DOF_NAMES, N_DOF
from sim.model import load_model
from sim.servo_table import load_servo_table
from sim.skin import SHELL_SPOKES, gaussian_kernel

Array = NDArray[np.float64]

N_MODES = 60
DEGREE = 2
RIDGE = 2.0
KERNEL_LENGTH = 2.0
"""In normalised joint positions, where ranges are 2 wide."""
KERNEL_NOISE = 0.01
REST_NOISE = 1e-5
"""Noise variance relative to the kernel's: the shell at rest, to which speech keeps coming back,
is met nearly exactly."""
SEED = 20261
RAMP_S, HOLD_S = 0.25, 0.30
DISPLACEMENT_STEP_M = 2e-6
AS_LARGE = 0.999
"""Of the largest entry of a mode; the next that is not its mirror image is below 0.99 of it."""
MIRRORED_DOF = np.array([0, 1, 2, 3, 4, 5, 8, 9, 6, 7])
"""Degrees of freedom of the mirrored face."""


@dataclass(frozen=True)
class Settled:
    """Settled shells. joints: (n, 10) rad or m. vertices: (n, 320, 3) m."""

    joints: Array
    vertices: Array

    def to_bytes(self, rest: Array) -> bytes:
        """As an .npz archive; displacements from `rest` (320, 3) in whole steps of 2 um."""
        steps = np.round((self.vertices - rest) / DISPLACEMENT_STEP_M).astype(np.int16)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, joints=self.joints.astype(np.float32), displacement_steps=steps)
        return buffer.getvalue()

    @classmethod
    def load(cls, path: Path, rest: Array) -> "Settled":
        """Read what `to_bytes` wrote."""
        with np.load(path) as archive:
            moved = archive["displacement_steps"] * DISPLACEMENT_STEP_M
            return cls(archive["joints"].astype(np.float64), rest + moved)


def sample_commands(index: int, seed: int = SEED) -> Array:
    """Random commands (10,) in [0, 1] of one sample: a third uniform, a third uniform with left
    and right equal, a third normal around rest, where speech lives (half of them symmetric)."""
    rng = np.random.default_rng((seed, index))
    if index % 3 < 2:
        commands = rng.uniform(size=N_DOF)
    else:
        commands = np.clip(load_servo_table().rest_commands + rng.normal(0, 0.2, N_DOF), 0, 1)
    if index % 3 == 1 or index % 6 == 5:
        commands[8:10] = commands[6:8]
    return commands


class Settler:
    """Lets the shell of a model folder come to rest under commands, with ideal servos."""

    def __init__(self, folder: Path) -> None:
        self.table = load_servo_table()
        self.model = load_model("shell", self.table, ideal_servos=True, folder=folder)
        self._joints = [self.model.joint(name).qposadr[0] for name in DOF_NAMES]

    def settle(self, commands: Array) -> mujoco.MjData:
        """The shell at rest under commands (10,), eased into over RAMP_S from the reference."""
        data = mujoco.MjData(self.model)
        target = self.table.shaft_from_command(commands)
        step_s = self.model.opt.timestep
        for _ in range(math.ceil((RAMP_S + HOLD_S) / step_s)):
            data.ctrl[:] = target * min(1.0, data.time / RAMP_S)
            mujoco.mj_step(self.model, data)
        mujoco.mj_forward(self.model, data)
        return data

    def read(self, data: mujoco.MjData) -> tuple[Array, Array]:
        """Joint positions (10,) and shell vertices (320, 3) of a settled shell."""
        return data.qpos[self._joints].copy(), data.flexvert_xpos.reshape(-1, 3).copy()


_settler: Settler | None = None


def _start_worker(folder: Path) -> None:
    global _settler
    _settler = Settler(folder)


def _settle(commands: Array) -> tuple[Array, Array]:
    if _settler is None:
        raise RuntimeError("start the worker first")
    return _settler.read(_settler.settle(commands))


def settle_shells(
    folder: Path,
    commands: Array,
    workers: int,
    track: Callable[[Iterable[tuple[Array, Array]]], Iterable[tuple[Array, Array]]] = iter,
) -> Settled:
    """Settle the shell of a model folder under each of the commands (n, 10) from rest, in
    parallel processes."""
    with ProcessPoolExecutor(workers, initializer=_start_worker, initargs=(folder,)) as pool:
        results = list(track(pool.map(_settle, commands, chunksize=4)))
    joints, vertices = (np.array(part) for part in zip(*results, strict=True))
    return Settled(joints, vertices)


def exponents(degree: int = DEGREE) -> NDArray[np.int64]:
    """Exponents (features, 10) of the monomials up to a degree, constant first."""
    rows = []
    for total in range(degree + 1):
        for combination in combinations_with_replacement(range(N_DOF), total):
            rows.append(np.bincount(combination, minlength=N_DOF))
    return np.array(rows)


def monomials(normalised: Array, powers: NDArray[np.int64]) -> Array:
    """Monomials (n, features) of normalised joint positions (n, 10)."""
    table = np.stack([normalised**k for k in range(powers.max() + 1)], axis=-1)
    return np.prod(table[:, np.arange(N_DOF)[None], powers], axis=-1)


def _mirror(settled: Settled) -> Settled:
    n_rings = settled.vertices.shape[1] // SHELL_SPOKES
    spokes = (SHELL_SPOKES // 2 - np.arange(SHELL_SPOKES)) % SHELL_SPOKES
    order = (np.arange(n_rings)[:, None] * SHELL_SPOKES + spokes).ravel()
    return Settled(
        settled.joints[:, MIRRORED_DOF],
        settled.vertices[:, order] * [-1, 1, 1],
    )


@dataclass(frozen=True)
class Residual:
    """modes: (n_modes, 320, 3) m. coefficients: (features, n_modes) of the monomials with powers
    (features, 10). centres: (k, 10) normalised joint positions. kernel_weights: (k, n_modes)."""

    modes: Array
    coefficients: Array
    powers: NDArray[np.int64]
    centres: Array
    kernel_weights: Array


def normalise(joints: Array) -> Array:
    """Joint positions (..., 10) to [-1, 1] over their ranges."""
    table = load_servo_table()
    return 2.0 * (joints - table.joint_lower) / table.joint_width - 1.0


def _usual_signs(modes: Array) -> Array:
    """Signs (n,) that turn modes (n, m) the same way on every processor: the first entry that is
    as large as any becomes positive. Where left mirrors right there are two, of opposite sign, and
    only rounding tells which is larger."""
    sizes = np.abs(modes)
    first = (sizes >= AS_LARGE * sizes.max(axis=1, keepdims=True)).argmax(axis=1)
    return np.sign(modes[np.arange(len(modes)), first])


def fit_residual(settled: Settled, rest: Settled, blend: Callable[[Array], Array]) -> Residual:
    """Fit the residual of `blend`, which maps joint positions (10,) to shell vertices (320, 3), to
    settled shells, their mirror images and the one shell at rest."""
    parts = [settled, _mirror(settled), rest]
    joints = np.concatenate([part.joints for part in parts])
    vertices = np.concatenate([part.vertices for part in parts])
    missed = (vertices - np.array([blend(q) for q in joints])).reshape(len(joints), -1)
    _, modes = np.linalg.eigh(missed.T @ missed)
    modes = modes.T[::-1][:N_MODES]
    modes *= _usual_signs(modes)[:, None]
    amplitudes = missed @ modes.T

    centres = normalise(joints)
    powers = exponents()
    features = monomials(centres, powers)
    gram = features.T @ features + RIDGE * np.eye(len(powers))
    coefficients = np.linalg.solve(gram, features.T @ amplitudes)
    noise = np.full(len(centres), KERNEL_NOISE)
    noise[-len(rest.joints) :] = REST_NOISE
    kernel = gaussian_kernel(centres, centres, KERNEL_LENGTH) + np.diag(noise)
    kernel_weights = np.linalg.solve(kernel, amplitudes - features @ coefficients)
    return Residual(modes.reshape(len(modes), -1, 3), coefficients, powers, centres, kernel_weights)
