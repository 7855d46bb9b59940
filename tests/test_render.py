"""Pictures: what the pixels show."""

import numpy as np
import pytest

from sim import FaceTwin
from sim.landmarks import ROW
from sim.poses import POSES
from sim.render import CAMERAS, LIP_CROP_SIZE, FaceRenderer, project

SIZE = 192


@pytest.fixture(scope="module")
def twin() -> FaceTwin:
    return FaceTwin(ideal_servos=True)


def pose(twin: FaceTwin, name: str) -> None:
    twin.reset()
    twin.step(POSES[name], 0.8)


def mean_colour(picture: np.ndarray, pixel: np.ndarray, half: int = 2) -> np.ndarray:
    x, y = (round(value) for value in pixel)
    return picture[y - half : y + half + 1, x - half : x + half + 1].reshape(-1, 3).mean(axis=0)


@pytest.mark.parametrize("quality", ["fast", "beautiful"])
@pytest.mark.parametrize("camera", CAMERAS)
def test_every_camera_sees_a_face(twin: FaceTwin, camera: str, quality: str) -> None:
    pose(twin, "rest")
    with FaceRenderer(twin, SIZE, SIZE, quality=quality) as renderer:  # type: ignore[arg-type]
        picture = renderer.render(camera)
    assert picture.shape == (SIZE, SIZE, 3)
    assert picture.dtype == np.uint8
    red, green, blue = (picture[..., k].astype(int) for k in range(3))
    skin = (red > 100) & (red > green + 12) & (green > blue)
    assert skin.mean() > 0.08


def test_lips_are_redder_than_the_chin_and_no_teeth_show_at_rest(twin: FaceTwin) -> None:
    pose(twin, "rest")
    with FaceRenderer(twin, 256, 256) as renderer:
        picture = renderer.render("mouth")
    middle = twin.landmarks()[[ROW[14], ROW[17]]].mean(axis=0)
    lips, chin = project(twin, np.array([middle, [0.0, -0.002, -0.030]]), "mouth", 256, 256)
    redness = [mean_colour(picture, at) for at in (lips, chin)]
    assert redness[0][0] - redness[0][1] > redness[1][0] - redness[1][1] + 15
    corner = project(twin, twin.landmarks()[[ROW[61], ROW[291]]], "mouth", 256, 256)
    rows = slice(int(corner[:, 1].min()) - 8, int(corner[:, 1].max()) + 8)
    columns = slice(int(corner[:, 0].min()) + 6, int(corner[:, 0].max()) - 6)
    between = picture[rows, columns].astype(int)
    # teeth are bright and grey; closed lips show neither
    grey = (np.ptp(between, axis=2) < 45) & (between.min(axis=2) > 120)
    assert grey.mean() < 0.002


def test_open_mouth_shows_teeth_above_a_dark_cavity(twin: FaceTwin) -> None:
    pose(twin, "aa")
    with FaceRenderer(twin, 256, 256) as renderer:
        picture = renderer.render("mouth")
    points = twin.landmarks()
    upper, lower = project(twin, points[[ROW[13], ROW[14]]], "mouth", 256, 256)
    column = picture[int(upper[1]) : int(lower[1]), round((upper[0] + lower[0]) / 2)].astype(int)
    assert len(column) > 25
    bright = (column.min(axis=1) > 110) & (np.ptp(column, axis=1) < 70)
    dark = column.max(axis=1) < 80
    assert bright.any()
    assert dark.any()
    assert np.flatnonzero(bright).min() < np.flatnonzero(dark).max()


def test_landmarks_project_onto_the_lips(twin: FaceTwin) -> None:
    pose(twin, "rest")
    size = LIP_CROP_SIZE
    pixels = project(twin, twin.landmarks(), "lip_crop", size, size)
    assert ((pixels > 4) & (pixels < size - 4)).all()
    # the subject's right corner (61) is on the left of the picture
    assert pixels[ROW[61], 0] < size / 2 < pixels[ROW[291], 0]
    assert pixels[ROW[0], 1] < pixels[ROW[17], 1]


def test_both_tiers_look_alike() -> None:
    pictures = []
    for skin in ("condensed", "shell"):
        twin = FaceTwin(skin, ideal_servos=True)
        twin.step(POSES["ee"], 0.8)
        with FaceRenderer(twin, SIZE, SIZE, quality="fast") as renderer:
            pictures.append(renderer.render("mouth").astype(int))
    assert np.abs(pictures[0] - pictures[1]).mean() < 6


def test_rendering_is_repeatable(twin: FaceTwin) -> None:
    pose(twin, "oo")
    with FaceRenderer(twin, 128, 128, quality="fast") as renderer:
        np.testing.assert_array_equal(renderer.render("lip_crop"), renderer.render("lip_crop"))


def test_bad_requests_are_named(twin: FaceTwin) -> None:
    with pytest.raises(ValueError, match="unknown quality"):
        FaceRenderer(twin, 64, 64, quality="ugly")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="use 1 to"):
        FaceRenderer(twin, 0, 64)
    with (
        FaceRenderer(twin, 64, 64, quality="fast") as renderer,
        pytest.raises(ValueError, match="unknown camera"),
    ):
        renderer.render("selfie")
