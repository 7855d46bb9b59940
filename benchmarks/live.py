"""Speaking live: what a frame costs, and what of it is the Facial Action Transformer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import numpy as np
import torch

from benchmarks.case import Case, Effort, Sample, Sampler
from benchmarks.speech import speech_like_audio
from envs.speech.audio import SPEECH_RATE_HZ
from envs.speech.streaming import LIVE_BLOCK_S
from policies.learned.frame_actor import FrameActor
from policies.learned.policy import WEIGHTS
from policies.learned.speaker import Networks, Speaker, lightly, load_networks
from policies.learned.speech_encoder import PLAN_FPS

MS: Final = "CPU ms per frame"

Acting = Callable[[np.ndarray, np.ndarray], object]


def _pytorch(networks: Networks) -> Acting:
    def act(previous: np.ndarray, wanted: np.ndarray) -> object:
        return networks.actor(torch.from_numpy(previous)[None], torch.from_numpy(wanted)[None])

    return act


def _numpy(networks: Networks) -> Acting:
    return FrameActor(networks.actor)


@contextmanager
def _act(kind: Callable[[Networks], Acting], effort: Effort) -> Iterator[Sampler]:
    networks = load_networks(WEIGHTS)
    actor, frames = kind(networks), 10 * effort.frames
    mean, scale = (getattr(networks.actor, f"latent_{name}").numpy() for name in ("mean", "scale"))
    rng = np.random.default_rng(0)
    ahead = networks.actor.architecture.ahead
    wanted = mean + scale * rng.standard_normal((frames, ahead + 1, len(mean)), dtype=np.float32)
    previous = rng.random((frames, 2, 10), dtype=np.float32)

    def run() -> Sample:
        with lightly():
            start_s = time.process_time()
            for frame in range(frames):
                actor(previous[frame], wanted[frame])
            return {MS: 1e3 * (time.process_time() - start_s) / frames}

    yield run


@contextmanager
def _speak(block_s: float, effort: Effort) -> Iterator[Sampler]:
    networks = load_networks(WEIGHTS)
    samples = speech_like_audio(effort.speech_s).samples
    size = round(block_s * SPEECH_RATE_HZ)
    blocks = np.array_split(samples, range(size, len(samples), size))

    def run() -> Sample:
        speaker = Speaker(networks)
        start_s = time.process_time()
        frames = sum(1 for _ in speaker.speak(blocks))
        return {MS: 1e3 * (time.process_time() - start_s) / frames}

    yield run


CASES: Final = (
    Case("transformer, PyTorch", partial(_act, _pytorch)),
    Case("transformer, NumPy", partial(_act, _numpy), baseline="transformer, PyTorch"),
    Case("speaking, blocks of 33 ms", partial(_speak, 1 / PLAN_FPS)),
    Case(
        "speaking, blocks of 5 ms",
        partial(_speak, LIVE_BLOCK_S),
        baseline="speaking, blocks of 33 ms",
        wanted={MS: "below 5"},
    ),
)
