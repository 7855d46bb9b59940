"""Voices that were learned from people: they sound natural, and they know when each phone begins.

`piper` and `kokoro` are two neural models that come with the extra `voices`, `flite` a program with
statistical voices. All are told the phones by espeak-ng, and all decide on a length for each before
they make the sound; these lengths are the phone times.
"""

from __future__ import annotations

import difflib

from envs.speech.espeak import SynthesisError, Voice
from envs.speech.voices import flite, kokoro, piper
from envs.speech.voices.pronunciation import Sentence, sentences
from envs.speech.voices.rendering import Rendering

ENGINES = {engine.NAME: engine for engine in (piper, kokoro, flite)}
"""What stands before the colon of a natural voice's name, and the module that speaks it."""

LANGUAGE_SIGN = "@"
"""Parts a speaker from the language spoken: `kokoro:jf_alpha@fr`."""


def is_natural(name: str) -> bool:
    """Whether a voice's name is that of a natural voice, installed or not."""
    return name.partition(":")[0].lower() in ENGINES and ":" in name


def list_natural_voices() -> tuple[Voice, ...]:
    """The natural voices that are installed, by name."""
    return tuple(
        voice
        for _, engine in sorted(ENGINES.items())
        if engine.installed()
        for voice in engine.VOICES
    )


def language_of(name: str) -> str:
    """The espeak-ng language that a natural voice speaks.

    Raises:
        SynthesisError: there is no such voice, it does not speak that language, or it is not
            installed.
    """
    return _resolve(name)[1]


def render(name: str, spoken: list[Sentence], speed: float) -> Rendering:
    """Speak sentences, which `sentences` makes of a text.

    Args:
        name: a natural voice, such as "piper:joe" or "kokoro:jf_alpha@fr".
        spoken: at least one sentence.
        speed: 1 is the voice's own pace; 2 is twice as fast.

    Raises:
        SynthesisError: as for `language_of`, or the model has no letter for a phone.
    """
    voice, language = _resolve(name)
    engine = ENGINES[voice.name.partition(":")[0]]
    return engine.render(voice.file, language, spoken, speed)


def _resolve(name: str) -> tuple[Voice, str]:
    """A natural voice and its language."""
    wanted, sign, language = name.lower().partition(LANGUAGE_SIGN)
    engine = ENGINES[wanted.partition(":")[0]]
    known = {voice.name: voice for voice in engine.VOICES}
    if wanted not in known:
        close = difflib.get_close_matches(wanted, known, n=4, cutoff=0.3) or list(known)
        raise SynthesisError(f"unknown voice {name!r}; did you mean {', '.join(close)}?")
    language = language if sign else engine.LANGUAGES[0]
    if language not in engine.LANGUAGES:
        raise SynthesisError(
            f"voice {wanted!r} does not speak {language!r}; it speaks {', '.join(engine.LANGUAGES)}"
        )
    if not engine.installed():
        raise SynthesisError(f"voice {wanted!r} is not installed: {engine.INSTALL}")
    return known[wanted], language


__all__ = [
    "ENGINES",
    "LANGUAGE_SIGN",
    "Rendering",
    "Sentence",
    "is_natural",
    "language_of",
    "list_natural_voices",
    "render",
    "sentences",
]
