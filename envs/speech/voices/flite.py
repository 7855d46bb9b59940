"""Flite's American and Scottish voices (Debian's package `flite`, BSD-like licence).

Flite (Black & Lenzo, "Flite: a small fast run-time synthesis engine", SSW4, 2001) speaks voices of
CMU's ARCTIC recordings by statistics of their spectra, and `kal16` by joining pieces of recordings.
The program is told phones in ARPABET and tells where each ends.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from envs.speech.arpabet import arpabet
from envs.speech.espeak import PhoneEvent, SynthesisError, Voice
from envs.speech.voices.pronunciation import Sentence
from envs.speech.voices.rendering import Rendering, joined

NAME: Final = "flite"
LANGUAGES: Final = ("en-us",)
VOICES: Final = tuple(
    Voice(f"flite:{speaker}", f"English ({accent}), natural, statistical", gender, False, speaker)
    for speaker, accent, gender in (
        ("awb", "Scotland", "male"),
        ("kal16", "America", "male"),
        ("rms", "America", "male"),
        ("slt", "America", "female"),
    )
)
INSTALL: Final = "run apt-get install flite (or your system's like)"

_PROGRAM: Final = "flite"
_PAUSE: Final = "pau"
_WITHIN_S: Final = 60.0
"""A sentence takes a fraction of a second."""
_ENDS: Final = re.compile(r"([a-z]+):([0-9.]+)")


def speakers_of(speaker: str) -> list[str]:
    """Whom a speaker's name names: nobody else, there are no blends."""
    return [speaker]


def own_language(speaker: str) -> str:
    """American English, whoever speaks."""
    return LANGUAGES[0]


def remedy(speaker: str) -> str | None:
    """How to get the program; None where it is there."""
    return None if shutil.which(_PROGRAM) else INSTALL


def render(speaker: str, language: str, spoken: list[Sentence], speed: float) -> Rendering:
    """Sound and phones of sentences.

    Raises:
        SynthesisError: the program fails.
    """
    return joined([_render(speaker, sentence, speed) for sentence in spoken])


def _render(speaker: str, sentence: Sentence, speed: float) -> Rendering:
    said: list[tuple[str, str]] = [(_PAUSE, "")]
    for clause in sentence:
        for phone in (phone for word in clause.words for phone in word):
            said.append((" ".join(arpabet(phone)).lower(), phone))
        said.append((_PAUSE, ""))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "said.wav")
        told = _speak(speaker, " ".join(sounds for sounds, _ in said), speed, path)
        pcm, rate_hz = soundfile.read(path, dtype="float32")
    ends_s = [0.0, *(float(end) for _, end in _ENDS.findall(told))]
    events: list[PhoneEvent] = []
    first = 0
    for sounds, phone in said:
        events.append(PhoneEvent(min(round(ends_s[first] * rate_hz), len(pcm)), phone))
        first += len(sounds.split())
    if first != len(ends_s) - 1:
        raise SynthesisError(f"flite said {len(ends_s) - 1} sounds where it was told {first}")
    return Rendering(rate_hz, np.asarray(pcm), events)


def _speak(speaker: str, sounds: str, speed: float, path: Path) -> str:
    """Have sounds spoken to a file; what the program printed."""
    stretch = f"duration_stretch={1.0 / speed:.4f}"
    command = [
        _PROGRAM,
        "-voice",
        speaker,
        "--setf",
        stretch,
        "-psdur",
        "-p",
        sounds,
        "-o",
        str(path),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_WITHIN_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SynthesisError(f"flite could not speak with voice {speaker!r}: {error}") from error
    return done.stdout
