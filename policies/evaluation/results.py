"""What was wanted and what was achieved, frame by frame, and how it is kept.

Each result is one NumPy archive that says what it was made from, so that an evaluation that was
interrupted goes on where it was, and one with other weights does not take old results for its own.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from envs.speech.measured import MeasuredLips
from policies.self_observation.dataset import write_archive
from sim.landmarks import ROW

Floats = NDArray[np.float64]

FPS: Final = 30.0
"""Frames per second of every evaluation, those of the published robot."""

_UPPER, _LOWER = ROW[13], ROW[14]
_FINGERPRINT: Final = "fingerprint"


@dataclass(frozen=True, eq=False)
class Wanted:
    """The target, n frames at k / `FPS`.

    Attributes:
        landmarks_mm: (n, 40, 3) float32, face frame.
        latents: (n, 16) float32, means of the lip VAE for the target's crops; (0, 16) where they
            were not drawn.
    """

    landmarks_mm: NDArray[np.float32]
    latents: NDArray[np.float32]

    @property
    def aperture_mm(self) -> Floats:
        """Opening between the lips on the midline, (n,)."""
        gap = self.landmarks_mm[:, _UPPER, 2] - self.landmarks_mm[:, _LOWER, 2]
        return np.maximum(gap, 0.0).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Achieved:
    """What the twin did, n frames at k / `FPS`; frame k is the state before command k acts.

    Attributes:
        commands: (n, 10) in [0, 1].
        landmarks_mm: (n, 40, 3) float32, face frame.
        seen_frames: (m,) frames that were drawn.
        latents: (m, 16) float32, means of the lip VAE for their crops.
        lips: what was measured, n moments.
    """

    commands: Floats
    landmarks_mm: NDArray[np.float32]
    seen_frames: NDArray[np.int64]
    latents: NDArray[np.float32]
    lips: MeasuredLips


_LIPS: Final = tuple(field.name for field in fields(MeasuredLips))


def save_wanted(path: Path, fingerprint: str, wanted: Wanted) -> None:
    """Keep a target. The file appears whole or not at all."""
    _save(path, fingerprint, {"landmarks_mm": wanted.landmarks_mm, "latents": wanted.latents})


def load_wanted(path: Path, fingerprint: str) -> Wanted | None:
    """The target that is kept, or None: there is none, it is damaged or of something else."""
    arrays = _load(path, fingerprint)
    return None if arrays is None else Wanted(arrays["landmarks_mm"], arrays["latents"])


def save_achieved(path: Path, fingerprint: str, achieved: Achieved) -> None:
    """Keep a performance. The file appears whole or not at all."""
    arrays = {name: getattr(achieved.lips, name) for name in _LIPS}
    for field in fields(Achieved):
        if field.name != "lips":
            arrays[field.name] = getattr(achieved, field.name)
    _save(path, fingerprint, arrays)


def load_achieved(path: Path, fingerprint: str) -> Achieved | None:
    """The performance that is kept, or None: there is none, it is damaged or of something else."""
    arrays = _load(path, fingerprint)
    if arrays is None:
        return None
    lips = MeasuredLips(*(arrays.pop(name) for name in _LIPS))
    return Achieved(**arrays, lips=lips)


def _save(path: Path, fingerprint: str, arrays: dict[str, NDArray[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_archive(path, {_FINGERPRINT: np.array(fingerprint), **arrays})


def _load(path: Path, fingerprint: str) -> dict[str, NDArray[Any]] | None:
    try:
        with np.load(path) as archive:
            if str(archive[_FINGERPRINT]) != fingerprint:
                return None
            return {name: archive[name] for name in archive.files if name != _FINGERPRINT}
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None
