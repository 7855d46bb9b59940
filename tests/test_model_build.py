"""The generated files of the face model come from the code that is said to make them."""

import shutil
from pathlib import Path

import mujoco
import numpy as np
import pytest

from sim.build_model.__main__ import (
    PARTS,
    SETTLED_FILE,
    build_shell_and_bones,
    fit_skin,
    write_parts,
)
from sim.build_model.face_mesh import face_mesh
from sim.build_model.interpolation import interpolation_matrix
from sim.build_model.residual import Settled, sample_commands, settle_shells
from sim.build_model.shell import build_shell
from sim.build_model.surface import lip_patch
from sim.model import FACE_MODEL_DIR
from sim.skin import BONES, LIP_CONTACT_RADIUS_M, SKIN_FILE, SkinModel, separate_lips

HAND_WRITTEN = ("face.xml", "condensed.xml", "shell.xml", "servos.yaml")
GENERATED = (
    "skin_shell.xml",
    "skin_stiffness.xml",
    "assets/face.skn",
    "assets/face.png",
    "assets/eye.png",
    "assets/tooth.png",
    *(f"assets/{name}.obj" for name in PARTS),
)


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder built anew from the hand-written files and the settled shells."""
    folder = tmp_path_factory.mktemp("face_model")
    for name in (*HAND_WRITTEN, SETTLED_FILE):
        shutil.copy(FACE_MODEL_DIR / name, folder / name)
    write_parts(folder)
    build_shell_and_bones(folder)
    fit_skin(folder)
    return folder


@pytest.mark.parametrize("name", GENERATED)
def test_generated_file_is_rebuilt_identically(rebuilt: Path, name: str) -> None:
    assert (rebuilt / name).read_bytes() == (FACE_MODEL_DIR / name).read_bytes()


def test_skin_is_refitted_identically(rebuilt: Path) -> None:
    with np.load(rebuilt / SKIN_FILE) as again, np.load(FACE_MODEL_DIR / SKIN_FILE) as shipped:
        assert set(again) == set(shipped)
        for name in shipped:
            # single precision of coefficients that LAPACK solves for
            tolerance = 1e-5 if name in ("modes", "coefficients", "kernel_weights") else 0.0
            np.testing.assert_allclose(again[name], shipped[name], rtol=0, atol=tolerance)


def test_settled_shells_are_settled_again() -> None:
    shipped = Settled.load(FACE_MODEL_DIR / SETTLED_FILE, build_shell().vertices)
    indices = [2, len(shipped.joints) - 1]
    again = settle_shells(
        FACE_MODEL_DIR, np.array([sample_commands(k) for k in indices]), workers=1
    )
    np.testing.assert_allclose(again.joints, shipped.joints[indices], atol=1e-5)
    np.testing.assert_allclose(again.vertices, shipped.vertices[indices], atol=0.02e-3)


@pytest.mark.parametrize("tier", ["condensed", "shell"])
def test_plain_mujoco_loads_and_steps_the_model(tier: str) -> None:
    model = mujoco.MjModel.from_xml_path(str(FACE_MODEL_DIR / f"{tier}.xml"))
    data = mujoco.MjData(model)
    mujoco.mj_step(model, data, nstep=50)
    assert np.isfinite(data.qpos).all()


def test_face_surface_is_closed_but_for_mouth_eyes_and_edge() -> None:
    mesh = face_mesh()
    edges = np.concatenate([mesh.faces[:, [a, b]] for a, b in ((0, 1), (1, 2), (2, 0))])
    directed, uses = np.unique(edges, axis=0, return_counts=True)
    assert (uses == 1).all(), "faces are not turned the same way"
    undirected, count = np.unique(np.sort(directed, axis=1), axis=0, return_counts=True)
    border = undirected[count == 1]
    following: dict[int, list[int]] = {}
    for a, b in border:
        following.setdefault(int(a), []).append(int(b))
        following.setdefault(int(b), []).append(int(a))
    assert all(len(neighbours) == 2 for neighbours in following.values())
    loops, left = 0, set(following)
    while left:
        loops += 1
        stack = [left.pop()]
        while stack:
            for neighbour in following[stack.pop()]:
                if neighbour in left:
                    left.remove(neighbour)
                    stack.append(neighbour)
    assert loops == 4


def test_face_and_shell_are_symmetric() -> None:
    shell = build_shell()
    for vertices in (face_mesh().vertices, shell.vertices):
        mirrored = vertices * [-1, 1, 1]
        order = np.lexsort(np.round(vertices, 6).T)
        order_mirrored = np.lexsort(np.round(mirrored, 6).T)
        np.testing.assert_allclose(vertices[order], mirrored[order_mirrored], atol=2e-6)


def test_shell_has_no_slivers() -> None:
    shell = build_shell()
    corners = shell.vertices[shell.faces]
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    assert edges.min() > 1.3e-3  # shorter ones make the flex chatter at rest


def test_interpolation_reproduces_shell_vertices_and_constants() -> None:
    shell = build_shell()
    exact = interpolation_matrix(shell.theta, shell.r)
    np.testing.assert_allclose(exact.toarray(), np.eye(len(shell.theta)), atol=1e-9)
    rng = np.random.default_rng(0)
    anywhere = interpolation_matrix(rng.uniform(0, 2 * np.pi, 200), rng.uniform(0, 1, 200))
    np.testing.assert_allclose(np.asarray(anywhere.sum(axis=1)), 1.0, atol=1e-9)


def test_lips_meet_at_rest_on_the_surface() -> None:
    theta = np.linspace(0.2, np.pi - 0.2, 50)
    gap = lip_patch(theta, 0.14)[:, 2] - lip_patch(-theta, 0.14)[:, 2]
    assert (gap > 0).all()
    assert gap.max() < 0.5


def test_bones_without_motion_leave_the_skin_alone() -> None:
    skin = SkinModel.load(FACE_MODEL_DIR / SKIN_FILE)
    still = np.tile(np.concatenate([np.eye(3), np.zeros((1, 3))]), (len(BONES), 1, 1))
    np.testing.assert_allclose(skin.blend(still), skin.shell_vertices, rtol=0, atol=2e-7)
    everything_up = still.copy()
    everything_up[:, 3] = [0.001, -0.002, 0.003]
    moved = skin.blend(everything_up) - skin.shell_vertices
    np.testing.assert_allclose(
        moved, np.broadcast_to([0.001, -0.002, 0.003], moved.shape), atol=2e-7
    )


def test_separate_lips_parts_overlap_and_spares_open_lips() -> None:
    skin = SkinModel.load(FACE_MODEL_DIR / SKIN_FILE)
    apart = skin.shell_vertices.copy()
    upper = np.sin(np.arange(320) % 32 * 2 * np.pi / 32) > 1e-9
    apart[upper, 2] += 0.003
    np.testing.assert_array_equal(separate_lips(apart), apart)
    pressed = skin.shell_vertices.copy()
    pressed[upper, 2] -= 0.0015
    grid = separate_lips(pressed).reshape(10, 32, 3)
    gap = grid[1:5, 8, 2].min() - grid[1:5, 24, 2].max()
    assert gap == pytest.approx(2 * LIP_CONTACT_RADIUS_M, abs=0.25e-3)


def test_stretch_of_a_stretched_skin() -> None:
    skin = SkinModel.load(FACE_MODEL_DIR / SKIN_FILE)
    np.testing.assert_allclose(skin.principal_stretch(skin.shell_vertices), 1.0, atol=1e-6)
    np.testing.assert_allclose(skin.principal_stretch(1.25 * skin.shell_vertices), 1.25, atol=1e-6)
    # An affine map stretches a triangle by the largest singular value that it has in its plane.
    affine = np.eye(3) + np.random.default_rng(0).normal(0.0, 0.3, size=(3, 3))
    corners = skin.shell_vertices[skin.shell_faces]
    expected = [
        np.linalg.svd(affine @ np.linalg.qr((triangle[1:] - triangle[0]).T)[0], compute_uv=False)[0]
        for triangle in corners
    ]
    found = skin.principal_stretch(skin.shell_vertices @ affine.T)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
