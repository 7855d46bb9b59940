"""The speech encoder, one frame after the other, in NumPy.

A live voice asks for lips thirty times a second, and in NumPy they cost less than in PyTorch
(`policies.learned.frame_layers`), in which the encoder learns.
"""

from __future__ import annotations

import numpy as np

from policies.learned.contacts import N_MOMENTS
from policies.learned.frame_layers import EPSILON, Floats, Weights, linear, weights_of
from policies.learned.speech_encoder import (
    AHEAD,
    KERNEL,
    N_CONTACTS,
    N_SHAPE,
    STEM_KERNEL,
    STEM_LAYERS,
    STRIDE,
    SpeechEncoder,
    SpeechNetwork,
)
from policies.learned.usual_microphone import MicrophoneStream


class FrameEncoder:
    """Says of one sound what a `SpeechEncoder` says, to 1e-4, as it comes in.

    Args:
        encoder: a trained one.
    """

    def __init__(self, encoder: SpeechEncoder) -> None:
        self._networks = [_Network(network) for network in encoder.networks]

    def push(self, heard: Floats) -> tuple[Floats, Floats]:
        """Raw heads of the next feature frames (3 n, 41): shapes (n, 4, 4) and contacts
        (n, 2, 13), see `SpeechNetwork.forward`. The first three of a sound, in which less was heard
        than a plan asks for, are given too."""
        shapes, contacts = zip(*(network.push(heard) for network in self._networks), strict=True)
        return np.mean(shapes, axis=0), np.mean(contacts, axis=0)


class _Network:
    def __init__(self, network: SpeechNetwork) -> None:
        weights = weights_of(network)
        self._microphone = MicrophoneStream(weights["voiced_mean"])
        self._mean, self._scale = weights["heard_mean"], weights["heard_scale"]
        self._stem = [
            _CausalConv(weights, f"_stem.{k}", STEM_KERNEL, 1) for k in range(STEM_LAYERS)
        ]
        self._join = linear(weights, "_join")
        self._blocks = [
            _Block(weights, f"_blocks.{k}", dilation)
            for k, dilation in enumerate(network.dilations)
        ]
        self._shapes, self._contacts = linear(weights, "_shapes"), linear(weights, "_contacts")

    def push(self, heard: Floats) -> tuple[Floats, Floats]:
        x = (self._microphone.push(heard) - self._mean) / self._scale
        for layer in self._stem:
            x = _relu(layer(x))
        x = self._join(x.reshape(len(x) // STRIDE, -1))
        for block in self._blocks:
            x = block(x)
        x = _relu(x)
        shapes = self._shapes(x).reshape(len(x), AHEAD + 1, N_SHAPE)
        return shapes, self._contacts(x).reshape(len(x), N_CONTACTS, N_MOMENTS)


class _CausalConv:
    """A convolution of frames (m, c), which goes on from those before."""

    def __init__(self, weights: Weights, name: str, kernel: int, dilation: int) -> None:
        self._mix = linear(weights, f"{name}._mix")
        inputs = weights[f"{name}._mix.weight"].shape[1] // kernel
        self._past = np.zeros(((kernel - 1) * dilation, inputs), np.float32)
        self._starts = range(0, len(self._past) + 1, dilation)

    def __call__(self, x: Floats) -> Floats:
        known = np.concatenate([self._past, x])
        self._past = known[len(x) :]
        seen = [known[start : start + len(x)] for start in self._starts]
        return self._mix(np.concatenate(seen, axis=1))


class _Block:
    def __init__(self, weights: Weights, name: str, dilation: int) -> None:
        norm = f"{name}._norm"
        spread = np.sqrt(weights[f"{norm}.running_var"] + EPSILON)
        self._scale = weights[f"{norm}.weight"] / spread
        self._shift = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * self._scale
        self._conv = _CausalConv(weights, f"{name}.conv", KERNEL, dilation)
        self._mix = linear(weights, f"{name}._mix")

    def __call__(self, x: Floats) -> Floats:
        level = x * self._scale + self._shift
        return x + self._mix(_relu(self._conv(_relu(level))))


def _relu(x: Floats) -> Floats:
    y: Floats = np.maximum(x, np.float32(0.0))
    return y
