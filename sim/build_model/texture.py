"""The painted face: skin, lips, brows, lash lines and baked ambient shade, deterministic."""

import numpy as np
from matplotlib.path import Path
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy.interpolate import griddata
from scipy.ndimage import gaussian_filter

from sim.build_model.face_mesh import TEXTURE_X_MM, TEXTURE_Z_MM
from sim.build_model.surface import (
    EYE_CENTRE,
    VERMILION_BORDER,
    eye_opening,
    face_height,
    lip_patch,
    lip_texture_plane,
)

Array = NDArray[np.float64]

PIXELS_PER_MM = 7.0
SKIN_RGB = np.array([231.0, 186.0, 161.0])
LIP_RGB = np.array([188.0, 108.0, 103.0])
BROW_RGB = (62, 42, 34)
LASH_RGB = np.array([58.0, 40.0, 36.0])


def _gauss(*terms: Array) -> Array:
    return np.exp(-sum(t * t for t in terms))


def _to_pixels(points_mm: Array) -> Array:
    return np.stack(
        [points_mm[..., 0] - TEXTURE_X_MM[0], TEXTURE_Z_MM[1] - points_mm[..., 1]], -1
    ) * (PIXELS_PER_MM)


def _paint(image: Array, colour: Array, amount: Array) -> Array:
    return image + amount[..., None] * (colour - image)


def _lip_maps(x: Array, z: Array) -> tuple[Array, Array]:
    """r and surface height y (mm) over the texture plane; NaN off the lip patch."""
    theta, r = np.meshgrid(
        np.linspace(0, 2 * np.pi, 361), np.concatenate([[0], np.linspace(0.02, 1, 100)])
    )
    plane = lip_texture_plane(theta, r).reshape(-1, 2)
    values = np.stack([r.ravel(), lip_patch(theta, r)[..., 1].ravel()], -1)
    plane = plane + 1e-7 * np.arange(len(plane))[:, None]  # no duplicate points at the corners
    box = (np.abs(x) < 54) & (z > -50) & (z < 46)
    maps = np.full((*x.shape, 2), np.nan)
    maps[box] = griddata(plane, values, np.stack([x[box], z[box]], -1), method="linear")
    slit = (np.abs(x) < 22) & (np.abs(z) < 0.4)
    maps[slit & (maps[..., 0] > 0.1), 0] = 0.05
    return maps[..., 0], maps[..., 1]


def _shade(height: Array) -> Array:
    """Darkness of hollows in [0, 1): how far the surface lies behind its blurred self."""
    shade = np.zeros_like(height)
    for sigma_mm, gain in ((1.2, 0.28), (3.5, 0.07), (9.0, 0.018)):
        behind = gaussian_filter(height, sigma_mm * PIXELS_PER_MM) - height
        shade += gain * np.clip(behind, 0, 6)
    return 1 - np.exp(-shade)


def _noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> Array:
    field = gaussian_filter(rng.standard_normal(shape), sigma)
    return np.asarray(field / field.std())


def _brow_hairs(size: tuple[int, int], rng: np.random.Generator) -> Array:
    """Coverage of the brows in [0, 1], drawn hair by hair at twice the resolution."""
    canvas = Image.new("L", (2 * size[0], 2 * size[1]), 0)
    draw = ImageDraw.Draw(canvas)
    for _ in range(640):
        t = rng.uniform() ** 0.9
        across = rng.normal(0, 0.42) * (1.0 - 0.55 * t)
        x = 13.5 + 35.0 * t
        z = 81.5 + 5.2 * np.sin(np.pi * (0.12 + 0.62 * t)) - 5.0 * max(t - 0.62, 0) + 3.4 * across
        angle = np.radians(62 - 66 * t + rng.normal(0, 7))
        length = rng.uniform(3.2, 5.4) * (1 - 0.35 * t)
        shade = int(rng.uniform(120, 225))
        tip = np.array([x + length * np.cos(angle), z + length * np.sin(angle) * 0.55])
        for side in (1, -1):
            a = 2 * _to_pixels(np.array([side * x, z]))
            b = 2 * _to_pixels(np.array([side * tip[0], tip[1]]))
            draw.line([tuple(a), tuple(b)], fill=shade, width=3)
    canvas = canvas.filter(ImageFilter.GaussianBlur(1.6)).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(canvas, float) / 255


def _lash_line(x: Array, z: Array) -> Array:
    """Darkness along the lid margins: strong on the upper lid, faint on the lower."""
    ax = np.abs(x)
    amount = np.zeros_like(x)
    near = (np.abs(ax - EYE_CENTRE[0]) < 20) & (np.abs(z - EYE_CENTRE[2]) < 12)
    points = np.stack([ax[near], z[near]], -1)
    inside = Path(eye_opening(200, 0.15)).contains_points(points)
    upper = points[:, 1] > EYE_CENTRE[2] + 0.06 * (points[:, 0] - EYE_CENTRE[0])
    line = inside.astype(float)
    for grow in np.linspace(0.25, 1.3, 8):
        ring = Path(eye_opening(200, grow)).contains_points(points)
        line += ring
    coverage = line / 9
    amount[near] = np.where(upper, coverage, 0.42 * coverage**2)
    return gaussian_filter(amount, 1.2)


def face_texture() -> NDArray[np.uint8]:
    """The face texture, (h, w, 3) uint8 sRGB, row 0 at the top of the forehead."""
    width, height = (round((b - a) * PIXELS_PER_MM) for a, b in (TEXTURE_X_MM, TEXTURE_Z_MM))
    centre = (np.arange(width) + 0.5) / PIXELS_PER_MM + TEXTURE_X_MM[0]
    down = TEXTURE_Z_MM[1] - (np.arange(height) + 0.5) / PIXELS_PER_MM
    x, z = np.meshgrid(centre, down)
    ax = np.abs(x)
    rng = np.random.default_rng(7)
    fine, coarse = _noise(rng, x.shape, 1.1), _noise(rng, x.shape, 26)

    image = np.broadcast_to(SKIN_RGB, (*x.shape, 3)).astype(float)
    image = image + (fine * 1.3 + coarse * 1.2)[..., None] * np.array([1.0, 0.9, 0.85])
    blush = _gauss((ax - 42) / 17, (z - 30) / 15) + 0.7 * _gauss(ax / 11, (z - 29) / 9)
    blush += 0.35 * _gauss(ax / 14, (z + 36) / 9) + 0.25 * _gauss(ax / 40, (z - 115) / 20)
    image += blush[..., None] * np.array([2.0, -10.0, -9.0])
    lids = _gauss((ax - EYE_CENTRE[0]) / 17, (z - EYE_CENTRE[2] - 2) / 9)
    image += lids[..., None] * np.array([-9.0, -17.0, -13.0])

    ring, lip_height = _lip_maps(x, z)
    surface = face_height(x, np.clip(z, -56, 152))
    surface = np.where(np.isnan(lip_height) | (ring < VERMILION_BORDER), surface, lip_height)
    image *= 1 - (0.55 * _shade(surface))[..., None] * np.array([0.75, 1.0, 1.05])
    nostril = _gauss((ax - 6.6) / 2.3, (z - 18.4) / 1.5)
    image = _paint(image, np.array([70.0, 34.0, 30.0]), np.clip(1.15 * nostril, 0, 0.95))

    inside = np.nan_to_num(ring, nan=1.0)
    lines = np.sin(x * 3.1 + 2.5 * coarse) * _gauss((inside - 0.3) / 0.12)
    lips = LIP_RGB + (2.0 * fine + 2.0 * lines)[..., None]
    lips = lips - np.clip((0.17 - inside) / 0.12, 0, 1)[..., None] * np.array([58.0, 48.0, 46.0])
    lips = lips + _gauss((inside - 0.34) / 0.07)[..., None] * np.array([8.0, 7.0, 7.0])
    edge = gaussian_filter(1 / (1 + np.exp((inside - VERMILION_BORDER) / 0.010)), 2.0)
    image = _paint(image, lips, 0.94 * edge)
    seam = _gauss((np.abs(x) - 23.5) / 2.2, (z + 0.2) / 0.9)
    image = _paint(image, np.array([112.0, 58.0, 54.0]), 0.5 * seam)

    brows = _brow_hairs((width, height), rng)
    image = _paint(image, np.array(BROW_RGB, float), np.clip(brows, 0, 0.92))
    image = _paint(image, LASH_RGB, np.clip(_lash_line(x, z), 0, 0.95))
    return np.clip(np.round(image), 0, 255).astype(np.uint8)
