"""Policies: what turns speech into servo commands."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from envs.speech.audio import Audio
from policies.amplitude import AmplitudePolicy


class Policy(Protocol):
    """Anything that moves the lips to a sound."""

    @property
    def name(self) -> str:
        """Name in `POLICIES`."""

    def commands(self, audio: Audio, fps: float) -> NDArray[np.float64]:
        """Commands at the frame times k / fps.

        Args:
            audio: what is heard.
            fps: frames per second.

        Returns:
            (n, 10) commands in [0, 1], columns in the order of `sim.dof.DOF_NAMES`,
            n = `envs.speech.frame_count(audio.duration_s, fps)`.
        """


POLICIES: Mapping[str, Callable[[], Policy]] = MappingProxyType(
    {AmplitudePolicy.name: AmplitudePolicy}
)
"""Factory of each policy by its name."""

__all__ = ["POLICIES", "AmplitudePolicy", "Policy"]
