"""The target face makes exactly the lips that are wanted, and looks like a face doing so."""

from __future__ import annotations

import itertools
from dataclasses import astuple

import numpy as np
import pytest
from numpy.typing import NDArray

from envs.speech.lips import LipCurves
from envs.target import REST_SHAPE, LipShape, TargetFace, sample_shapes
from policies.babble import FoldCheck
from sim import FaceTwin
from sim.landmarks import INNER_PAIRS, ROW
from sim.render import FaceRenderer, project
from sim.skin import SHELL_RINGS, SHELL_SPOKES

Floats = NDArray[np.float64]
TOLERANCE_MM = 0.05
SPEECH = {
    "m": LipShape(closure=1.0, jaw_deg=1.0),
    "f": LipShape(aperture_mm=1.5, width_mm=52.0, jaw_deg=1.5, lip_to_teeth=1.0),
    "ee": LipShape(aperture_mm=5.0, width_mm=60.0, protrusion_mm=-1.0, jaw_deg=2.0),
    "ah": LipShape(aperture_mm=13.0, width_mm=51.0, jaw_deg=9.0),
    "oo": LipShape(aperture_mm=3.5, width_mm=42.0, protrusion_mm=5.0, jaw_deg=2.0),
    "sh": LipShape(aperture_mm=5.0, width_mm=46.0, protrusion_mm=4.0, jaw_deg=2.0),
}


@pytest.fixture(scope="module")
def face() -> TargetFace:
    return TargetFace()


def picture(face: TargetFace, shape: LipShape, camera: str = "mouth") -> NDArray[np.uint8]:
    face.show(shape)
    with FaceRenderer(face, 256, 256) as renderer:
        return renderer.render(camera)


def between_lips(face: TargetFace, shape: LipShape) -> NDArray[np.int64]:
    """Pixels (n, 3) on the midline between the lips, from above."""
    seen = picture(face, shape)
    points = face.landmarks()[[ROW[13], ROW[14]]]
    upper, lower = project(face, points, "mouth", 256, 256)
    return seen[int(upper[1]) : int(lower[1]) + 1, 128].astype(int)


def is_tooth(pixels: NDArray[np.int64]) -> NDArray[np.bool_]:
    return (pixels.min(axis=-1) > 110) & (np.ptp(pixels, axis=-1) < 70)


@pytest.mark.parametrize("aperture_mm", [0.0, 1.0, 4.0, 10.0, 20.0])
def test_what_is_measured_is_what_was_wanted(face: TargetFace, aperture_mm: float) -> None:
    grid = itertools.product(
        (40.0, 46.0, 50.0, 56.0, 64.0), (-2.0, 0.0, 3.0, 7.0), (0.0, 5.0, 12.0)
    )
    for width_mm, protrusion_mm, jaw_deg in grid:
        shape = LipShape(aperture_mm, width_mm, protrusion_mm, jaw_deg)
        face.show(shape)
        found = face.measure()
        assert found.aperture_mm == pytest.approx(aperture_mm, abs=TOLERANCE_MM), shape
        assert found.width_mm == pytest.approx(width_mm, abs=TOLERANCE_MM), shape
        assert found.protrusion_mm == pytest.approx(protrusion_mm, abs=TOLERANCE_MM), shape
        assert found.jaw_deg == jaw_deg
        assert found.lips_touching == (aperture_mm == 0.0), shape
        assert not found.lower_lip_on_teeth, shape


def test_lips_never_overlap_and_the_skin_never_folds(face: TargetFace) -> None:
    rng = np.random.default_rng(0)
    low = np.array([0.0, 42.0, -2.0, 0.0, 0.0, 0.0])
    high = np.array([20.0, 62.0, 6.0, 12.0, 1.0, 1.0])
    folds = FoldCheck(face.skin_model)
    upper, lower = (list(rows) for rows in zip(*INNER_PAIRS, strict=True))
    for row in rng.uniform(low, high, (200, 6)):
        bite = row[4]
        row[[0, 2]] *= 1.0 - 0.8 * bite  # nobody says f with a gaping or a pouting mouth
        shape = LipShape(*map(float, row))
        face.show(shape)
        landmarks = face.landmarks()
        assert (landmarks[upper, 2] - landmarks[lower, 2]).min() > -0.05e-3, shape
        assert not folds.is_folded(face.control_points()), shape


@pytest.mark.parametrize("jaw_deg", [0.0, 2.0, 5.0])
@pytest.mark.parametrize("aperture_mm", [0.5, 2.0, 4.0])
def test_the_lower_lip_reaches_the_teeth(
    face: TargetFace, aperture_mm: float, jaw_deg: float
) -> None:
    face.show(LipShape(aperture_mm=aperture_mm, jaw_deg=jaw_deg, lip_to_teeth=1.0))
    assert face.measure().lower_lip_on_teeth
    face.show(LipShape(aperture_mm=aperture_mm, jaw_deg=jaw_deg))
    assert not face.measure().lower_lip_on_teeth


def test_jaw_teeth_and_chin_follow_the_jaw_and_the_forehead_stays(face: TargetFace) -> None:
    def height(name: str) -> float:
        return float(face.data.geom(name).xpos[2])

    face.show(REST_SHAPE)
    before = {name: height(name) for name in ("lower_teeth", "tongue", "upper_teeth")}
    surface = face.skin_model.surface(face.control_points())
    face.show(LipShape(aperture_mm=12.0, jaw_deg=10.0))
    moved = face.skin_model.surface(face.control_points()) - surface
    assert height("lower_teeth") < before["lower_teeth"] - 5e-3
    assert height("tongue") < before["tongue"] - 3e-3
    assert height("upper_teeth") == before["upper_teeth"]
    chin = (np.abs(surface[:, 0]) < 8e-3) & (surface[:, 2] < -40e-3)
    forehead = surface[:, 2] > 80e-3
    swing = np.radians(10.0) * 78e-3
    assert moved[chin, 2].mean() == pytest.approx(-swing, rel=0.15)
    assert np.abs(moved[forehead]).max() < 1e-6


@pytest.mark.parametrize("name", SPEECH)
def test_shapes_are_symmetric(face: TargetFace, name: str) -> None:
    face.show(SPEECH[name])
    grid = face.control_points().reshape(SHELL_RINGS, SHELL_SPOKES, 3)
    across = (SHELL_SPOKES // 2 - np.arange(SHELL_SPOKES)) % SHELL_SPOKES
    np.testing.assert_allclose(grid, grid[:, across] * [-1, 1, 1], atol=1e-6)


def test_rounded_lips_open_shorter_than_spread_ones(face: TargetFace) -> None:
    pairs = [(ROW[upper], ROW[lower]) for upper, lower in ((80, 88), (310, 318))]

    def side_share(shape: LipShape) -> float:
        face.show(shape)
        z = face.landmarks()[:, 2] * 1e3
        return float(np.mean([z[u] - z[low] for u, low in pairs]) / shape.aperture_mm)

    assert side_share(SPEECH["oo"]) < 0.6 * side_share(SPEECH["ee"])


def test_pressed_lips_show_less_red(face: TargetFace) -> None:
    def red_mm(shape: LipShape) -> float:
        face.show(shape)
        z = face.landmarks()[:, 2] * 1e3
        return float(z[ROW[0]] - z[ROW[17]])

    assert red_mm(LipShape(closure=1.0)) < red_mm(REST_SHAPE) - 1.5


def test_small_changes_move_the_face_little(face: TargetFace) -> None:
    shapes = [np.array(astuple(shape)) for shape in SPEECH.values()]
    for one, other in itertools.pairwise(shapes):
        points = []
        for share in np.linspace(0.0, 1.0, 41):
            face.show(LipShape(*map(float, (1 - share) * one + share * other)))
            points.append(face.control_points())
        steps = np.linalg.norm(np.diff(points, axis=0), axis=-1)
        assert steps.max() < 1.5e-3


def test_closed_lips_show_no_teeth(face: TargetFace) -> None:
    seen = picture(face, SPEECH["m"])
    left, right = sorted(
        project(face, face.landmarks()[[ROW[61], ROW[291]]], "mouth", 256, 256)[:, 0]
    )
    line = project(face, face.landmarks()[[ROW[13]]], "mouth", 256, 256)[0, 1]
    lips = seen[int(line) - 5 : int(line) + 6, int(left) + 6 : int(right) - 6].astype(int)
    assert is_tooth(lips).mean() < 0.002


def test_an_open_mouth_shows_teeth_over_a_dark_cavity(face: TargetFace) -> None:
    column = between_lips(face, SPEECH["ah"])
    bright, dark = is_tooth(column), column.max(axis=1) < 80
    assert bright.any()
    assert dark.any()
    assert np.flatnonzero(bright).min() < np.flatnonzero(dark).max()


def test_f_shows_the_upper_teeth_on_the_lower_lip(face: TargetFace) -> None:
    column = between_lips(face, SPEECH["f"])
    grey = (np.ptp(column, axis=1) < 25) & (column.max(axis=1) > 65)  # the lips shade the teeth
    assert grey.any()
    assert not (column.max(axis=1) < 40).any()


def test_at_rest_it_looks_like_the_twin(face: TargetFace) -> None:
    twin = FaceTwin(ideal_servos=True)
    face.show(REST_SHAPE)
    pictures = []
    for subject in (face, twin):
        with FaceRenderer(subject, 192, 192, quality="fast") as renderer:
            pictures.append(renderer.render("mouth").astype(int))
    assert np.abs(pictures[0] - pictures[1]).mean() < 5


def test_impossible_lips_are_refused() -> None:
    with pytest.raises(ValueError, match="jaw_deg is 90"):
        LipShape(jaw_deg=90.0)
    with pytest.raises(ValueError, match="aperture_mm is nan"):
        LipShape(aperture_mm=float("nan"))


def test_curves_are_sampled_between_and_held_beyond_their_ends() -> None:
    zero = np.zeros(2)
    curves = LipCurves(
        times_s=np.array([0.0, 1.0]),
        aperture_mm=np.array([0.0, 10.0]),
        width_mm=np.array([50.0, 46.0]),
        protrusion_mm=zero,
        jaw_deg=zero,
        lip_to_teeth=zero,
        closure=np.array([1.0, 0.0]),
    )
    shapes = sample_shapes(curves, np.array([0.0, 0.25, 3.0]))
    assert [shape.aperture_mm for shape in shapes] == [0.0, 2.5, 10.0]
    assert [shape.width_mm for shape in shapes] == [50.0, 49.0, 46.0]
    assert [shape.closure for shape in shapes] == [1.0, 0.75, 0.0]
