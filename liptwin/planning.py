"""What a speech asks for: wanted lips and servo commands, frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from envs.speech import AudioError, frame_count, frame_times
from envs.target import LipShape, sample_shapes
from liptwin.errors import CommandError
from liptwin.progress import tracked
from policies import (
    POLICIES,
    LearnedPolicy,
    Policy,
    PolicyError,
    Speech,
    SpeechError,
    make_policy,
)


def wanted_shapes(speech: Speech, fps: float) -> list[LipShape]:
    """The wanted lips at every video frame of a speech.

    Raises:
        CommandError: too little is known about the speech.
    """
    try:
        lips = speech.wanted_lips(fps)
    except SpeechError as error:
        raise CommandError(str(error)) from error
    return sample_shapes(lips, frame_times(frame_count(speech.audio.duration_s, fps), fps))


def chosen_policy(name: str, weights: Path | None = None) -> Policy:
    """The policy that was asked for.

    Args:
        name: in `POLICIES`.
        weights: folder of the learned policy's weights; None for those shipped.

    Raises:
        CommandError: there is no policy of that name, or it has no weights.
    """
    if name not in POLICIES:
        raise CommandError(f"--policy {name!r} does not exist; there is {', '.join(POLICIES)}")
    if name == LearnedPolicy.name:
        return learned_policy(weights)
    if weights is not None:
        raise CommandError(f"--weights goes with --policy {LearnedPolicy.name}; {name} has none")
    return make_policy(name, tracked)


def learned_policy(weights: Path | None = None) -> LearnedPolicy:
    """The learned policy, with weights of a folder, or those shipped.

    Raises:
        CommandError: there is no such folder.
    """
    if weights is None:
        return LearnedPolicy(tracked)
    if not weights.is_dir():
        raise CommandError(f"--weights {weights}: there is no such folder; name that of a training")
    return LearnedPolicy(tracked, weights)


def commands_for(policy: Policy, speech: Speech, fps: float) -> npt.NDArray[np.float64]:
    """Commands (n, 10) of a policy for a speech.

    Raises:
        CommandError: the policy cannot be had here, it needs to know more about the speech, or its
            sound cannot be read any more.
    """
    try:
        return policy.commands(speech, fps)
    except (PolicyError, SpeechError) as error:
        raise CommandError(f"--policy {policy.name}: {error}") from error
    except AudioError as error:
        raise CommandError(str(error)) from error
