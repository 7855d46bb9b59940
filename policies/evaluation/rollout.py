"""What the twin's lips do under commands, servos included."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from envs.speech.frames import frame_times
from envs.speech.measured import MeasuredLips
from policies.evaluation.results import FPS
from sim import FaceTwin
from sim.measurements import LipMeasurements


def lips_under(twin: FaceTwin, commands: Iterable[NDArray[np.float64]]) -> MeasuredLips:
    """What a twin's lips do under commands, from rest, servos included; nothing is drawn."""
    twin.reset()
    seen = []
    for command in commands:
        seen.append(twin.measure())
        twin.step(command, 1.0 / FPS)
    return measured_lips(seen)


def measured_lips(lips: Sequence[LipMeasurements]) -> MeasuredLips:
    """Measurements at k / `FPS`, as a table."""
    return MeasuredLips(
        frame_times(len(lips), FPS),
        np.array([one.aperture_mm for one in lips]),
        np.array([one.width_mm for one in lips]),
        np.array([one.protrusion_mm for one in lips]),
        np.array([one.jaw_deg for one in lips]),
        np.array([one.lips_touching for one in lips]),
        np.array([one.lower_lip_on_teeth for one in lips]),
    )
