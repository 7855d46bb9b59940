"""What all environments with one face share: the body, its pace and how it is shown."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.speech import frame_times
from envs.tasks.moment import Moment, moment_of_twin
from envs.tasks.observations import Observation
from envs.tasks.randomisation import VariedFace
from envs.tasks.rewards import JERK_COMMANDS
from envs.tasks.view import FaceView, Window
from sim import N_DOF
from sim.render import CAMERAS

Commands = NDArray[np.float32]

RENDER_MODES = ("rgb_array", "human")


def command_space() -> spaces.Space[Any]:
    """Ten commands in [0, 1]."""
    return spaces.Box(0.0, 1.0, (N_DOF,), np.float32)


class FaceEnv(gymnasium.Env[Observation, Commands]):
    """An environment with one face; a subclass is the task.

    Args:
        face: the face.
        fps: command frames per second.
        render_mode: None, "rgb_array" or "human".
        camera: what the pictures show, one of `sim.render.CAMERAS`.
        size: width and height of the pictures, pixels.

    Raises:
        ValueError: unknown render mode or camera, or a frame rate out of range.
    """

    metadata: dict[str, Any] = {"render_modes": list(RENDER_MODES), "render_fps": 30}  # noqa: RUF012

    def __init__(
        self, face: VariedFace, fps: float, render_mode: str | None, camera: str, size: int
    ) -> None:
        if render_mode not in (None, *RENDER_MODES):
            raise ValueError(
                f"unknown render mode {render_mode!r}; use {' or '.join(RENDER_MODES)}"
            )
        if camera not in CAMERAS:
            raise ValueError(f"unknown camera {camera!r}; use one of {', '.join(CAMERAS)}")
        frame_times(0, fps)
        # Gymnasium reads the frame rate of the instance
        self.metadata = {**type(self).metadata, "render_fps": fps}
        self.render_mode = render_mode
        self.action_space = command_space()
        self._face, self._fps = face, fps
        self._camera, self._size = camera, size
        self._view = FaceView(face.twin)
        self._window: Window | None = None
        self._commands = np.empty((JERK_COMMANDS, N_DOF))
        """The latest commands, newest last."""

    def _restart(self) -> Moment:
        """The face at rest, with a new variation."""
        self._face.vary(self.np_random)
        self._commands[:] = self._face.twin.rest_commands
        return moment_of_twin(self._face.twin)

    def _advance(self, commands: Commands) -> Moment:
        """The face one frame later."""
        self._face.twin.step(commands, 1.0 / self._fps)
        self._commands[:-1] = self._commands[1:]
        self._commands[-1] = commands
        return moment_of_twin(self._face.twin)

    def _show_human(self) -> None:
        """Show the face where a human is watching."""
        if self.render_mode == "human":
            self._show_in_window()

    def _show_in_window(self) -> None:
        if self._window is None:
            self._window = Window(type(self).__name__, self._size, self._fps)
        self._window.show(self._view.picture(self._camera, self._size))

    def render(self) -> NDArray[np.uint8] | None:
        """The picture (size, size, 3) in the mode rgb_array; a window, and None, in human."""
        if self.render_mode == "rgb_array":
            return self._view.picture(self._camera, self._size)
        self._show_human()
        return None

    def close(self) -> None:
        """Free pictures and window."""
        self._view.close()
        if self._window is not None:
            self._window.close()
            self._window = None
