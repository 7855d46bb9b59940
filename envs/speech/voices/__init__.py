"""Voices that were learned from people: they sound natural, and they know when each phone begins.

`piper` and `kokoro` are two neural models that come with the extra `voices`, `flite` a program with
statistical voices. All are told the phones by espeak-ng, and all decide on a length for each before
they make the sound; these lengths are the phone times.
"""

from __future__ import annotations

import difflib
from dataclasses import replace

from envs.speech.espeak import SynthesisError, Voice
from envs.speech.voices import flite, kokoro, piper
from envs.speech.voices.pronunciation import Sentence, sentences
from envs.speech.voices.rendering import Rendering
from envs.speech.voices.styles import add_styles

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
        for voice in engine.VOICES
        if engine.remedy(voice.file) is None
    )


def list_missing_voices() -> dict[str, list[Voice]]:
    """The natural voices that are not installed, by what would change that."""
    missing: dict[str, list[Voice]] = {}
    for _, engine in sorted(ENGINES.items()):
        for voice in engine.VOICES:
            if (remedy := engine.remedy(voice.file)) is not None:
                missing.setdefault(remedy, []).append(voice)
    return missing


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
    voice = _find(name, wanted)
    language = language if sign else engine.own_language(voice.file)
    if language not in engine.LANGUAGES:
        raise SynthesisError(
            f"voice {wanted!r} does not speak {language!r}; it speaks {', '.join(engine.LANGUAGES)}"
        )
    if (remedy := engine.remedy(voice.file)) is not None:
        raise SynthesisError(f"voice {wanted!r} is not installed: {remedy}")
    return voice, language


def _find(name: str, wanted: str) -> Voice:
    """A voice, or a blend of several."""
    name_of_engine, _, speakers = wanted.partition(":")
    engine = ENGINES[name_of_engine]
    known = {voice.file: voice for voice in engine.VOICES}
    parts = engine.speakers_of(speakers)
    for speaker in parts:
        if speaker not in known:
            close = difflib.get_close_matches(speaker, known, n=4, cutoff=0.3) or list(known)
            names = ", ".join(known[one].name for one in close)
            raise SynthesisError(f"unknown voice {name!r}; did you mean {names}?")
    return replace(known[parts[0]], name=wanted, file=speakers)


__all__ = [
    "ENGINES",
    "LANGUAGE_SIGN",
    "Rendering",
    "Sentence",
    "add_styles",
    "is_natural",
    "language_of",
    "list_missing_voices",
    "list_natural_voices",
    "render",
    "sentences",
]
