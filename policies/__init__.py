"""Policies: what turns speech into servo commands."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from envs.progress import Progress, untracked
from policies.amplitude import AmplitudePolicy
from policies.learned.policy import LearnedPolicy, PolicyError
from policies.nearest import NearestPolicy
from policies.speech import Speech, SpeechError


class Policy(Protocol):
    """Anything that moves the lips to a speech."""

    @property
    def name(self) -> str:
        """Name in `POLICIES`."""

    def commands(self, speech: Speech, fps: float) -> NDArray[np.float64]:
        """Commands at the frame times k / fps.

        Args:
            speech: what is heard, and what is known about it.
            fps: frames per second.

        Returns:
            (n, 10) commands in [0, 1], columns in the order of `sim.dof.DOF_NAMES`,
            n = `envs.speech.frame_count(speech.audio.duration_s, fps)`.

        Raises:
            PolicyError: the policy cannot be had on this machine.
            SpeechError: the policy needs to know more about the speech.
        """


POLICIES: Mapping[str, Callable[[Progress], Policy]] = MappingProxyType(
    {
        LearnedPolicy.name: LearnedPolicy,
        AmplitudePolicy.name: lambda _progress: AmplitudePolicy(),
        NearestPolicy.name: NearestPolicy,
    }
)
"""Factory of each policy by its name, the best first, given what shows the progress of its work."""


def make_policy(name: str, progress: Progress = untracked) -> Policy:
    """The policy of a name in `POLICIES`.

    Raises:
        ValueError: there is none of that name.
    """
    if name not in POLICIES:
        raise ValueError(f"policy {name!r} does not exist; there is {', '.join(POLICIES)}")
    return POLICIES[name](progress)


__all__ = [
    "POLICIES",
    "AmplitudePolicy",
    "LearnedPolicy",
    "NearestPolicy",
    "Policy",
    "PolicyError",
    "Speech",
    "SpeechError",
    "make_policy",
]
