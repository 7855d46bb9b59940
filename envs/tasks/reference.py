"""What is wanted in an episode, frame by frame, worked out once per utterance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech import frame_count, frame_times
from envs.speech.audio import SPEECH_RATE_HZ, Audio
from envs.speech.features import features
from envs.speech.lips import REST_WIDTH_MM, LipCurves
from envs.speech.measured import ON_TEETH
from envs.target import LipShape, TargetFace, sample_shapes
from envs.tasks.utterances import SpokenLips
from sim.render import LIP_CROP_SIZE, FaceRenderer

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Pictures = NDArray[np.uint8]

SpeechFeatures = Callable[[Audio, float], NDArray[np.floating]]
"""Features (n, d) of a sound at the frames k / fps, n = `envs.speech.frame_count`."""
LipEncoder = Callable[[Pictures], NDArray[np.floating]]
"""Latents (n, d) of lip crops (n, 128, 128, 3)."""

CLOSED: Final = 0.9
"""`LipCurves.closure` from which the lips must touch."""
APART_MM: Final = 3.0
"""Wanted opening from which touching lips are false; what is between is left to the shape."""

WINDOWS: Final[tuple[str, ...]] = ("speech", "wanted_lips", "wanted_landmarks", "wanted_latent")
"""What may be known of the coming frames."""
LIP_SCALES: Final = {
    "aperture_mm": 20.0,
    "width_mm": 12.0,
    "protrusion_mm": 6.0,
    "jaw_deg": 12.0,
    "lip_to_teeth": 1.0,
    "closure": 1.0,
}
"""What each lip curve is divided by in observations: how far it goes from rest in speech."""
LIP_OFFSETS: Final = np.array([0.0, REST_WIDTH_MM / LIP_SCALES["width_mm"], 0.0, 0.0, 0.0, 0.0])
"""The lip curves at rest, so divided."""
LANDMARK_SCALE_M: Final = 0.01
BOUND: Final = 10.0
"""Observed numbers lie within this of 0; most are within 1."""

_KEPT_REFERENCES: Final = 512


@dataclass(frozen=True, eq=False)
class WantedFrame:
    """What is wanted at one frame, or at n frames with n in front of every shape.

    Attributes:
        landmarks: (40, 3) m.
        closed: (), the lips must touch (the middle of a p, b, m).
        apart: (), the lips must not touch.
        on_teeth: (), the lower lip must be on the upper teeth (f, v).
    """

    landmarks: Floats
    closed: Flags
    apart: Flags
    on_teeth: Flags


@dataclass(frozen=True, eq=False)
class Reference:
    """What is wanted in an episode of n steps.

    Attributes:
        name: of the utterance.
        n_steps: commands to be given; step k leads from frame k to frame k + 1.
        frames: what is wanted at the frames 0 to n + look-ahead.
        windows: what is known of the coming frames at the frames 0 to n, by name of the window:
            (n + 1, look-ahead * d) each, d the numbers per frame.
    """

    name: str
    n_steps: int
    frames: WantedFrame
    windows: dict[str, NDArray[np.float32]]

    def frame(self, k: int) -> WantedFrame:
        """What is wanted at frame k."""
        f = self.frames
        return WantedFrame(f.landmarks[k], f.closed[k], f.apart[k], f.on_teeth[k])

    def closures(self) -> Iterator[slice]:
        """The frames of each p, b, m that the steps lead to."""
        closed = np.concatenate([[False], self.frames.closed[1 : self.n_steps + 1], [False]])
        edges = np.flatnonzero(np.diff(closed.astype(np.int8))) + 1
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            yield slice(int(start), int(end))


def log_mel_and_loudness(audio: Audio, fps: float) -> NDArray[np.float32]:
    """The features of `envs.speech.features` side by side, (n, 41): 40 log-mel bands, loudness.

    Raises:
        envs.speech.features.FeatureError: librosa (extra `learn`) is not installed.
    """
    heard = features(audio, fps)
    return np.concatenate([heard.log_mel, heard.loudness[:, None]], axis=1)


class ReferenceMaker:
    """Works out references, and keeps the latest few hundred.

    Args:
        fps: command frames per second.
        look_ahead: how many coming frames may be known.
        windows: names of the windows to make, of `WINDOWS`.
        speech_features: gives the window `speech`.
        encoder: gives the window `wanted_latent`.

    Raises:
        ValueError: the window `wanted_latent` without an encoder, a look-ahead below 1, or a frame
            rate outside `envs.speech.frames.FPS_RANGE`.
    """

    def __init__(
        self,
        fps: float,
        look_ahead: int,
        windows: Iterable[str],
        speech_features: SpeechFeatures = log_mel_and_loudness,
        encoder: LipEncoder | None = None,
    ) -> None:
        if look_ahead < 1:
            raise ValueError(f"look_ahead is {look_ahead}; give 1 frame or more")
        self._fps, self._look_ahead = fps, look_ahead
        self._windows = tuple(name for name in WINDOWS if name in set(windows))
        if "wanted_latent" in self._windows and encoder is None:
            raise ValueError("the observation wanted_latent needs an encoder; give one")
        self._speech_features, self._encoder = speech_features, encoder
        self._face = TargetFace()
        skin = self._face.skin_model
        self.rest_landmarks = skin.landmarks(skin.shell_vertices)
        frame_count(1.0, fps)
        self.make = lru_cache(maxsize=_KEPT_REFERENCES)(self._make)

    def window_sizes(self) -> dict[str, int]:
        """Length of each window, by name."""
        zero = np.zeros(1)
        lips = LipCurves(zero, zero, np.full(1, REST_WIDTH_MM), zero, zero, zero, zero)
        second = Audio(np.zeros(SPEECH_RATE_HZ, np.float32), SPEECH_RATE_HZ, "a second of silence")
        windows = self._make(SpokenLips("silence", lips, 1.0, second)).windows
        return {name: rows.shape[1] for name, rows in windows.items()}

    def _make(self, said: SpokenLips) -> Reference:
        n_steps = frame_count(said.duration_s, self._fps)
        times_s = frame_times(n_steps + 1 + self._look_ahead, self._fps)
        lips = said.lips.at(times_s)
        landmarks, crops = self._show(sample_shapes(said.lips, times_s))
        coming: dict[str, Callable[[], NDArray[np.floating]]] = {
            "speech": lambda: self._heard(said, len(times_s)),
            "wanted_lips": lambda: (
                np.stack([getattr(lips, name) for name in LIP_SCALES], axis=1)
                / np.array(list(LIP_SCALES.values()))
                - LIP_OFFSETS
            ),
            "wanted_landmarks": lambda: scaled_landmarks(landmarks, self.rest_landmarks),
            "wanted_latent": lambda: self._encode(crops),
        }
        frames = WantedFrame(
            landmarks,
            closed=lips.closure >= CLOSED,
            apart=lips.aperture_mm >= APART_MM,
            on_teeth=lips.lip_to_teeth >= ON_TEETH,
        )
        windows = {
            name: _windows(coming[name](), n_steps + 1, self._look_ahead) for name in self._windows
        }
        return Reference(said.name, n_steps, frames, windows)

    def _show(self, shapes: list[LipShape]) -> tuple[Floats, Pictures]:
        """Landmarks (m, 40, 3) m of shapes, and their lip crops (m, 128, 128, 3) if needed."""
        landmarks, crops = [], []
        side = LIP_CROP_SIZE
        needs_crops = "wanted_latent" in self._windows
        with ExitStack() as stack:
            if needs_crops:
                drawn = FaceRenderer(self._face, side, side, quality="fast")
                renderer = stack.enter_context(drawn)
            for shape in shapes:
                self._face.show(shape)
                landmarks.append(self._face.landmarks())
                if needs_crops:
                    crops.append(renderer.render("lip_crop"))
        return np.array(landmarks), np.array(crops, np.uint8)

    def _heard(self, said: SpokenLips, n_frames: int) -> NDArray[np.floating]:
        if said.audio is None:
            raise ValueError(
                f"{said.name}: has no sound, which the observation speech needs; give its audio"
            )
        features = self._speech_features(said.audio, self._fps)
        missing = max(0, n_frames - len(features))
        return np.pad(features, ((0, missing), (0, 0)), mode="edge")[:n_frames]

    def _encode(self, crops: Pictures) -> NDArray[np.floating]:
        assert self._encoder is not None
        return self._encoder(crops)


def scaled_landmarks(landmarks: Floats, rest: Floats) -> Floats:
    """Landmarks (..., 40, 3) m as numbers (..., 120): displacement from rest in centimetres."""
    moved = (landmarks - rest) / LANDMARK_SCALE_M
    return moved.reshape(*moved.shape[:-2], -1)


def _windows(rows: NDArray[np.floating], n_frames: int, look_ahead: int) -> NDArray[np.float32]:
    """Frames k + 1 to k + look-ahead of rows (n_frames + look_ahead, d), side by side, for every
    frame k: (n_frames, look_ahead * d)."""
    ahead = np.lib.stride_tricks.sliding_window_view(rows[1:], look_ahead, axis=0)
    flat = np.swapaxes(ahead, -1, -2).reshape(n_frames, -1)
    return np.clip(flat, -BOUND, BOUND).astype(np.float32)
