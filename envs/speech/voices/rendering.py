"""What a neural voice gives, and what its models have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.speech.espeak import PhoneEvent, SynthesisError
from envs.speech.voices.pronunciation import Sign

PAUSE_S = 0.25
"""Silence between two sentences, which a voice speaks one at a time."""


@dataclass(frozen=True, eq=False)
class Rendering:
    """Sound and phones.

    Attributes:
        rate_hz: samples per second.
        pcm: (n,) float32 in [-1, 1].
        events: where each phone begins, in order of time; "" for gaps and punctuation.
    """

    rate_hz: int
    pcm: NDArray[np.float32]
    events: list[PhoneEvent]


def are_installed(*modules: str) -> bool:
    """Whether modules can be imported."""
    return all(find_spec(module) is not None for module in modules)


def session(model: Any) -> Any:
    """An ONNX model, ready to run on one thread: the same sound every time, on every machine."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def events_of(
    signs: Sequence[Sign], starts: NDArray[np.float64], offset: float, end: int
) -> list[PhoneEvent]:
    """Phone events from the first sample of each sign, moved by `offset` samples, never beyond
    0 and `end`."""
    moved = np.clip(np.rint(starts + offset), 0, end).astype(int)
    return [
        PhoneEvent(int(sample), sign.phone)
        for sign, sample in zip(signs, moved, strict=True)
        if sign.phone is not None
    ]


def joined(parts: Sequence[Rendering]) -> Rendering:
    """Sentences one after the other, `PAUSE_S` between them."""
    rate_hz = parts[0].rate_hz
    gap = np.zeros(round(PAUSE_S * rate_hz), np.float32)
    sounds: list[NDArray[np.float32]] = []
    events: list[PhoneEvent] = []
    length = 0
    for part in parts:
        if length:
            events.append(PhoneEvent(length, ""))
            sounds.append(gap)
            length += gap.size
        events += [PhoneEvent(length + event.sample, event.name) for event in part.events]
        sounds.append(part.pcm)
        length += part.pcm.size
    return Rendering(rate_hz, np.concatenate(sounds), events)


def refuse(voice: str, missing: Sequence[str]) -> None:
    """Say which phones a voice has no letters for.

    Raises:
        SynthesisError: there are some.
    """
    if missing:
        named = ", ".join(repr(phone) for phone in dict.fromkeys(missing))
        raise SynthesisError(f"voice {voice!r} cannot say {named}; choose another voice")
