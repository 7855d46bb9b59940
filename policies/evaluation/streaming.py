"""What it costs to speak live: how late commands come, and how much work each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from envs.speech.audio import SPEECH_RATE_HZ, Sound
from envs.speech.streaming import LIVE_BLOCK_S
from policies.learned.effort import Effort
from policies.learned.speaker import Speaker, load_networks


@dataclass(frozen=True)
class StreamCost:
    """Of the audio-only setting, on one core.

    Attributes:
        look_ahead_ms: how much sound after its time a command waits for.
        block_ms: length of the blocks in which the sound came, which adds to that.
        mean_ms: processor time per command.
        p99_ms: what 99 % of the commands stay under.
        frames: over so many commands.
    """

    look_ahead_ms: float
    block_ms: float
    mean_ms: float
    p99_ms: float
    frames: int


def stream_cost(weights: Path, sounds: Sequence[Sound]) -> StreamCost:
    """Speak sounds at `envs.speech.audio.SPEECH_RATE_HZ`, one after the other, block by block.

    Raises:
        policies.learned.weights.WeightsError: weights are missing or damaged.
        envs.speech.features.FeatureError: librosa is not installed.
    """
    networks = load_networks(weights)
    samples = np.concatenate([block for sound in sounds for block in sound.blocks()])
    size = round(LIVE_BLOCK_S * SPEECH_RATE_HZ)
    # A first run pays for what is loaded and compiled once.
    _speak(Speaker(networks), samples[: 30 * size], size)
    effort = Effort()
    speaker = Speaker(networks, effort)
    _speak(speaker, samples, size)
    return StreamCost(
        1e3 * speaker.look_ahead_s, 1e3 * LIVE_BLOCK_S, effort.mean_ms, effort.p99_ms, effort.frames
    )


def _speak(speaker: Speaker, samples: np.ndarray, size: int) -> None:
    for first in range(0, len(samples), size):
        speaker.push(samples[first : first + size])
    speaker.finish()
