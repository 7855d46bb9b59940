"""Eyeball and its painted texture. The ball stands at its own origin and looks along +y."""

import numpy as np
from numpy.typing import NDArray

from sim.build_model.mesh import Array, Mesh, loft

RADIUS_M = 0.0122
"""Adult eyeball, about 24 mm across."""
IRIS_RADIUS_M = 0.0059
PUPIL_RADIUS_M = 0.0020
CORNEA_BULGE_M = 0.0006
PAINTED_POLAR_ANGLE = 0.5 * np.pi
"""Angle from the gaze axis at which the picture ends; the back of the ball takes its edge."""
PICTURE_MARGIN = 0.98

RINGS = 18
SEGMENTS = 28

_SEED = 7
_SUPERSAMPLE = 2


def eyeball() -> Mesh:
    """Eyeball with a slight corneal bulge and uv: polar projection about the gaze axis, +y.

    Picture up is +z; picture right is -x, so seen from the front the picture is not mirrored.
    """
    # Rings crowd towards the front pole, where the iris is.
    polar = np.pi * np.linspace(0.0, 1.0, RINGS + 2)[1:-1] ** 1.25
    angle = np.linspace(0.0, 2.0 * np.pi, SEGMENTS, endpoint=False)
    iris = np.arcsin(IRIS_RADIUS_M / RADIUS_M)
    radius = (
        RADIUS_M + CORNEA_BULGE_M * np.clip(1.0 - (polar / (1.15 * iris)) ** 2, 0.0, 1.0) ** 1.5
    )
    rings = np.stack(
        [
            np.outer(radius * np.sin(polar), np.cos(angle)),
            np.outer(radius * np.cos(polar), np.ones_like(angle)),
            np.outer(radius * np.sin(polar), np.sin(angle)),
        ],
        axis=-1,
    )
    skin = loft(rings)
    vertices = skin.vertices.copy()
    # The loft closes each end flat; put both poles on the surface.
    vertices[-2] = (0.0, RADIUS_M + CORNEA_BULGE_M, 0.0)
    vertices[-1] = (0.0, -RADIUS_M, 0.0)
    return Mesh(vertices, skin.faces, _polar_uv(vertices))


def eye_texture(size: int = 512) -> NDArray[np.uint8]:
    """(size, size, 3) sRGB picture of the eye for `eyeball`'s uv, row 0 at the top.

    Raises ValueError when size is below 64 pixels, too few for an iris.
    """
    if size < 64:
        raise ValueError(f"an eye needs a texture of at least 64 pixels, got size={size}")
    fine = size * _SUPERSAMPLE
    axis = (np.arange(fine) + 0.5) / fine * 2.0 - 1.0
    right, up = np.meshgrid(axis, -axis)
    # Distance from the gaze axis in metres on the ball's surface seen from the front.
    polar = np.hypot(right, up) / PICTURE_MARGIN * PAINTED_POLAR_ANGLE
    radius = RADIUS_M * np.sin(np.clip(polar, 0.0, 0.5 * np.pi))
    turn = np.arctan2(up, right)

    picture = _sclera(radius, turn, right, up)
    iris = _iris(radius, turn)
    inside = _smooth_step(IRIS_RADIUS_M + 0.00018, IRIS_RADIUS_M - 0.00022, radius)
    picture = picture + (iris - picture) * inside[..., None]
    picture = picture * _lid_shade(right, up)[..., None]
    picture = _catch_light(picture, radius, turn)
    picture = np.clip(picture, 0.0, 1.0)
    picture = picture.reshape(size, _SUPERSAMPLE, size, _SUPERSAMPLE, 3).mean(axis=(1, 3))
    return np.asarray(np.round(picture * 255.0), dtype=np.uint8)


def _polar_uv(vertices: Array) -> Array:
    x, y, z = vertices.T
    polar = np.arctan2(np.hypot(x, z), y)
    reach = 0.5 * PICTURE_MARGIN * np.clip(polar / PAINTED_POLAR_ANGLE, 0.0, 1.0)
    turn = np.arctan2(z, -x)
    return np.stack([0.5 + reach * np.cos(turn), 0.5 + reach * np.sin(turn)], axis=1)


def _sclera(radius: Array, turn: Array, right: Array, up: Array) -> Array:
    """Warm off-white with faint veins that fade towards the iris."""
    base = np.array([0.90, 0.875, 0.845])
    pink = np.array([0.80, 0.60, 0.54])
    random = np.random.default_rng(_SEED)
    veins = np.zeros_like(radius)
    for _ in range(26):
        # Veins come from the two corners of the eye: around 0 and around pi.
        start = random.choice([0.0, np.pi]) + random.normal(0.0, 0.42)
        sway, phase, rate = random.uniform(0.02, 0.08), random.uniform(0, 2 * np.pi), 2600.0
        inner = random.uniform(0.0072, 0.0100)
        path = start + sway * np.sin(rate * radius + phase) + 0.3 * sway * np.sin(5100 * radius)
        across = np.abs(np.angle(np.exp(1j * (turn - path)))) * radius
        width = 0.00005 + 0.00010 * _smooth_step(inner, RADIUS_M, radius)
        veins += np.exp(-((across / width) ** 2)) * _smooth_step(inner, RADIUS_M, radius)
    corner = _smooth_step(0.55, 1.0, np.abs(right)) * 0.35
    amount = np.clip(0.40 * veins + corner, 0.0, 0.75)[..., None]
    ring = 1.0 - 0.10 * _smooth_step(IRIS_RADIUS_M + 0.0012, IRIS_RADIUS_M, radius)
    return np.asarray((base + (pink - base) * amount) * ring[..., None])


def _iris(radius: Array, turn: Array) -> Array:
    """Grey-blue with a hazel collar, radial fibres, a dark limbal ring and a soft-edged pupil."""
    share = np.clip((radius - PUPIL_RADIUS_M) / (IRIS_RADIUS_M - PUPIL_RADIUS_M), 0.0, 1.0)
    blue, hazel = np.array([0.34, 0.46, 0.53]), np.array([0.50, 0.38, 0.22])
    pale, rim = np.array([0.62, 0.70, 0.72]), np.array([0.09, 0.12, 0.16])

    random = np.random.default_rng(_SEED + 1)
    fibre = np.zeros_like(turn)
    for count in (23, 41, 67, 97, 131):
        phase, bend = random.uniform(0.0, 2.0 * np.pi, 2)
        wave = np.sin(count * turn + phase + 1.6 * np.sin(3.0 * turn + bend) + 2.0 * share)
        fibre += wave * random.uniform(0.6, 1.0)
    fibre = fibre / 2.6
    wobble = 0.05 * np.sin(11.0 * turn + 0.7) + 0.04 * np.sin(17.0 * turn + 2.1)

    collar = _smooth_step(0.48, 0.10, share + wobble)
    colour = blue + (hazel - blue) * (0.85 * collar)[..., None]
    light = np.clip(0.30 + 0.45 * fibre, 0.0, 1.0) * _smooth_step(0.0, 0.2, share)
    colour = colour + (pale - colour) * (0.55 * light)[..., None]
    colour = colour * (1.0 - 0.30 * np.clip(-fibre, 0.0, 1.0))[..., None]
    # Light gathers in the iris opposite to where it enters, so the lower half is a little lighter.
    colour = colour * (1.0 - 0.16 * np.sin(turn) * share)[..., None]
    limbal = _smooth_step(0.70, 1.0, share)[..., None]
    colour = colour + (rim - colour) * 0.85 * limbal
    pupil = _smooth_step(PUPIL_RADIUS_M + 0.00030, PUPIL_RADIUS_M - 0.00005, radius)[..., None]
    return np.asarray(colour + (np.array([0.012, 0.012, 0.016]) - colour) * pupil)


def _lid_shade(right: Array, up: Array) -> Array:
    """Soft shadow that the lids and lashes throw: strongest from above, some at the corners."""
    above = 0.55 * _smooth_step(0.12, 0.62, up)
    below = 0.25 * _smooth_step(0.30, 0.75, -up)
    corner = 0.30 * _smooth_step(0.45, 0.95, np.abs(right))
    return np.asarray((1.0 - above) * (1.0 - below) * (1.0 - corner))


def _catch_light(picture: Array, radius: Array, turn: Array) -> Array:
    """Two small reflections of a window: at the upper left of the pupil, and faintly opposite."""
    across, upward = radius * np.cos(turn), radius * np.sin(turn)
    for x, y, size, strength in (
        (-0.0017, 0.0019, 0.00085, 0.92),
        (0.0018, -0.0021, 0.00045, 0.30),
    ):
        distance = np.hypot(across - x, upward - y)
        spot = strength * _smooth_step(size, 0.62 * size, distance)
        picture = picture + (1.0 - picture) * spot[..., None]
    return picture


def _smooth_step(start: float, end: float, value: Array) -> Array:
    """0 at start, 1 at end (either may be the larger), with level ends."""
    t = np.clip((value - start) / (end - start), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))
