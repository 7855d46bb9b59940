"""Pictures of the twin, or of any other face on the same mechanism and skin.

MuJoCo's classic OpenGL renderer draws; the visual skin is put into the scene from the face's own
surface, so both tiers look through the same eyes and nothing in the model changes.
"""

from dataclasses import dataclass
from types import TracebackType
from typing import Final, Literal, Protocol, Self

import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import csr_matrix

from sim.skin import SkinModel

Floats = NDArray[np.float64]
Quality = Literal["fast", "beautiful"]

CAMERAS: Final = ("portrait", "three_quarter", "profile", "mouth", "lip_crop")
LIP_CROP_SIZE: Final = 128
"""Width and height in pixels of the picture that learning sees."""


@dataclass(frozen=True)
class _Look:
    """supersampling: pictures are drawn this many times larger and scaled down."""

    multisamples: int
    shadow_size: int
    supersampling: int


_LOOKS: Final[dict[Quality, _Look]] = {
    "fast": _Look(multisamples=0, shadow_size=0, supersampling=1),
    "beautiful": _Look(multisamples=0, shadow_size=1024, supersampling=2),
}


def vertex_normals(vertices: Floats, faces: NDArray[np.int64], gather: csr_matrix) -> Floats:
    """Area-weighted unit normals (n, 3); gather: (n, f) incidence of vertices and faces."""
    corners = vertices[faces]
    normals = gather @ np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
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
        width, height: picture size in pixels, at most 1080 each for "beautiful".
        quality: "fast" (no shadow, no smoothing) for training frames, "beautiful" (soft edges by
            supersampling, shadow) for videos.

    Raises:
        ValueError: unknown quality or a size that cannot be drawn.
    """

    def __init__(self, face: Face, width: int, height: int, quality: Quality = "beautiful") -> None:
        if quality not in _LOOKS:
            raise ValueError(f"unknown quality {quality!r}; use one of {', '.join(_LOOKS)}")
        look = _LOOKS[quality]
        model = face.model
        limit = min(model.vis.global_.offwidth, model.vis.global_.offheight) // look.supersampling
        if not (0 < width <= limit and 0 < height <= limit):
            raise ValueError(f"size {width}x{height}: use 1 to {limit} pixels for {quality!r}")
        self._face = face
        self._size = (width, height)
        self._supersampling = look.supersampling
        model.vis.quality.offsamples = look.multisamples
        model.vis.quality.shadowsize = max(look.shadow_size, 1)
        self._renderer = mujoco.Renderer(
            model, height * look.supersampling, width * look.supersampling
        )
        flags = self._renderer.scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = look.shadow_size > 0
        flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        skin = face.skin_model
        faces = skin.visual_faces
        self._gather = csr_matrix(
            (np.ones(faces.size), (faces.ravel(), np.repeat(np.arange(len(faces)), 3))),
            shape=(len(skin.visual_vertices), len(faces)),
        )
        self._thickness = skin.thickness

    def render(self, camera: str) -> NDArray[np.uint8]:
        """The picture (height, width, 3) uint8 that a camera of the model sees now.

        Raises:
            ValueError: unknown camera.
        """
        if camera not in CAMERAS:
            raise ValueError(f"unknown camera {camera!r}; use one of {', '.join(CAMERAS)}")
        face, scene = self._face, self._renderer.scene
        self._renderer.update_scene(face.data, camera)
        surface = face.skin_model.surface(face.control_points())
        normals = vertex_normals(surface, face.skin_model.visual_faces, self._gather)
        surface += self._thickness * normals
        scene.skinvert[:] = surface.ravel()
        scene.skinnormal[:] = normals.ravel()
        picture = self._renderer.render()
        if self._supersampling > 1:
            return np.asarray(Image.fromarray(picture).resize(self._size, Image.Resampling.BOX))
        return picture.copy()

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
