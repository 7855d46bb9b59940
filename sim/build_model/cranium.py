"""Robot head behind the silicone mask: shell, neck and ear discs, each with a thin accent part.

Face frame, metres. The mask's edge runs roughly along |x| = 66 mm at (y, z) = (-55, 50) mm and
over the top at (-35, 142) mm; the shell's rim stands behind it and frames it.
"""

import numpy as np

from sim.build_model.mesh import Array, Mesh, loft, merge, mirror_x, tube

MM = 1e-3

# Shell: an egg whose widest section stands at SHELL_WIDEST_Y.
SHELL_HALF_WIDTH = 75.0 * MM
SHELL_TOP = 160.0 * MM
SHELL_BOTTOM = -10.0 * MM
SHELL_BACK = -185.0 * MM
SHELL_WIDEST_Y = -98.0 * MM
SHELL_WALL = 3.2 * MM
RIM_TOP_Y = -37.0 * MM
RIM_SIDE_Y = -62.0 * MM
RIM_BOTTOM_Y = -78.0 * MM
SHELL_SEGMENTS = 40
GROOVE_AT = 0.42
"""Where the panel line runs, as a share of the way from the widest section to the back."""

NECK_Y = -129.0 * MM
NECK_TOP = 6.0 * MM
NECK_BOTTOM = -160.0 * MM
NECK_RADIUS = 38.5 * MM
NECK_RIBS = 9
NECK_SEGMENTS = 28

EAR_X = 74.0 * MM
EAR_Y = -85.0 * MM
EAR_Z = 45.0 * MM
EAR_RADIUS = 18.0 * MM
EAR_SEGMENTS = 24


def head_shell() -> Mesh:
    """Cranium, open to the front behind the mask: 150 mm wide, y from -185 to -35 mm."""
    front = np.linspace(1.0, 0.0, 5)
    back = _back_stations()
    forward = np.stack([_shell_front(u, 0.0) for u in front])
    groove = 0.9 * MM * np.exp(-(((back - GROOVE_AT) / 0.011) ** 2))
    rearward = np.stack([_shell_back(v, g) for v, g in zip(back, groove, strict=True)])
    lip = np.linspace(0.0, np.pi, 7)[1:-1]
    rim = np.stack([_shell_lip(turn) for turn in lip[::-1]])
    plain = np.linspace(0.0, 0.97, 5)[1:]
    inside = np.concatenate(
        [
            np.stack([_shell_back(v, SHELL_WALL) for v in plain[::-1]]),
            np.stack([_shell_front(u, SHELL_WALL) for u in front[::-1]]),
        ]
    )
    return loft(np.concatenate([inside, rim, forward, rearward]))


def head_trim() -> Mesh:
    """Thin accent ring let into the shell's panel line."""
    return _band(GROOVE_AT, half_width=0.8 * MM, proud=0.15 * MM)


def neck() -> Mesh:
    """Ribbed bellows column on a collar, from inside the shell down to z = -160 mm."""
    rings = []
    collar = (
        (54.0, 0.0),
        (57.0, 0.0),
        (58.0, 0.4),
        (58.4, 1.4),
        (58.4, 7.0),
        (58.0, 8.0),
        (57.0, 8.6),
        (46.0, 9.6),
        (43.6, 10.2),
        (42.0, 11.4),
    )
    for radius, height in collar:
        rings.append(_neck_ring(radius * MM, NECK_BOTTOM + height * MM))
    start = NECK_BOTTOM + 12.0 * MM
    share = np.linspace(0.0, 1.0, NECK_RIBS * 4 + 1)
    rib = np.abs(np.sin(np.pi * NECK_RIBS * share)) ** 0.55
    for part, full in zip(share, rib, strict=True):
        taper = 1.0 - 0.06 * np.sin(np.pi * part)
        radius = (NECK_RADIUS - 3.0 * MM) * taper + 3.0 * MM * full
        rings.append(_neck_ring(float(radius), float(start + part * (NECK_TOP - start))))
    return loft(np.stack(rings))


def neck_trim() -> Mesh:
    """Thin accent ring round the neck's collar."""
    profile = ((58.2, 3.2), (58.8, 3.5), (58.9, 4.2), (58.8, 4.9), (58.2, 5.2), (57.6, 4.2))
    return tube(np.stack([_neck_ring(r * MM, NECK_BOTTOM + h * MM) for r, h in profile]))


def ears() -> Mesh:
    """Two bevelled discs with a dished middle, standing on the shell's sides."""
    # (radius, distance from EAR_X outwards), millimetres.
    profile = (
        (16.0, -8.0),
        (17.2, -8.0),
        (17.2, 1.6),
        (17.3, 2.0),
        (18.0, 2.3),
        (18.0, 5.0),
        (17.8, 5.5),
        (17.2, 5.9),
        (16.6, 6.0),
        (14.6, 6.0),
        (14.3, 5.9),
        (14.1, 5.6),
        (14.1, 4.6),
        (12.5, 4.6),
        (12.5, 5.2),
        (12.3, 5.6),
        (12.0, 5.7),
        (11.0, 5.6),
        (8.0, 4.7),
        (4.5, 4.1),
        (1.5, 3.9),
    )
    right = loft(np.stack([_ear_ring(r * MM, out * MM) for r, out in profile]))
    return merge([right, mirror_x(right)])


def ear_trim() -> Mesh:
    """Two thin accent rings that lie in the ear discs' grooves."""
    profile = ((14.0, 4.2), (14.0, 5.2), (13.8, 5.45), (12.8, 5.45), (12.6, 5.2), (12.6, 4.2))
    right = tube(np.stack([_ear_ring(r * MM, out * MM) for r, out in profile]))
    return merge([right, mirror_x(right)])


def _back_stations() -> Array:
    """Stations 0..0.99 from the widest section to the back, dense at the panel line."""
    plain = np.linspace(0.0, 0.985, 13)[1:]
    plain = plain[np.abs(plain - GROOVE_AT) > 0.03]
    line = GROOVE_AT + 0.011 * np.array([-2.4, -1.5, -0.9, -0.4, 0.0, 0.4, 0.9, 1.5, 2.4])
    return np.sort(np.concatenate([plain, line]))


def _angles() -> Array:
    return np.linspace(0.0, 2.0 * np.pi, SHELL_SEGMENTS, endpoint=False)


def _section(scale: Array, inset: float) -> tuple[Array, Array]:
    """x and z of the shell's outline, scaled per segment and moved `inset` inwards."""
    angle = _angles()
    middle = 0.5 * (SHELL_TOP + SHELL_BOTTOM)
    across = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** 0.92
    upward = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** 0.92
    x = SHELL_HALF_WIDTH * across * scale
    z = (SHELL_TOP - middle) * upward * scale
    size = np.hypot(x, z)
    shrink = np.clip(1.0 - inset / size, 0.0, 1.0)
    return x * shrink, middle + z * shrink


def _rim() -> tuple[Array, Array]:
    """Per segment: how far the rim is drawn in (share of the outline) and its y."""
    upward = np.sin(_angles())
    above, below = np.clip(upward, 0.0, 1.0), np.clip(-upward, 0.0, 1.0)
    drawn_in = 0.945 - 0.095 * above**2 - 0.02 * below**2
    y = RIM_SIDE_Y + (RIM_TOP_Y - RIM_SIDE_Y) * above**1.6
    return drawn_in, y + (RIM_BOTTOM_Y - RIM_SIDE_Y) * below**1.6


def _shell_front(u: float, inset: float) -> Array:
    """(n, 3) loop a share u of the way from the widest section (0) to the rim (1)."""
    drawn_in, rim_y = _rim()
    x, z = _section(1.0 - (1.0 - drawn_in) * u * u, inset)
    return np.stack([x, SHELL_WIDEST_Y + (rim_y - SHELL_WIDEST_Y) * u, z], axis=-1)


def _shell_back(v: float, inset: float) -> Array:
    """(n, 3) loop a share v of the way round from the widest section (0) to the back (1)."""
    turn = 0.5 * np.pi * v
    x, z = _section(np.full(SHELL_SEGMENTS, np.cos(turn) ** 0.92), inset * np.cos(turn))
    reach = SHELL_BACK - SHELL_WIDEST_Y + inset * np.sin(turn)
    return np.stack([x, np.full_like(x, SHELL_WIDEST_Y + reach * np.sin(turn)), z], axis=-1)


def _shell_lip(turn: float) -> Array:
    """(n, 3) loop on the rim's rounded lip: 0 at the outer wall, pi at the inner one."""
    radius = 0.5 * SHELL_WALL
    loop = _shell_front(1.0, radius * (1.0 - np.cos(turn)))
    loop[:, 1] += radius * np.sin(turn)
    return loop


def _band(v: float, half_width: float, proud: float) -> Mesh:
    """Ring of rectangular section round the shell at station v, `proud` above its surface."""
    step = half_width / (0.5 * np.pi * 85.0 * MM)
    corners = (
        (-1.0, 1.6 * MM),
        (-1.0, 0.2 * MM),
        (-0.7, -proud),
        (0.7, -proud),
        (1.0, 0.2 * MM),
        (1.0, 1.6 * MM),
    )
    return tube(np.stack([_shell_back(v + side * step, inset) for side, inset in corners]))


def _neck_ring(radius: float, z: float) -> Array:
    angle = np.linspace(0.0, 2.0 * np.pi, NECK_SEGMENTS, endpoint=False)
    # The column leans forward towards the head.
    lean = 8.0 * MM * (z - NECK_BOTTOM) / (NECK_TOP - NECK_BOTTOM)
    return np.stack(
        [
            radius * np.cos(angle),
            NECK_Y + lean + radius * np.sin(angle),
            np.full_like(angle, z),
        ],
        axis=-1,
    )


def _ear_ring(radius: float, out: float) -> Array:
    angle = np.linspace(0.0, 2.0 * np.pi, EAR_SEGMENTS, endpoint=False)
    return np.stack(
        [
            np.full_like(angle, EAR_X + out),
            EAR_Y + radius * np.cos(angle),
            EAR_Z + radius * np.sin(angle),
        ],
        axis=-1,
    )
