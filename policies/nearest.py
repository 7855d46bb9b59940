"""The nearest-neighbour baseline: of all babbled lips, those most like the wanted ones.

The second of the two baselines of Hu et al. (Science Robotics 11(110), eadx3017, 2026): each frame
takes the commands whose landmarks lie nearest to the target's. It knows nothing of time; the
commands are smoothed because neighbouring frames may find quite different commands.
"""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from envs.progress import Progress, untracked
from envs.speech.frames import frame_count, frame_times
from envs.target import TargetFace, sample_shapes
from policies.babble import BabbleTable, cached_table
from policies.speech import Speech

Floats = NDArray[np.float64]

SMOOTHING_S: Final = 0.1
"""Span of the moving average over the commands found: three frames at 30 per second."""
SERVO_LAG_S: Final = 0.070
"""By how much the twin's lips come after nearest-neighbour commands: what the cross-correlation of
wanted and measured opening gives on speech and on captures, 0.070 to 0.075 s."""
_FRAMES_PER_BLOCK: Final = 1024


class NearestPolicy:
    """Wanted landmarks to the commands of the nearest babbled ones.

    Args:
        progress: told how the babbling goes, where it has not been done before.
        table: the babbled poses; by default those of `policies.babble.cached_table`.
        lead_s: how much ahead of time commands are sent, such as `SERVO_LAG_S`; the baseline sends
            them when they are due.
    """

    name: ClassVar[str] = "nearest"

    def __init__(
        self,
        progress: Progress = untracked,
        table: BabbleTable | None = None,
        lead_s: float = 0.0,
    ) -> None:
        self._table = table
        self._progress = progress
        self._lead_s = lead_s

    def commands(self, speech: Speech, fps: float) -> Floats:
        """Commands (n, 10) in [0, 1] at the frame times k / fps; see `policies.Policy`.

        Raises:
            SpeechError: neither phones nor lips of the speech are known.
            ValueError: a frame rate outside `envs.speech.frames.FPS_RANGE`.
        """
        lips = speech.wanted_lips(fps)
        if self._table is None:
            self._table = cached_table(progress=self._progress)
        due_s = frame_times(frame_count(speech.audio.duration_s, fps), fps) + self._lead_s
        face = TargetFace()
        found = []
        for first in range(0, len(due_s), _FRAMES_PER_BLOCK):
            wanted = []
            for shape in sample_shapes(lips, due_s[first : first + _FRAMES_PER_BLOCK]):
                face.show(shape)
                wanted.append(face.landmarks())
            found.append(nearest_poses(self._table, np.array(wanted)))
        return _smoothed(self._table.commands[np.concatenate(found)], fps)


def nearest_poses(table: BabbleTable, wanted: Floats) -> NDArray[np.int64]:
    """Rows (n,) of the poses whose landmarks are nearest to the wanted ones (n, 40, 3) m: least
    sum of squared distances."""
    known = table.landmarks.reshape(len(table.landmarks), -1)
    asked = wanted.reshape(len(wanted), -1)
    # |a - b|^2 without |a|^2, which is the same for all candidates
    cost = (known**2).sum(axis=1) - 2.0 * asked @ known.T
    return np.asarray(cost.argmin(axis=1))


def _smoothed(commands: Floats, fps: float) -> Floats:
    """Moving average over an odd number of frames, the ends continued."""
    span = 2 * max(0, round((SMOOTHING_S * fps - 1) / 2)) + 1
    smooth = correlate1d(commands, np.full(span, 1.0 / span), axis=0, mode="nearest")
    return np.clip(smooth, 0.0, 1.0)
