"""The rigid parts of the face: sound, symmetric, the right size, and the same every time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sim.build_model import cranium, eyes, oral
from sim.build_model.mesh import Array, Mesh, loft, merge, mirror_x, tube, write_obj

MM = 1e-3
JAW_AXIS = np.array([0.0, -0.078, 0.038])

PARTS: dict[str, Callable[[], Mesh]] = {
    part.__name__: part
    for part in (
        oral.upper_teeth,
        oral.upper_gum,
        oral.lower_teeth,
        oral.lower_gum,
        oral.tongue,
        oral.palate_cavity,
        eyes.eyeball,
        cranium.head_shell,
        cranium.head_trim,
        cranium.neck,
        cranium.neck_trim,
        cranium.ears,
        cranium.ear_trim,
    )
}
# Wanted box, millimetres: low corner, high corner. None where only the other side matters.
BOXES = {
    "upper_teeth": ((-28, -50, -2.8), (28, -10.5, 9.5)),
    "upper_gum": ((-30, -52, 0), (30, -10.5, 14)),
    "lower_teeth": ((-26, -50, -15), (26, -13.5, -2.7)),
    "lower_gum": ((-27, -52, -20), (27, -13.5, -5)),
    "tongue": ((-18, -55, -30), (18, -18, -9.5)),
    "palate_cavity": ((-33, -80, -55), (33, -14, 18)),
    "eyeball": ((-12.2, -12.2, -12.2), (12.2, 13.0, 12.2)),
    "head_shell": ((-75, -185, -10), (75, -35, 160)),
    "neck": ((-60, -190, -160), (60, -60, 10)),
    "ears": ((-82, -103, 27), (82, -67, 63)),
}
MAX_TRIANGLES = {
    "upper_teeth": 6000,
    "lower_teeth": 6000,
    "upper_gum": 2000,
    "lower_gum": 2000,
    "tongue": 2000,
    "palate_cavity": 2000,
    "eyeball": 2000,
}

every_part = pytest.mark.parametrize("name", PARTS)


def cube() -> Mesh:
    square = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    return loft(np.stack([np.c_[square, np.full(4, z)] for z in (-1.0, 1.0)]))


def jaw_opened(points: Array, angle_deg: float) -> Array:
    """Points turned with the jaw, which takes the chin down and back."""
    turn = np.radians(angle_deg)
    rotation = np.array(
        [
            [1.0, 0.0, 0.0],
            [0.0, np.cos(turn), np.sin(turn)],
            [0.0, -np.sin(turn), np.cos(turn)],
        ]
    )
    return np.asarray((points - JAW_AXIS) @ rotation.T + JAW_AXIS)


@every_part
def test_every_edge_joins_two_faces(name: str) -> None:
    faces = PARTS[name]().faces
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    directed = {tuple(edge) for edge in edges.tolist()}
    assert len(directed) == len(edges), "an edge is used twice the same way round"
    assert all((b, a) in directed for a, b in directed), "the surface has a hole"


@every_part
def test_no_triangle_is_degenerate_even_as_written(name: str) -> None:
    mesh = PARTS[name]()
    a, b, c = (np.round(mesh.vertices, 6)[mesh.faces[:, i]] for i in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    assert area.min() > 1e-12, f"triangle {area.argmin()} has an area of {area.min()} m2"


@every_part
def test_faces_look_outwards(name: str) -> None:
    mesh = PARTS[name]()
    assert mesh.volume > 0.0
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1.0, atol=1e-9)


@every_part
def test_left_mirrors_right(name: str) -> None:
    points = np.round(PARTS[name]().vertices, 7) + 0.0
    mirrored = points * np.array([-1.0, 1.0, 1.0]) + 0.0
    np.testing.assert_array_equal(np.unique(points, axis=0), np.unique(mirrored, axis=0))


@pytest.mark.parametrize("name", BOXES)
def test_part_fits_its_box(name: str) -> None:
    points = PARTS[name]().vertices / MM
    low, high = BOXES[name]
    assert (points.min(axis=0) >= np.array(low) - 0.01).all(), points.min(axis=0)
    assert (points.max(axis=0) <= np.array(high) + 0.01).all(), points.max(axis=0)


@pytest.mark.parametrize("name", MAX_TRIANGLES)
def test_part_is_modest(name: str) -> None:
    assert len(PARTS[name]().faces) < MAX_TRIANGLES[name]


@every_part
def test_obj_has_the_same_bytes_twice(name: str, tmp_path: Path) -> None:
    write_obj(tmp_path / "one.obj", PARTS[name]())
    write_obj(tmp_path / "two.obj", PARTS[name]())
    assert (tmp_path / "one.obj").read_bytes() == (tmp_path / "two.obj").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.obj", "two.obj"]


def test_centrals_stand_where_the_lips_expect_them() -> None:
    upper, lower = oral.upper_teeth().vertices / MM, oral.lower_teeth().vertices / MM
    upper, lower = (teeth[np.abs(teeth[:, 0]) < 4.0] for teeth in (upper, lower))
    assert upper[:, 1].max() == pytest.approx(-10.5, abs=0.3)
    assert upper[:, 2].min() == pytest.approx(-2.2, abs=0.05)
    assert lower[:, 1].max() == pytest.approx(-13.5, abs=0.3)
    assert lower[:, 2].max() == pytest.approx(-3.0, abs=0.05)


def test_centrals_meet_on_the_midline() -> None:
    teeth = oral.upper_teeth().vertices / MM
    right = teeth[teeth[:, 0] > 0.0]
    assert right[:, 0].min() < 0.15, "the two centrals do not meet on the midline"


@pytest.mark.parametrize("name", ["lower_teeth", "lower_gum", "tongue"])
@pytest.mark.parametrize("angle_deg", [0.0, 8.5, 17.0])
def test_cavity_holds_what_moves_with_the_jaw(name: str, angle_deg: float) -> None:
    points = jaw_opened(PARTS[name]().vertices, angle_deg) / MM
    cavity = oral.palate_cavity().vertices / MM
    assert np.abs(points[:, 0]).max() < cavity[:, 0].max()
    assert points[:, 1].min() > cavity[:, 1].min()
    assert points[:, 2].min() > cavity[:, 2].min()


def test_eyeball_looks_forward_and_its_picture_is_not_mirrored() -> None:
    eye = eyes.eyeball()
    assert eye.uv is not None
    front = eye.vertices[:, 1].argmax()
    np.testing.assert_allclose(eye.uv[front], 0.5, atol=1e-9)
    up = eye.vertices[:, 2].argmax()
    assert eye.uv[up, 1] > 0.9
    subject_right = eye.vertices[:, 0].argmax()
    assert eye.uv[subject_right, 0] < 0.1


def test_eye_texture_has_pupil_iris_and_sclera() -> None:
    picture = eyes.eye_texture(256)
    assert picture.shape == (256, 256, 3)
    assert picture.dtype == np.uint8
    assert picture[126:130, 126:130].mean() < 20
    iris, sclera = picture[132, 158].mean(), picture[132, 190].mean()
    assert 20 < iris < sclera
    np.testing.assert_array_equal(picture, eyes.eye_texture(256))


def test_tooth_texture_is_lighter_in_the_crown_than_at_the_neck() -> None:
    picture = oral.tooth_texture(64).astype(float)
    assert picture.shape == (64, 64, 3)
    assert picture[40, 32].mean() > picture[2, 32].mean()


@pytest.mark.parametrize("texture", [eyes.eye_texture, oral.tooth_texture])
def test_textures_refuse_tiny_sizes(texture: Callable[[int], Array]) -> None:
    with pytest.raises(ValueError, match="pixels"):
        texture(8)


def test_mirror_and_merge_keep_the_solid() -> None:
    box = cube()
    assert box.volume == pytest.approx(8.0)
    aside = Mesh(box.vertices + np.array([2.0, 0.0, 0.0]), box.faces)
    both = merge([aside, mirror_x(aside)])
    assert both.volume == pytest.approx(16.0)
    np.testing.assert_allclose(both.vertices.mean(axis=0), 0.0, atol=1e-12)


def test_tube_closes_on_itself() -> None:
    turn = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
    section = np.array([[-0.1, -0.1], [0.1, -0.1], [0.1, 0.1], [-0.1, 0.1]])
    rings = np.stack(
        [
            np.c_[
                (1.0 + section[:, 0]) * np.cos(t), (1.0 + section[:, 0]) * np.sin(t), section[:, 1]
            ]
            for t in turn
        ]
    )
    assert tube(rings).volume == pytest.approx(0.04 * 2.0 * np.pi, rel=0.01)


def test_mesh_and_merge_say_what_is_wrong() -> None:
    points, faces = np.zeros((3, 3)), np.array([[0, 1, 2]])
    with pytest.raises(ValueError, match="vertices must be"):
        Mesh(np.zeros((3, 2)), faces)
    with pytest.raises(ValueError, match="faces must be"):
        Mesh(points, np.array([[0, 1]]))
    with pytest.raises(ValueError, match="outside the 3 vertices"):
        Mesh(points, np.array([[0, 1, 3]]))
    with pytest.raises(ValueError, match="NaN"):
        Mesh(np.full((3, 3), np.nan), faces)
    with pytest.raises(ValueError, match="uv must be"):
        Mesh(points, faces, np.zeros((2, 2)))
    with pytest.raises(ValueError, match="at least one"):
        merge([])
    with pytest.raises(ValueError, match="all uv or none"):
        merge([Mesh(points, faces), Mesh(points, faces, np.zeros((3, 2)))])
