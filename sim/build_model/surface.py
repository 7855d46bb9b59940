"""The face as a parametric surface: a lip patch in polar rings and a height field for the rest.

The lip patch F(theta, r) runs in closed rings from the oral side of the lips (r = 0) over the wet
line (r = 0.14, where the lips meet), the vermilion border (r = 0.45) and the cheeks to the border
of the deformable skin (r = 1). theta = 0 is the right mouth corner, pi/2 the upper lip, pi the
left corner. Outside r = 1 the face is the height field y = H(x, z).

All lengths in this module are millimetres in the face frame (+x subject's right, +y forward,
+z up, origin at the centre of the closed lips). Proportions follow adult anthropometry
(Farkas, Anthropometry of the Head and Face, 1994: mouth width 50 mm, interpupillary distance
63 mm, bizygomatic width 137 mm, subnasale to gnathion 69 mm), rounded for a mask.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline, PchipInterpolator

Array = NDArray[np.float64]

WET_LINE = 0.14
"""Ring on which upper and lower lip meet at rest."""
VERMILION_BORDER = 0.45
"""Ring of the border between red lip and skin."""

EYE_CENTRE = np.array([31.5, -23.6, 66.0])
"""Centre of the right eyeball (mirror x for the left)."""
EYELID_RADIUS = 13.5

# Lip and perioral profiles over r, as seen on the midline (upper, lower) and at the corner.
_R = np.array([0.00, 0.07, 0.14, 0.20, 0.28, 0.36, 0.45, 0.56, 0.70, 0.85, 1.00])
_UPPER_Z = np.array([5.2, 1.8, 0.22, 0.75, 2.7, 5.2, 8.2, 12.2, 18.5, 29.0, 43.0])
_UPPER_Y = np.array([-7.4, -6.6, -4.2, -1.7, 0.5, 0.9, -1.0, -2.6, -3.2, -4.0, -6.0])
_LOWER_Z = -np.array([5.6, 2.0, 0.22, 0.75, 3.0, 6.4, 10.0, 15.0, 24.0, 35.0, 47.0])
_LOWER_Y = np.array([-8.0, -7.0, -4.4, -2.0, 0.3, 0.5, -2.4, -5.4, -3.6, -1.0, -5.0])
_CORNER_X = np.array([20.0, 21.8, 23.4, 24.4, 25.3, 26.4, 28.2, 32.5, 38.5, 45.5, 52.0])
_CORNER_Y = np.array([-15.0, -13.8, -12.0, -10.8, -9.8, -9.2, -9.4, -11.0, -15.0, -21.0, -29.0])
_CORNER_Z = np.array([-0.2, -0.2, -0.2, -0.2, -0.2, -0.2, -0.3, -0.6, -1.0, -1.5, -2.0])
# Exponent of the lens (1 - u^2)^q that shapes each ring: almond near the lips, rounded box outside.
_LENS = np.array([0.75, 0.7, 0.6, 0.75, 0.88, 0.95, 0.92, 0.75, 0.58, 0.46, 0.40])
_upper_z, _upper_y, _lower_z, _lower_y, _corner_x, _corner_y, _corner_z, _lens = (
    PchipInterpolator(_R, table)
    for table in (
        _UPPER_Z, _UPPER_Y, _LOWER_Z, _LOWER_Y, _CORNER_X, _CORNER_Y, _CORNER_Z, _LENS,
    )
)  # fmt: skip

# Midline profile without lips and nose, and half-width of the head, over z.
_profile = PchipInterpolator(
    [-66, -58, -50, -43, -36, -24, -12, 0, 12, 20, 35, 50, 66, 78, 88, 100, 115, 130, 145, 162],
    [-34, -17, -7.0, -2.2, -0.8, -3.8, -4.4, -3.6, -3.6, -4.5, -6.5, -8.0, -8.2, -5.6, -3.4, -2.6,
     -6.2, -14, -27, -48],
)  # fmt: skip
_half_width = PchipInterpolator(
    [-66, -58, -50, -42, -26, -5, 20, 45, 70, 100, 127, 150, 165],
    [30, 36, 42, 47, 55, 61.5, 66.5, 70.0, 71.5, 69.5, 63.5, 54, 46],
)
_nose_height = PchipInterpolator(
    [13, 16, 19, 22, 25, 28, 33, 40, 50, 60, 68, 78], [0, 1.5, 7.5, 13.8, 17.4, 18.0, 16.2, 12.4,
     7.8, 4.4, 2.2, 0]
)  # fmt: skip
_nose_half_width = PchipInterpolator(
    [13, 20, 26, 33, 42, 55, 78], [7.5, 7.6, 7.8, 7.2, 6.3, 6.0, 8]
)

_OUTLINE = np.array(
    [(0, 150), (28, 145.5), (50, 128), (62.5, 101), (66.5, 70), (65.8, 45), (62.3, 20), (57, -5),
     (49.5, -26), (37.5, -43), (21, -52.5), (0, -55.5)], dtype=float
)  # fmt: skip


def _gauss(*terms: Array) -> Array:
    return np.exp(-sum(t * t for t in terms))


def _smoothstep(x: Array, lo: float, hi: float) -> Array:
    t = np.clip((x - lo) / (hi - lo), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def face_height(x: ArrayLike, z: ArrayLike) -> Array:
    """Height y of the face (without lips) over the frontal plane, mm; x and z broadcast, mm."""
    ax, z = np.broadcast_arrays(np.abs(np.asarray(x, float)), np.asarray(z, float))
    u = np.clip(ax / _half_width(np.clip(z, -66, 165)), 0.0, 0.999)
    y = _profile(np.clip(z, -66, 162)) - 86.0 * (1.0 - np.sqrt(1.0 - u**2.35))
    # brow ridge, temples, cheek bones, hollow below them, jowl line
    y = y + 2.2 * _gauss((ax - 25) / 18, (z - 84.5 - 0.06 * (ax - 26)) / 6.0)
    y = y - 2.5 * _gauss((ax - 62) / 9, (z - 88) / 18)
    y = y + 4.2 * _gauss((ax - 40) / 15, (z - 41) / 13)
    y = y - 1.6 * _gauss((ax - 46) / 11, (z - 8) / 14)
    # chin
    y = y + 3.6 * _gauss(ax / 13, (z + 37) / 9)
    # nasolabial fold
    fold = (ax - (20.0 + 0.40 * (24 - z))) / 3.2
    y = y - 0.9 * np.exp(-fold * fold) * _gauss((z - 13) / 11)
    # eye socket, then the lids as part of a sphere around the eyeball
    socket = _gauss((ax - EYE_CENTRE[0] + 1.5) / 15.5, (z - EYE_CENTRE[2] - 1.5) / 10.5)
    y = y - 4.6 * socket
    lid2 = EYELID_RADIUS**2 - (ax - EYE_CENTRE[0]) ** 2 - (z - EYE_CENTRE[2]) ** 2
    lid = EYE_CENTRE[1] + np.sqrt(np.maximum(lid2, 0.0))
    blend = 1.5
    y = np.where(lid2 > 0, blend * np.logaddexp(y / blend, lid / blend), y)
    # crease of the upper lid
    crease = z - (EYE_CENTRE[2] + 9.2 - 0.022 * (ax - EYE_CENTRE[0] + 2) ** 2)
    y = y - 0.9 * _gauss(crease / 1.1) * _gauss((ax - EYE_CENTRE[0]) / 13)
    # nose: bridge and tip, wings, nostrils
    width = _nose_half_width(np.clip(z, 13, 78))
    y = y + _nose_height(np.clip(z, 13, 78)) * np.exp(-((ax / width) ** 2.1))
    y = y + 2.2 * _gauss(ax / 5.5, (z - 26.5) / 5.0)
    y = y + 8.0 * _gauss((ax - 12.2) / 4.6, (z - 24.5) / 5.0)
    y = y - 1.4 * _gauss((ax - 10.0) / 2.2, (z - 30.5) / 3.5)
    y = y - 5.5 * _gauss((ax - 6.6) / 2.7, (z - 18.9) / 1.9)
    return y


def _ring_plane(theta: Array, r: Array, upper: Array, lower: Array) -> tuple[Array, Array, Array]:
    """Frontal-plane position (x, z) of the rings and u = |x| / ring half-width."""
    c = np.cos(theta)
    turn = np.mod(theta, 2 * np.pi)
    triangle = 1.0 - 2.0 * np.where(turn <= np.pi, turn, 2 * np.pi - turn) / np.pi
    # near the lips, points are spaced evenly along the lip rather than evenly in angle
    even = 0.65 * np.clip((0.75 - r) / 0.4, 0.0, 1.0)
    c = (1.0 - even) * np.sign(c) * np.abs(c) ** 0.85 + even * triangle
    x = _corner_x(r) * c
    u = np.clip(np.abs(c), 0.0, 1.0)
    lens = np.maximum(1.0 - u * u, 0.0) ** _lens(r)
    corner = _corner_z(r)
    z = corner + (np.where(np.sin(theta) >= 0, upper, lower) - corner) * lens
    return x, z, u


def lip_patch(theta: ArrayLike, r: ArrayLike) -> Array:
    """Point F(theta, r) of the lip patch; theta rad, r in [0, 1]; returns (..., 3) mm."""
    theta, r = np.broadcast_arrays(np.asarray(theta, float), np.asarray(r, float))
    is_upper = np.sin(theta) >= 0
    x, z, u = _ring_plane(theta, r, _upper_z(r), _lower_z(r))
    ax = np.abs(x)
    # the line where the lips meet: tubercle in the middle, a soft wave beside it
    wet = _gauss((r - 0.12) / 0.10)
    z = z + wet * (0.35 * _gauss((ax - 10) / 5.0) - 0.50 * _gauss(ax / 5.5)) * (1 - u**4)
    # cupid's bow on the upper vermilion border
    bow = np.where(is_upper, _gauss((r - 0.43) / 0.07), 0.0)
    z = z + bow * (1.3 * _gauss((ax - 5.6) / 3.0) - 1.2 * _gauss(ax / 2.4))
    y = np.where(is_upper, _upper_y(r), _lower_y(r))
    y = y + (_corner_y(r) - y) * u**2.0
    # vermilion ridge, philtrum groove between its columns, pillows of the lower lip
    y = y + np.where(is_upper, 0.35, 0.2) * _gauss((r - 0.455) / 0.025) * (1 - u**2)
    philtrum = np.where(is_upper, _gauss((r - 0.57) / 0.10), 0.0)
    y = y + philtrum * (0.9 * _gauss((ax - 4.6) / 1.7) - 1.1 * _gauss(ax / 2.4))
    y = y + np.where(is_upper, 0.0, 0.5) * _gauss((r - 0.3) / 0.09, (ax - 7) / 4.0)
    y = y + np.where(is_upper, 0.5, 0.0) * _gauss((r - 0.25) / 0.09, ax / 3.5)
    far = _smoothstep(r, 0.48, 0.74)
    y = y + far * (face_height(x, z) - y)
    return np.stack([x, y, z], axis=-1)


def lip_texture_plane(theta: ArrayLike, r: ArrayLike) -> Array:
    """Unrolled frontal position of F(theta, r) for texturing, (..., 2) mm.

    Outside the vermilion border it is the frontal projection (x, z); inside, the rings are
    spread evenly so that the folded-in wet part of the lips has texture of its own.
    """
    theta, r = np.broadcast_arrays(np.asarray(theta, float), np.asarray(r, float))
    spread = np.minimum(r / VERMILION_BORDER, 1.0)
    border = np.full_like(r, VERMILION_BORDER)
    shape = np.maximum(r, VERMILION_BORDER)
    flat_upper = 0.3 + (_upper_z(shape) - 0.3) * spread
    flat_lower = -0.3 + (_lower_z(shape) + 0.3) * spread
    x, z, _ = _ring_plane(theta, r, flat_upper, flat_lower)
    inner = _corner_x(border) * (0.8 + 0.2 * spread) / _corner_x(np.minimum(r, border))
    return np.stack([np.where(r < VERMILION_BORDER, x * inner, x), z], axis=-1)


SHELL_RING_RADII = np.array([0.0, 0.07, 0.14, 0.22, 0.32, 0.45, 0.58, 0.72, 0.86, 1.0])
"""Rings of the simulated shell: one on the wet line, one on the vermilion border."""


def visual_ring_radii(per_gap: int) -> Array:
    """Rings of the visual patch: the shell rings with `per_gap` steps between neighbours."""
    steps = np.arange(per_gap * (len(SHELL_RING_RADII) - 1) + 1) / per_gap
    return np.asarray(np.interp(steps, np.arange(len(SHELL_RING_RADII)), SHELL_RING_RADII))


def mask_outline(n: int) -> Array:
    """n points of the edge of the silicone mask in the frontal plane, counter-clockwise in
    (x, z) from the lowest point, evenly spaced along the edge, symmetric; (n, 2) mm."""
    half = _OUTLINE[::-1]
    closed = np.vstack([half, half[-2:0:-1] * [-1, 1], half[:1]])
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    spline = CubicSpline(length, closed, bc_type="periodic")
    fine = np.linspace(0, length[-1], 4001)
    points = spline(fine)
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    s = np.interp(np.arange(n) * arc[-1] / n, arc, fine)
    return np.asarray(spline(s))


def eye_opening(n: int, grow: float = 0.0) -> Array:
    """n points around the opening between the lids of the right eye, offset outward by `grow` mm;
    (n, 2) mm in the frontal plane (x, z)."""
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    c, s = np.cos(t), np.sin(t)
    half = 13.6 + grow
    x = EYE_CENTRE[0] + 0.3 + half * c
    up, down = 5.0 + grow, 3.9 + grow
    # the upper lid peaks a little medially, the lower lid laterally
    skew = np.where(s > 0, -0.22, 0.2) * (1 - c * c)
    lens = np.abs(s) ** 1.12 * (1 + skew * c)
    z = EYE_CENTRE[2] - 0.4 + np.where(s > 0, up, -down) * lens + 0.07 * half * c
    return np.stack([x, z], axis=-1)
