"""The fidelity skin: a finite-element shell glued to the bodies of the mechanism.

Material: platinum silicone between Ecoflex 00-30 (69 kPa at 100 % strain) and Dragon Skin 10
(152 kPa), Smooth-On datasheets, 3 mm thick: 70 kPa keeps folds natural. Poisson ratio 0.49
(nearly incompressible). Contact radius 0.2 mm: the lips meet, when their wet lines are 0.4 mm
apart on the mid-surface.
"""

from dataclasses import dataclass
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from sim.build_model.face_mesh import shell_mesh
from sim.skin import LIP_CONTACT_RADIUS_M

Array = NDArray[np.float64]

YOUNG_PA = 70e3
POISSON = 0.49
THICKNESS_M = 3e-3
DAMPING_S = 0.01
SKIN_MASS_KG = 0.030
VISIBLE_THICKNESS_M = 0.28e-3
"""How far the visible surface lies outside the mid-surface: the contact radius and the 0.08 mm by
which gravity opens the lips at rest."""

BODY_ORIGINS: dict[str, tuple[float, float, float]] = {
    "world": (0.0, 0.0, 0.0),
    "jaw": (0.0, -0.078, 0.038),
    "upper_lip": (0.0, -0.006, 0.015),
    "lower_lip": (0.0, -0.007, -0.017),
    "corner_right": (0.025, -0.011, -0.001),
    "corner_left": (-0.025, -0.011, -0.001),
}
"""Bodies the skin is glued to and their rest positions in the face frame, m (face.xml)."""
FREE = ""


@dataclass(frozen=True)
class Shell:
    """Shell mesh with its attachment. attachment: (n,) body name per vertex, FREE if free."""

    vertices: Array
    faces: NDArray[np.int64]
    theta: Array
    r: Array
    attachment: NDArray[np.str_]


def build_shell() -> Shell:
    """The shell mesh (320 vertices) and where it is glued to the mechanism."""
    vertices, faces, theta, r = shell_mesh()
    x, _, z = vertices.T * 1e3
    ax = np.abs(x)
    upper = np.sin(theta) > 1e-9
    glue = np.full(len(vertices), FREE, dtype="U16")
    border = r > 0.999
    # The border is glued to the skull above and to the jaw below; at the sides of the jaw it
    # hangs free, as the edge of a mask does, so that opening the jaw stretches it evenly.
    glue[border & (z > 6)] = "world"
    glue[border & (z < -26)] = "jaw"
    glue[(r > 0.62) & ~border & (z < -21) & (ax < 20)] = "jaw"
    glue[~border & upper & (z > 19) & (ax < 15)] = "world"
    pad = (r > 0.17) & (r < 0.40) & (ax < 6.5)
    glue[pad & upper] = "upper_lip"
    glue[pad & ~upper] = "lower_lip"
    corner = (r < 0.40) & (ax > 23.0)
    glue[corner & (x > 0)] = "corner_right"
    glue[corner & (x < 0)] = "corner_left"
    return Shell(vertices, faces, theta, r, glue)


def lower_lip_middle(shell: Shell) -> NDArray[np.int64]:
    """Indices of the shell vertices on the middle of the lower lip, from its inside over the crest
    to the front, that f and v bring to the teeth."""
    on_lip = (shell.r > 0.05) & (shell.r < 0.33) & (np.sin(shell.theta) < 0)
    return np.flatnonzero(on_lip & (np.abs(shell.vertices[:, 0]) < 8e-3))


def _numbers(values: Array, fmt: str = "%.6f") -> str:
    return " ".join(fmt % v for v in np.asarray(values).ravel())


def shell_xml(shell: Shell) -> str:
    """MJCF (to be included beside face.xml) with the free vertices as bodies and the flex."""
    root = ET.Element("mujoco")
    ET.SubElement(root, "size", memory="64M")
    default = ET.SubElement(ET.SubElement(root, "default"), "default", {"class": "skin_vertex"})
    ET.SubElement(default, "joint", type="slide", damping="0", armature="0")
    world = ET.SubElement(root, "worldbody")
    mass = f"{SKIN_MASS_KG / len(shell.vertices):.6g}"
    bodies, local = [], []
    for i, (vertex, body) in enumerate(zip(shell.vertices, shell.attachment, strict=True)):
        if body == FREE:
            name = f"skin_{i}"
            element = ET.SubElement(
                world, "body", name=name, pos=_numbers(vertex), childclass="skin_vertex"
            )
            ET.SubElement(element, "inertial", pos="0 0 0", mass=mass, diaginertia="1e-9 1e-9 1e-9")
            for axis in ("1 0 0", "0 1 0", "0 0 1"):
                ET.SubElement(element, "joint", axis=axis)
            bodies.append(name)
            local.append(np.zeros(3))
        else:
            bodies.append(str(body))
            local.append(vertex - np.array(BODY_ORIGINS[str(body)]))
    flex = ET.SubElement(
        ET.SubElement(root, "deformable"),
        "flex",
        name="skin",
        dim="2",
        radius=f"{LIP_CONTACT_RADIUS_M:.6g}",
        group="4",
        body=" ".join(bodies),
        vertex=_numbers(np.array(local)),
        element=" ".join(map(str, shell.faces.ravel())),
    )
    ET.SubElement(
        flex,
        "elasticity",
        young=f"{YOUNG_PA:.6g}",
        poisson=f"{POISSON:.6g}",
        thickness=f"{THICKNESS_M:.6g}",
        damping=f"{DAMPING_S:.6g}",
        elastic2d="both",
    )
    ET.SubElement(
        flex,
        "contact",
        selfcollide="auto",
        passive="true",
        condim="1",
        contype="4",
        conaffinity="6",
        solref="0.006 1",
        margin="0",
    )
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"
