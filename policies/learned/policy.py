"""The learned policy: nobody told it which motor does what for which sound.

It hears the sound and nothing else: no phones, no text, no language, and no captured lips, even
where they are known.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from envs.progress import Progress, untracked
from envs.speech.audio import SPEECH_RATE_HZ
from envs.speech.features import FeatureError
from envs.speech.frames import frame_count, frame_times
from policies.learned.effort import Effort
from policies.learned.patience import MOST
from policies.speech import Speech, SpeechError
from sim.dof import N_DOF

if TYPE_CHECKING:
    from policies.learned.speaker import Speaker

Floats = NDArray[np.float64]

WEIGHTS: Final = Path(__file__).resolve().parents[1] / "weights"
"""Folder of the shipped weights."""

_WITHOUT: Final = "--policy amplitude works without"


class PolicyError(ValueError):
    """A policy cannot be had on this machine; the message says why and what to do."""


class LearnedPolicy:
    """Sound to commands, through `policies.learned.speaker.Speaker`.

    Args:
        progress: told how the speaking goes.
        weights: folder of `speech`, `imagination` and `action.safetensors`, such as that of a
            training run.
    """

    name: ClassVar[str] = "learned"

    def __init__(self, progress: Progress = untracked, weights: Path = WEIGHTS) -> None:
        self._progress = progress
        self._weights = weights
        self.effort = Effort()
        """What speaking has cost so far."""

    def speaker(self, patience: int = 0) -> Speaker:
        """What speaks one sound as it comes.

        Args:
            patience: frames that it waits for better plans, 0 to `policies.learned.patience.MOST`.

        Raises:
            PolicyError: the extra `learn` is not installed, or there are no usable weights.
        """
        try:
            from policies.learned.speaker import Speaker, load_networks
            from policies.learned.weights import WeightsError
        except ModuleNotFoundError as error:
            raise PolicyError(
                f"the learned policy needs {error.name}; install it with: "
                f'pip install "liptwin[learn]"; {_WITHOUT}'
            ) from error
        try:
            networks = load_networks(self._weights)
            # Libraries load on first use: not while somebody waits for a frame.
            Speaker(networks).push(np.zeros(SPEECH_RATE_HZ // 2, np.float32))
            return Speaker(networks, self.effort, patience)
        except (FeatureError, WeightsError) as error:
            raise PolicyError(f"{error}; {_WITHOUT}") from error

    def commands(self, speech: Speech, fps: float) -> Floats:
        """Commands (n, 10) in [0, 1] at the frame times k / fps; see `policies.Policy`.

        All of the sound is there, so it takes the most patience. It learned to give 30 per second;
        at other rates they are interpolated linearly, which is how a servo goes from one to the
        next.

        Raises:
            PolicyError: the extra `learn` is not installed, or there are no usable weights.
            SpeechError: the sound is not at `SPEECH_RATE_HZ`.
            envs.speech.audio.AudioError: the sound cannot be read any more.
            ValueError: a frame rate outside `envs.speech.frames.FPS_RANGE`.
        """
        sound = speech.audio
        if sound.rate_hz != SPEECH_RATE_HZ:
            raise SpeechError(
                f"{sound.source}: the learned policy hears {SPEECH_RATE_HZ} samples a second, not "
                f"{sound.rate_hz}; load the sound at that rate"
            )
        due_s = frame_times(frame_count(sound.duration_s, fps), fps)
        speaker = self.speaker(MOST)
        given_s = frame_times(frame_count(sound.duration_s, speaker.fps), speaker.fps)
        given = np.empty((len(given_s), N_DOF))
        rows = speaker.speak(sound.blocks())
        for frame in self._progress(range(len(given)), len(given), "speaking"):
            given[frame] = next(rows)
        return np.column_stack([np.interp(due_s, given_s, column) for column in given.T])
