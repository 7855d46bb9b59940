"""What a speech asks for: wanted lips and servo commands, frame by frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from envs.speech import AudioError, frame_count, frame_times
from envs.target import LipShape, sample_shapes
from liptwin.errors import CommandError
from liptwin.progress import tracked
from policies import Speech, SpeechError, make_policy


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


def commands_for(policy: str, speech: Speech, fps: float) -> npt.NDArray[np.float64]:
    """Commands (n, 10) of a policy for a speech.

    Raises:
        CommandError: the policy needs to know more about the speech, or its sound cannot be read
            any more.
    """
    try:
        return make_policy(policy, tracked).commands(speech, fps)
    except SpeechError as error:
        raise CommandError(f"--policy {policy}: {error}") from error
    except AudioError as error:
        raise CommandError(str(error)) from error
