"""How an environment shows the face: pictures and a window."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.error import DependencyNotInstalled
from numpy.typing import NDArray

from sim.render import LIP_CROP_SIZE, Face, FaceRenderer, Quality

Pictures = NDArray[np.uint8]


class FaceView:
    """Draws a face. Drawing contexts are made when they are first needed."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._renderers: dict[tuple[int, Quality], FaceRenderer] = {}

    def lip_image(self) -> Pictures:
        """The picture of the lips that learning sees, (128, 128, 3)."""
        return self._renderer(LIP_CROP_SIZE, "fast").render("lip_crop")

    def picture(self, camera: str, size: int) -> Pictures:
        """A fine picture (size, size, 3).

        Raises:
            ValueError: unknown camera, or a size that cannot be drawn.
        """
        return self._renderer(size, "beautiful").render(camera)

    def _renderer(self, size: int, quality: Quality) -> FaceRenderer:
        key = (size, quality)
        if key not in self._renderers:
            self._renderers[key] = FaceRenderer(self._face, size, size, quality)
        return self._renderers[key]

    def close(self) -> None:
        """Free the drawing contexts."""
        for renderer in self._renderers.values():
            renderer.close()
        self._renderers.clear()


class Window:
    """A window that shows pictures in real time, by pygame.

    Raises:
        gymnasium.error.DependencyNotInstalled: pygame is not installed.
    """

    def __init__(self, title: str, size: int, fps: float) -> None:
        try:
            import pygame
        except ImportError as error:
            raise DependencyNotInstalled(
                'the render mode human needs pygame: pip install "liptwin[rl]"'
            ) from error
        self._pygame: Any = pygame
        self._fps = fps
        pygame.display.init()
        self._surface = pygame.display.set_mode((size, size))
        pygame.display.set_caption(title)
        self._clock = pygame.time.Clock()

    def show(self, picture: Pictures) -> None:
        """Show a picture (size, size, 3), no sooner than a frame after the last one."""
        self._pygame.surfarray.blit_array(self._surface, picture.swapaxes(0, 1))
        self._pygame.event.pump()
        self._pygame.display.flip()
        self._clock.tick(self._fps)

    def close(self) -> None:
        """Close it."""
        self._pygame.display.quit()
