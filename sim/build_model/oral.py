"""Inside of the mouth: teeth, gums, tongue and the dark cavity, in the face frame (metres).

Tooth widths and crown heights are rounded adult means as dental anatomy texts give them, with
the crowns of both jaws evened out a little so that the smile line is tidy.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.build_model.mesh import Array, Mesh, loft, merge, mirror_x

MM = 1e-3


@dataclass(frozen=True)
class Tooth:
    """One tooth of a half arch; lengths in metres.

    width: along the arch. height: crown, edge to gum line. depth: labial to lingual, at the neck.
    edge: labial to lingual, at the biting edge. longer: how far the edge passes the arch's.
    point: how far the edge's ends recede from its middle (0 for a straight edge).
    """

    width: float
    height: float
    depth: float
    edge: float
    longer: float = 0.0
    point: float = 0.0


@dataclass(frozen=True)
class Arch:
    """Labial curve y = front - depth (|x| / half_width)^POWER and the teeth on it.

    edge_z: height of the central incisors' edge. up: direction from edge to gum, +1 or -1.
    gum_depth: how far the gum reaches behind the labial curve.
    """

    front: float
    half_width: float
    edge_z: float
    up: float
    gum_depth: float
    teeth: tuple[Tooth, ...]


ARCH_DEPTH = 30.0 * MM
# A true parabola (2.0) is too pointed at the incisors; natural arches are flatter there.
ARCH_POWER = 2.2

UPPER = Arch(
    front=-10.5 * MM,
    half_width=26.0 * MM,
    edge_z=-2.2 * MM,
    up=1.0,
    gum_depth=9.0 * MM,
    teeth=(
        Tooth(8.5 * MM, 10.0 * MM, 6.6 * MM, 1.7 * MM, 0.0, 0.25 * MM),
        Tooth(6.6 * MM, 9.0 * MM, 6.0 * MM, 1.6 * MM, -0.55 * MM, 0.35 * MM),
        Tooth(7.6 * MM, 10.0 * MM, 7.6 * MM, 2.6 * MM, 0.25 * MM, 1.5 * MM),
        Tooth(7.0 * MM, 8.6 * MM, 8.6 * MM, 6.0 * MM, -0.45 * MM, 1.0 * MM),
        Tooth(7.0 * MM, 8.2 * MM, 8.6 * MM, 6.4 * MM, -0.6 * MM, 0.8 * MM),
        Tooth(10.0 * MM, 7.6 * MM, 10.0 * MM, 8.4 * MM, -0.6 * MM, 0.5 * MM),
    ),
)
LOWER = Arch(
    front=-13.5 * MM,
    half_width=24.0 * MM,
    edge_z=-3.0 * MM,
    up=-1.0,
    gum_depth=7.5 * MM,
    teeth=(
        Tooth(5.3 * MM, 9.0 * MM, 5.6 * MM, 1.5 * MM, 0.0, 0.15 * MM),
        Tooth(6.0 * MM, 9.0 * MM, 5.8 * MM, 1.5 * MM, 0.0, 0.2 * MM),
        Tooth(6.8 * MM, 9.6 * MM, 7.0 * MM, 2.4 * MM, 0.1 * MM, 1.2 * MM),
        Tooth(7.0 * MM, 8.4 * MM, 7.6 * MM, 5.4 * MM, -0.4 * MM, 0.9 * MM),
        Tooth(7.0 * MM, 8.0 * MM, 8.0 * MM, 6.0 * MM, -0.6 * MM, 0.7 * MM),
        Tooth(10.0 * MM, 7.4 * MM, 9.6 * MM, 8.2 * MM, -0.6 * MM, 0.5 * MM),
    ),
)

TOOTH_SIDES = 12
TOOTH_LEVELS = 8
ROOT = 1.5 * MM
"""How far a tooth goes on inside the gum."""
MAX_INCISOR_EDGE = 1.7 * MM
"""Teeth with a broader biting edge than this are hollow on top."""
TEXTURE_REACH = 1.2
"""Distance from the edge, in crown heights, at the far end of the enamel picture."""
TEXTURE_MARGIN = 0.1
"""Share of the picture kept free at the edge and the root, where repetition would bleed in."""
EDGE_CORNER = 0.9 * MM
"""How far the corners of a biting edge are rounded away."""

GUM_STATIONS = 49
UPPER_GUM_TOP = 14.0 * MM
LOWER_GUM_BOTTOM = -19.0 * MM


def upper_teeth() -> Mesh:
    """Twelve upper teeth; labial front of the centrals at y = -10.5 mm, edge at z = -2.2 mm."""
    return _teeth(UPPER)


def lower_teeth() -> Mesh:
    """Twelve lower teeth, just behind and under the upper ones; moves with the jaw."""
    return _teeth(LOWER)


def upper_gum() -> Mesh:
    """Gum band over the necks of the upper teeth, up to z = +14 mm."""
    return _gum(UPPER, UPPER_GUM_TOP)


def lower_gum() -> Mesh:
    """Gum band round the necks of the lower teeth, down to z = -19 mm; moves with the jaw."""
    return _gum(LOWER, LOWER_GUM_BOTTOM)


def tongue() -> Mesh:
    """Tongue at rest: 36 mm wide, y from -55 to -18 mm, crown near z = -10 mm, midline groove."""
    rings, sides = 20, 24
    # Stations crowd towards both ends, where the outline closes.
    along = 0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, rings + 2)[1:-1])
    y = -18.0 * MM - 37.0 * MM * along
    blunt = (1.0 - (1.0 - np.clip(along / 0.55, 0.0, 1.0)) ** 2.2) ** 0.5
    back = (1.0 - np.clip((along - 0.75) / 0.25, 0.0, 1.0) ** 2.4) ** 0.5
    half_width = 18.0 * MM * blunt * back
    half_height = (1.6 + 5.4 * np.clip(along / 0.7, 0.0, 1.0) ** 0.8) * MM
    half_height *= (1.0 - (1.0 - np.clip(along / 0.15, 0.0, 1.0)) ** 2) ** 0.5 * back
    # The tip lies a little lower than the crown, behind the lower incisors.
    top = (-10.0 - 3.0 * (1.0 - np.clip(along / 0.6, 0.0, 1.0)) ** 2) * MM
    middle = top - (1.6 + 5.4 * np.clip(along / 0.7, 0.0, 1.0) ** 0.8) * MM

    angle = np.linspace(0.0, 2.0 * np.pi, sides, endpoint=False)
    across, upward = np.cos(angle), _power(np.sin(angle), 0.8)
    x = half_width[:, None] * across
    z = middle[:, None] + half_height[:, None] * upward
    groove_depth = 1.5 * MM * np.sin(np.pi * np.clip(along * 1.1, 0.0, 1.0)) ** 0.7
    groove = np.exp(-((x / (2.6 * MM)) ** 2)) * np.clip(upward, 0.0, 1.0)
    z = z - groove_depth[:, None] * groove
    return loft(np.stack([x, np.broadcast_to(y[:, None], x.shape), z], axis=-1))


def tooth_texture(size: int = 128) -> NDArray[np.uint8]:
    """(size, size, 3) sRGB enamel for both sets of teeth: u across a tooth, v from edge to root.

    A greyish, slightly see-through edge, ivory body, warmer neck, and soft shade between teeth.
    Raises ValueError when size is below 16 pixels.
    """
    if size < 16:
        raise ValueError(f"a tooth needs a texture of at least 16 pixels, got size={size}")
    middle = (np.arange(size) + 0.5) / size
    from_edge = TEXTURE_REACH * (middle[::-1] - TEXTURE_MARGIN) / (1.0 - 2.0 * TEXTURE_MARGIN)
    across, t = np.meshgrid(np.abs(2.0 * middle - 1.0), from_edge)
    stops = np.array([0.0, 0.10, 0.30, 0.65, 0.95, TEXTURE_REACH])
    shades = np.array(
        [
            [0.80, 0.82, 0.82],
            [0.88, 0.88, 0.86],
            [0.95, 0.93, 0.88],
            [0.94, 0.90, 0.82],
            [0.83, 0.74, 0.63],
            [0.62, 0.46, 0.38],
        ]
    )
    colour = np.stack([np.interp(t, stops, shades[:, i]) for i in range(3)], axis=-1)
    shade = 0.34 * np.clip((across - 0.62) / 0.38, 0.0, 1.0) ** 1.8
    colour = colour * (1.0 - shade[..., None] * np.array([0.8, 1.0, 1.05]))
    return np.asarray(np.round(np.clip(colour, 0.0, 1.0) * 255.0), dtype=np.uint8)


def palate_cavity() -> Mesh:
    """Bag that closes the mouth to the sides and the back, open to the front; stays on the skull.

    A thin double wall, so that it is a closed solid and its inner face is seen from the front.
    Half-width 28 mm at the rim and 33 mm behind, y from -78 to -21 mm, z from -55 to +18 mm: deep
    enough for the lower teeth, gum and tongue with the jaw 17 degrees open.
    """
    wall = 0.7 * MM
    sides, levels = 24, 9
    # 0 at the rim, 1 at the back.
    depth = np.sin(np.linspace(0.0, 0.5 * np.pi, levels))[:-1]
    outer = _bag_rings(depth, sides, 0.0)
    inner = _bag_rings(depth, sides, wall)
    return loft(np.concatenate([outer[::-1], inner]))


def _bag_rings(depth: Array, sides: int, inset: float) -> Array:
    """(k, sides, 3) loops of the cavity, from the rim (depth 0) to the back, `inset` inside."""
    angle = np.linspace(0.0, 2.0 * np.pi, sides, endpoint=False)
    closing = (1.0 - depth**6.0) ** 0.5
    # Rounder at the rim, to stay inside the cheeks; squarer behind, to hold the molars' gums.
    square = (0.6 - 0.3 * np.clip(depth / 0.4, 0.0, 1.0))[:, None]
    # The floor sinks behind the chin and stays above the chin's edge at the rim.
    sag = np.clip(depth / 0.30, 0.0, 1.0)
    floor = -(44.0 + 11.0 * sag * sag * (3.0 - 2.0 * sag)) * MM
    middle, half_height = 0.5 * (18.0 * MM + floor), 0.5 * (18.0 * MM - floor)
    half_width = (28.0 + 5.0 * sag) * MM
    x = ((half_width - inset) * closing)[:, None] * _power(np.cos(angle), square)
    rise = ((half_height - inset) * closing)[:, None] * _power(np.sin(angle), square)
    z = middle[:, None] + rise
    # The rim leans back downwards, out of the way of the chin that the open jaw brings back.
    rim = 21.0 * MM + 0.55 * np.clip(-2.0 * MM - z, 0.0, None)
    y = -rim - (78.0 * MM - inset - rim) * depth[:, None]
    return np.stack([x, y, z], axis=-1)


def _teeth(arch: Arch) -> Mesh:
    starts = np.concatenate([[0.0], np.cumsum([tooth.width for tooth in arch.teeth])])
    right = [
        _tooth(arch, tooth, start + 0.5 * tooth.width)
        for tooth, start in zip(arch.teeth, starts[:-1], strict=True)
    ]
    return merge([*right, *(mirror_x(tooth) for tooth in right)])


def _tooth(arch: Arch, tooth: Tooth, centre: float) -> Mesh:
    """One tooth whose middle is `centre` metres along the arch from the midline.

    Level by level from the edge to the root: a rounded section, thin at the edge, wider at the
    contact with the neighbours, narrower and thicker at the neck, its labial side gently convex.
    """
    rise = np.linspace(0.0, 1.0, 5)
    rounding = (1.0 - np.cos(0.5 * np.pi * rise)) * min(1.3 * MM, 0.16 * tooth.height)
    upper = np.linspace(rounding[-1], tooth.height + ROOT, TOOTH_LEVELS - 4)[1:]
    height = np.concatenate([rounding, upper])
    corner = np.concatenate([np.sin(0.5 * np.pi * rise), np.ones(len(upper))])
    # A first, smaller ring inside the biting edge: the hollow between the cusps of back teeth.
    height = np.concatenate([[0.13 * max(tooth.edge - MAX_INCISOR_EDGE, 0.0)], height])
    corner = np.concatenate([[0.0], corner])
    inner = np.concatenate([[0.5], np.ones(len(corner) - 1)])
    t = np.clip(height / tooth.height, 0.0, 1.15)

    half_width = 0.5 * tooth.width * (1.0 - 0.20 * np.clip((t - 0.28) / 0.72, 0.0, 1.2) ** 1.7)
    half_width *= 0.82 + 0.18 * corner
    depth = tooth.edge + (tooth.depth - tooth.edge) * np.clip(t / 0.85, 0.0, 1.0) ** 0.9
    depth *= 0.30 + 0.70 * corner
    # Labial profile: fullest at 45 % of the crown, drawn in at the edge and under the gum.
    labial = -0.9 * MM * (np.abs(t - 0.45) / 0.55) ** 2.0 - 0.28 * tooth.edge * (1.0 - corner)
    labial -= 0.5 * depth * (1.0 - inner)
    half_width, depth = half_width * inner, depth * inner

    angle = np.linspace(0.0, 2.0 * np.pi, TOOTH_SIDES, endpoint=False) + np.pi / TOOTH_SIDES
    across = _power(np.cos(angle), 0.62)
    outward = _power(np.sin(angle), 0.72)
    # Seen along its axis a tooth narrows towards the tongue, as the arch needs.
    taper = 1.0 - 0.16 * np.clip(-outward, 0.0, 1.0) - 0.10 * np.clip(-outward - 0.3, 0.0, 1.0)
    s = np.outer(half_width, across * taper)
    d = labial[:, None] + 0.5 * depth[:, None] * (outward - 1.0)
    # The labial face itself bows slightly from side to side.
    d = d - 0.35 * MM * (s / (0.5 * tooth.width)) ** 2 * (outward > 0.0)

    fade = np.clip(1.0 - t / 0.6, 0.0, 1.0)[:, None]
    bow = np.abs(s / (0.5 * tooth.width))
    recede = tooth.point * bow**1.6 + EDGE_CORNER * bow**5.0
    rise_z = height[:, None] - tooth.longer * fade + recede * fade**1.5
    x, y, normal_x, normal_y = _along(arch, np.array([centre]))
    points = np.stack(
        [
            x + normal_x * d + normal_y * s,
            y + normal_y * d - normal_x * s,
            arch.edge_z + arch.up * rise_z,
        ],
        axis=-1,
    )
    u = 0.5 + 0.5 * np.outer(inner, across)
    v = TEXTURE_MARGIN + (1.0 - 2.0 * TEXTURE_MARGIN) * t[:, None] / TEXTURE_REACH
    uv = np.stack([u, np.broadcast_to(v, u.shape)], axis=-1)
    return loft(points, uv)


def _gum(arch: Arch, far_z: float) -> Mesh:
    """Band swept along the arch; its near edge is scalloped, high over each tooth."""
    edges = np.concatenate([[0.0], np.cumsum([tooth.width for tooth in arch.teeth])])
    end = edges[-1] + 0.8 * MM
    s = np.linspace(-end, end, GUM_STATIONS)
    size = np.abs(s)
    which = np.clip(np.searchsorted(edges, size, side="right") - 1, 0, len(arch.teeth) - 1)
    width = np.array([tooth.width for tooth in arch.teeth])[which]
    crown = np.array([tooth.height for tooth in arch.teeth])[which]
    position = np.clip((size - edges[which]) / width, 0.0, 1.0)
    # 0 at the papilla between two teeth, 1 over the middle of a tooth.
    arc = np.sin(np.pi * position) ** 0.75
    smooth_crown = np.convolve(np.pad(crown, 4, mode="edge"), np.full(9, 1 / 9), mode="valid")
    papilla = 0.56 * smooth_crown
    margin = arch.edge_z + arch.up * (papilla + (0.93 * smooth_crown - papilla) * arc)

    x, y, normal_x, normal_y = _along(arch, s)
    # Closed section: (metres outwards from the labial curve, share of the way to the far edge,
    # share of the station's scallop that the point follows).
    section = np.array(
        [
            (-2.2 * MM, 0.00, 1.0),
            (-0.75 * MM, 0.05, 1.0),
            (-0.25 * MM, 0.20, 1.0),
            (-0.45 * MM, 0.55, 0.6),
            (-1.10 * MM, 0.92, 0.0),
            (-3.00 * MM, 1.00, 0.0),
            (-arch.gum_depth, 0.80, 0.0),
            (0.5 * MM - arch.gum_depth, 0.15, 0.0),
        ]
    )
    out, share, follow = section.T
    # Fuller over the roots, hollow between them.
    outward = out[None, :] - 0.30 * MM * np.outer(1.0 - arc, follow)
    line = arch.edge_z + arch.up * 0.8 * float(np.mean(crown))
    start = line + (margin - line)[:, None] * follow[None, :]
    # The band gets lower behind the premolars, as the jaw does.
    lower = 1.0 - 0.45 * np.clip((size / end - 0.55) / 0.45, 0.0, 1.0) ** 1.5
    far = line + (far_z - line) * lower
    z = start + (far[:, None] - start) * share[None, :]
    points = np.stack(
        [x[:, None] + normal_x[:, None] * outward, y[:, None] + normal_y[:, None] * outward, z],
        axis=-1,
    )
    return loft(points)


def _along(arch: Arch, s: Array) -> tuple[Array, Array, Array, Array]:
    """Points x, y and outward unit normals of the labial curve, s metres along it from x = 0."""
    x = np.linspace(0.0, 1.6 * arch.half_width, 4001)
    y = arch.front - ARCH_DEPTH * (x / arch.half_width) ** ARCH_POWER
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    side, size = np.sign(s), np.abs(s)
    at_x, at_y = np.interp(size, length, x), np.interp(size, length, y)
    slope = (
        ARCH_DEPTH * ARCH_POWER / arch.half_width * (at_x / arch.half_width) ** (ARCH_POWER - 1.0)
    )
    norm = np.hypot(1.0, slope)
    return side * at_x, at_y, side * slope / norm, 1.0 / norm


def _power(value: Array, exponent: float | Array) -> Array:
    """Signed power: bends the circle (cos, sin) towards a rounded rectangle below 1."""
    # A small exponent would blow the rounding error of cos(pi / 2) up to micrometres.
    size = np.where(np.abs(value) < 1e-12, 0.0, np.abs(value))
    return np.sign(value) * size**exponent
