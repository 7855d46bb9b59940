"""Static condensation of the shell: what the fast skin needs to know of the slow one.

Guyan condensation (AIAA J. 3(2), 380, 1965) of the stiffness K of the shell at rest. With `a` the
degrees of freedom kept and `f` the free ones, the free ones follow as u_f = -K_ff^-1 K_fa u_a and
the kept ones feel K_aa - K_af K_ff^-1 K_fa. It is done twice: onto the ten joints, for the forces,
and onto the glued vertices, for the shape.
"""

from dataclasses import dataclass
from xml.etree import ElementTree as ET

import mujoco
import numpy as np
from numpy.typing import NDArray

from sim.build_model.shell import FREE, Shell
from sim.dof import DOF_NAMES
from sim.skin import BONES

Array = NDArray[np.float64]

DAMPING_S = 0.01
"""Damping of the condensed stiffness per unit stiffness, the shell's own (shell.DAMPING_S)."""


@dataclass(frozen=True)
class Condensed:
    """joint_stiffness: (10, 10) N/m, N, N.m in joint coordinates. bone_weights: (n, 6), the share
    of each bone (in the order of BONES) in the motion of each shell vertex, rows sum to 1."""

    joint_stiffness: Array
    bone_weights: Array


def _stiffness(model: mujoco.MjModel, positions: Array) -> Array:
    """-d qfrc_passive / d qpos at positions (nv,) by central differences, symmetrised."""
    data = mujoco.MjData(model)
    step = 2e-6
    columns = np.zeros((model.nv, model.nv))
    for dof in range(model.nv):
        for sign in (1.0, -1.0):
            data.qpos[:] = positions
            data.qpos[dof] += sign * step
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            mujoco.mj_flex(model, data)
            mujoco.mj_passive(model, data)
            columns[:, dof] -= sign * data.qfrc_passive / (2 * step)
    return 0.5 * (columns + columns.T)


def _condense(stiffness: Array, kept: NDArray[np.int64]) -> tuple[Array, Array]:
    """Condensed stiffness (k, k) and the response of the others (f, k) to the kept."""
    free = np.setdiff1d(np.arange(len(stiffness)), kept)
    inner, outer = stiffness[np.ix_(free, free)], stiffness[np.ix_(free, kept)]
    response = np.asarray(-np.linalg.solve(inner, outer), dtype=np.float64)
    reduced = stiffness[np.ix_(kept, kept)] + outer.T @ response
    return 0.5 * (reduced + reduced.T), response


def condense(
    shell: Shell, glued: mujoco.MjModel, settled: mujoco.MjData, loose: mujoco.MjModel
) -> Condensed:
    """Condense the shell.

    glued: the fidelity model. settled: its state at rest. loose: a model of the shell alone, no
    vertex glued, three slide joints per vertex in order.

    The stiffness is taken at rest, not at the reference: only a stable equilibrium is sure to have
    a positive definite one. (At the reference, bending of the rolled lips makes it indefinite.)
    """
    joints = np.array([glued.joint(name).dofadr[0] for name in DOF_NAMES])
    joint_stiffness, _ = _condense(_stiffness(glued, settled.qpos), joints)

    moved = settled.flexvert_xpos.reshape(-1, 3) - shell.vertices
    stiffness = _stiffness(loose, moved.ravel())
    is_glued = np.repeat(shell.attachment != FREE, 3)
    _, response = _condense(stiffness, np.flatnonzero(is_glued))
    n = len(shell.vertices)
    motion = np.zeros((3 * n, is_glued.sum()))
    motion[~is_glued] = response
    motion[is_glued] = np.eye(is_glued.sum())
    # scalar weight of a bone: mean of the diagonal of its 3 x 3 block
    blocks = np.einsum("vigi->vg", motion.reshape(n, 3, -1, 3)) / 3.0
    body = shell.attachment[shell.attachment != FREE]
    weights = np.stack([blocks[:, body == bone].sum(axis=1) for bone in BONES], axis=1)
    weights /= weights.sum(axis=1, keepdims=True)
    # six digits, so that another machine's linear algebra gives the same files
    return Condensed(joint_stiffness, np.round(weights, 6))


def stiffness_xml(condensed: Condensed, damping_s: float = DAMPING_S) -> str:
    """MJCF with the condensed stiffness as fixed tendons, one per eigenvector."""
    root = ET.Element("mujoco")
    tendons = ET.SubElement(root, "tendon")
    values, vectors = np.linalg.eigh(condensed.joint_stiffness)
    for k, (value, vector) in enumerate(zip(values, vectors.T, strict=True)):
        if value <= 1e-6:
            continue
        vector = vector * np.sign(vector[np.argmax(np.abs(vector))])
        tendon = ET.SubElement(
            tendons,
            "fixed",
            name=f"skin_mode_{k}",
            stiffness=f"{value:.5g}",
            damping=f"{value * damping_s:.5g}",
            springlength="0",
        )
        for name, coefficient in zip(DOF_NAMES, vector, strict=True):
            if abs(coefficient) > 1e-7:
                ET.SubElement(tendon, "joint", joint=name, coef=f"{coefficient:.5g}")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"
