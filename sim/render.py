"""Pictures of the twin, or of any other face on the same mechanism and skin.

MuJoCo's classic OpenGL renderer draws; the visual skin is put into the scene from the face's own
surface, so both tiers look through the same eyes and nothing in the model changes.
"""

from types import TracebackType
from typing import Final, Literal, Protocol, Self

import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import csr_matrix

from sim.measurements import opening_m2
from sim.skin import SkinModel

Floats = NDArray[np.float64]
Quality = Literal["fast", "beautiful"]

CAMERAS: Final = ("portrait", "three_quarter", "profile", "mouth", "lip_crop")
MAX_SIDE_PX: Final = 2160
LIP_CROP_SIZE: Final = 128
"""Width and height in pixels of the picture that learning sees."""


MOUTH_GEOMS: Final = ("upper_teeth", "upper_gum", "lower_teeth", "lower_gum", "tongue")
_FULL_LIGHT_M2: Final = 150e-6
_LEAST_LIGHT: Final = 0.25
"""The inside of the mouth is lit through the lips: in full when they open by 1.5 cm2 (a spread
smile), in proportion below that. Stands in for the shadow of the lips."""

_SUPERSAMPLING: Final[dict[Quality, int]] = {"fast": 1, "beautiful": 2}
"""Pictures are drawn this many times larger and scaled down."""


def vertex_normals(vertices: Floats, faces: NDArray[np.int64], gather: csr_matrix) -> Floats:
    """Area-weighted unit normals (n, 3); gather: (n, f) incidence of vertices and faces."""
    # coordinate by coordinate, which is several times faster than np.cross
    first, second, third = faces.T
    axes = np.ascontiguousarray(vertices.T)
    ax, ay, az = (axis[second] - axis[first] for axis in axes)
    bx, by, bz = (axis[third] - axis[first] for axis in axes)
    crossed = np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=1)
    normals = gather @ crossed
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


class Face(Protocol):
    """What can be drawn: `sim.FaceTwin`, or anything else that poses the same model and skin."""

    @property
    def model(self) -> mujoco.MjModel:
        """The rigid parts, lights and cameras."""

    @property
    def data(self) -> mujoco.MjData:
        """Where the rigid parts are now."""

    @property
    def skin_model(self) -> SkinModel:
        """The skin."""

    def control_points(self) -> Floats:
        """Where the skin is now, (320, 3) m."""

    def landmarks(self) -> Floats:
        """The 40 lip landmarks, (40, 3) m."""


class FaceRenderer:
    """Draws a face.

    Args:
        face: the face to look at.
        width, height: picture size in pixels, at most 2160 each.
        quality: "fast" (drawn once) for training frames, "beautiful" (smooth edges by
            supersampling) for videos.

    Raises:
        ValueError: unknown quality or a size that cannot be drawn.
    """

    def __init__(self, face: Face, width: int, height: int, quality: Quality = "beautiful") -> None:
        if quality not in _SUPERSAMPLING:
            known = ", ".join(_SUPERSAMPLING)
            raise ValueError(f"unknown quality {quality!r}; use one of {known}")
        if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX):
            raise ValueError(f"size {width}x{height}: use 1 to {MAX_SIDE_PX} pixels each way")
        self._face = face
        self._supersampling = _SUPERSAMPLING[quality]
        drawn_width, drawn_height = width * self._supersampling, height * self._supersampling
        face.model.vis.global_.offwidth = drawn_width
        face.model.vis.global_.offheight = drawn_height
        face.model.vis.quality.offsamples = 0
        self._renderer = mujoco.Renderer(face.model, drawn_height, drawn_width)
        flags = self._renderer.scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = False
        flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        skin = face.skin_model
        faces = skin.visual_faces
        self._gather = csr_matrix(
            (np.ones(faces.size), (faces.ravel(), np.repeat(np.arange(len(faces)), 3))),
            shape=(len(skin.visual_vertices), len(faces)),
        )
        self._thickness = skin.thickness
        self._mouth_geoms = {face.model.geom(name).id for name in MOUTH_GEOMS}

    def render(self, camera: str) -> NDArray[np.uint8]:
        """The picture (height, width, 3) uint8 that a camera of the model sees now.

        Raises:
            ValueError: unknown camera.
        """
        if camera not in CAMERAS:
            raise ValueError(f"unknown camera {camera!r}; use one of {', '.join(CAMERAS)}")
        face, scene = self._face, self._renderer.scene
        self._renderer.update_scene(face.data, camera)
        points = face.control_points()
        surface = face.skin_model.surface(points)
        normals = vertex_normals(surface, face.skin_model.visual_faces, self._gather)
        surface += self._thickness * normals
        scene.skinvert[:] = surface.ravel()
        scene.skinnormal[:] = normals.ravel()
        self._light_mouth(opening_m2(face.skin_model.landmarks(points)))
        picture = self._renderer.render()
        if self._supersampling > 1:
            return np.asarray(Image.fromarray(picture).reduce(self._supersampling))
        return picture.copy()

    def _light_mouth(self, opening: float) -> None:
        light = _LEAST_LIGHT + (1.0 - _LEAST_LIGHT) * min(1.0, opening / _FULL_LIGHT_M2)
        scene = self._renderer.scene
        for geom in scene.geoms[: scene.ngeom]:
            if geom.objtype == mujoco.mjtObj.mjOBJ_GEOM and geom.objid in self._mouth_geoms:
                geom.rgba[:3] *= light

    def close(self) -> None:
        """Free the drawing context."""
        self._renderer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def project(face: Face, points: Floats, camera: str, width: int, height: int) -> Floats:
    """Pixels (n, 2) (x right, y down) of points (n, 3) m seen by a camera.

    Pinhole model of MuJoCo's fixed cameras: `fovy` is the vertical field of view.
    """
    model = face.model
    cam = model.camera(camera)
    rotation = face.data.cam_xmat[cam.id].reshape(3, 3)
    local = (points - face.data.cam_xpos[cam.id]) @ rotation
    focal = 0.5 * height / np.tan(np.radians(float(cam.fovy[0])) / 2)
    return np.stack(
        [
            0.5 * width + focal * local[:, 0] / -local[:, 2],
            0.5 * height - focal * local[:, 1] / -local[:, 2],
        ],
        axis=-1,
    )
