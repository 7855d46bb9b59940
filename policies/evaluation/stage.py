"""A stage: the target face and the twin, and eyes that see both as the lip VAE does."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech import frame_count, frame_times
from envs.target import TargetFace, sample_shapes
from policies.evaluation.results import FPS, Achieved, Wanted
from policies.evaluation.rollout import measured_lips
from policies.learned.lip_vae import LATENT_SIZE, LipVAE
from policies.self_observation.recording import CROP_CAMERA
from policies.speech import Speech
from policies.training.vae import latents
from sim import FaceTwin
from sim.measurements import LipMeasurements
from sim.render import LIP_CROP_SIZE, FaceRenderer

Floats = NDArray[np.float64]
Pictures = NDArray[np.uint8]

_BATCH: Final = 64
"""Pictures that are encoded together."""


class Stage:
    """Where speech is performed.

    Args:
        vae: encodes what is seen.
    """

    def __init__(self, vae: LipVAE) -> None:
        self._vae = vae
        self._face = TargetFace()
        self._twin = FaceTwin("condensed")
        side = LIP_CROP_SIZE
        self._eyes_on_face = FaceRenderer(self._face, side, side, "fast")
        self._eyes_on_twin = FaceRenderer(self._twin, side, side, "fast")

    def wanted(self, speech: Speech, seen: bool) -> Wanted:
        """The target's landmarks, and if it is to be seen its latents, frame by frame.

        Raises:
            SpeechError: neither phones nor lips of the speech are known.
        """
        times_s = frame_times(frame_count(speech.audio.duration_s, FPS), FPS)
        landmarks = []
        codes = _Encoder(self._vae)
        for shape in sample_shapes(speech.wanted_lips(FPS), times_s):
            self._face.show(shape)
            landmarks.append(self._face.landmarks() * 1e3)
            if seen:
                codes.add(self._eyes_on_face.render(CROP_CAMERA))
        return Wanted(np.array(landmarks, np.float32), codes.latents())

    def perform(self, commands: Floats, see_every: int) -> Achieved:
        """The twin under commands (n, 10), from rest.

        Args:
            commands: command k is held from k / `FPS` on; frame k is what is there before it.
            see_every: of so many frames one is drawn; 0 draws none.
        """
        twin = self._twin
        twin.reset()
        landmarks: list[Floats] = []
        lips: list[LipMeasurements] = []
        seen: list[int] = []
        codes = _Encoder(self._vae)
        for frame, command in enumerate(commands):
            lips.append(twin.measure())
            landmarks.append(twin.landmarks() * 1e3)
            if see_every and frame % see_every == 0:
                seen.append(frame)
                codes.add(self._eyes_on_twin.render(CROP_CAMERA))
            twin.step(command, 1.0 / FPS)
        return Achieved(
            commands=np.asarray(commands, np.float64),
            landmarks_mm=np.array(landmarks, np.float32),
            seen_frames=np.array(seen, np.int64),
            latents=codes.latents(),
            lips=measured_lips(lips),
        )

    def close(self) -> None:
        """Free the drawing contexts."""
        self._eyes_on_face.close()
        self._eyes_on_twin.close()


class _Encoder:
    """Encodes pictures some at a time, so that a long speech needs little memory."""

    def __init__(self, vae: LipVAE) -> None:
        self._vae = vae
        self._waiting: list[Pictures] = []
        self._done: list[NDArray[np.float32]] = []

    def add(self, picture: Pictures) -> None:
        self._waiting.append(picture)
        if len(self._waiting) == _BATCH:
            self._encode()

    def latents(self) -> NDArray[np.float32]:
        """Latents (n, 16) of all pictures that were added."""
        if self._waiting:
            self._encode()
        return np.concatenate(self._done) if self._done else np.zeros((0, LATENT_SIZE), np.float32)

    def _encode(self) -> None:
        self._done.append(latents(self._vae, np.array(self._waiting)).numpy().astype(np.float32))
        self._waiting = []
