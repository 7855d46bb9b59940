"""What is spoken in an evaluation: sentences, languages, recordings, captures, voices, songs."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from envs.progress import Progress, untracked
from envs.speech import Audio, Capture, load_audio, read_capture_csv, synthesise
from envs.speech.corpus import (
    PROMPTS,
    AlignedUtterance,
    align_recordings,
    aligned_utterances,
    read_prompts,
)
from envs.speech.corpus.recordings import AUDIO_SUFFIXES
from envs.speech.lips import LipCurves
from envs.speech.synthesis import SILENCE, Phone
from envs.tasks.utterances import SENTENCES_FILE
from policies.evaluation.singing import sung
from policies.evaluation.texts import TEXTS
from policies.speech import Speech

SEED: Final = 20263
"""Draws the prompts."""

ENGLISH: Final = "en-us"
ENGLISH_PROMPTS: Final = "en"
UNSEEN_LANGUAGES: Final = tuple(language for language in TEXTS if language != ENGLISH)
"""Those of the paper's eleven that nothing was trained on, by espeak-ng voice."""

RECORDED_LANGUAGES: Final = tuple(PROMPTS)
"""Those of which there are recorded prompts; all but English are unseen."""

SILENCE_S: Final = 0.5
"""Before and after what is synthesised, as around a recording: at the first sound of a voice that
begins at once the lips would already have to be open, and all faces start at rest."""

_SENTENCE_END: Final = re.compile(r"(?<=[.。?!])\s*")


class MaterialError(ValueError):
    """Something that was to be spoken cannot be; the message says what and what to do."""


@dataclass(frozen=True, eq=False)
class Material:
    """Something to speak.

    Attributes:
        key: its name within its section, fit for a file.
        language: of what group it is: a language, a voice, or a take.
        speech: what is heard, and what is known about it.
        capture: the captured human, where there is one.
    """

    key: str
    language: str
    speech: Speech
    capture: Capture | None = None

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with the sound, its phones and its lips."""
        digest = hashlib.sha256()
        for block in self.speech.audio.blocks():
            digest.update(block.tobytes())
        digest.update(repr((self.speech.audio.rate_hz, self.speech.phones)).encode())
        if self.speech.lips is not None:
            for field in fields(LipCurves):
                digest.update(getattr(self.speech.lips, field.name).tobytes())
        return digest.hexdigest()[:16]


def sentences(count: int, progress: Progress = untracked) -> Iterator[Material]:
    """English sentences said by espeak-ng, `count` of those that the environments speak, at
    regular distances through their list.

    Raises:
        envs.speech.SynthesisError: espeak-ng is not installed.
    """
    yield from voice(ENGLISH, count, progress)


def languages(names: Sequence[str], sentences_each: int | None) -> Iterator[Material]:
    """The paper's languages said by espeak-ng: all of each text, or its first sentences.

    Raises:
        envs.speech.SynthesisError: espeak-ng is not installed.
    """
    for name in names:
        parts = [part for part in _SENTENCE_END.split(TEXTS[name]) if part]
        yield _said(name, name, " ".join(parts[:sentences_each]))


def voice(name: str, count: int, progress: Progress = untracked) -> Iterator[Material]:
    """The sentences of `sentences`, said by any voice.

    Raises:
        envs.speech.SynthesisError: the voice is not installed.
    """
    lines = SENTENCES_FILE.read_text(encoding="utf-8").splitlines()
    count = min(count, len(lines))
    rows = (k * len(lines) // count for k in range(count))
    for row in progress(rows, count, f"speaking as {name}"):
        key = _file_name(f"{name}-sentence-{row:02d}")  # voices share sentences
        yield _said(key, name, lines[row])


def prompts(
    language: str, count: int, progress: Progress = untracked
) -> Iterator[AlignedUtterance]:
    """Aligned recordings of a language's test part, `count` of them or all there are, in seeded
    order.

    Raises:
        envs.speech.corpus.CorpusError: they are not installed.
        envs.speech.alignment.AlignmentError: an aligner is not installed.
    """
    recordings = read_prompts(language).of("test")
    outcomes = align_recordings(
        recordings, progress=progress, description=f"aligning recordings, {language}"
    )
    kept = [outcome for outcome in outcomes if not outcome.dropped]
    random.Random(SEED).shuffle(kept)
    yield from aligned_utterances(kept[:count])


def recorded(language: str, count: int, progress: Progress = untracked) -> Iterator[Material]:
    """Prompts as materials; see `prompts`."""
    for found in prompts(language, count, progress):
        key = _file_name(f"{language}-{found.key}")  # languages share names of recordings
        yield Material(key, language, Speech(found.audio, found.phones))


def songs(spoken: Sequence[Material], progress: Progress = untracked) -> Iterator[Material]:
    """Materials sung, with music; see `policies.evaluation.singing`.

    Raises:
        policies.evaluation.singing.SingingError: the library that changes the voice is missing.
    """
    for number, material in enumerate(progress(spoken, len(spoken), "singing")):
        yield replace(material, speech=sung(material.speech, seed=number))


def captures(folder: Path, seconds: float | None = None) -> Iterator[Material]:
    """Captured humans: each .csv of a folder that has a sound of the same name.

    Args:
        folder: where they are.
        seconds: how much of each, from its start; None takes all.

    Raises:
        MaterialError: there are none in the folder.
        envs.speech.TableError: a .csv is no capture.
        envs.speech.AudioError: a sound cannot be read.
    """
    sounds = {
        path.stem: path
        for path in sorted(folder.glob("*"))
        if path.suffix.lower() in AUDIO_SUFFIXES
    }
    tables = [path for path in sorted(folder.glob("*.csv")) if path.stem in sounds]
    if not tables:
        raise MaterialError(
            f"{folder}: holds no captures; put TAKE.csv (ARKit blend shapes) and its sound, such "
            "as TAKE.wav, into it"
        )
    for path in tables:
        audio = _begin(load_audio(sounds[path.stem]), seconds)
        capture = read_capture_csv(path)
        yield Material(
            _file_name(path.stem), path.stem, Speech(audio, lips=capture.lips()), capture
        )


def _begin(audio: Audio, seconds: float | None) -> Audio:
    if seconds is None:
        return audio
    samples: np.ndarray = audio.samples[: round(seconds * audio.rate_hz)]
    return replace(audio, samples=samples)


def _said(key: str, voice_name: str, text: str) -> Material:
    utterance = synthesise(text, voice_name)
    return Material(key, voice_name, _between_silences(utterance.audio, utterance.phones))


def _between_silences(audio: Audio, phones: Sequence[Phone]) -> Speech:
    quiet = np.zeros(round(SILENCE_S * audio.rate_hz), np.float32)
    later = [phone.later(SILENCE_S) for phone in phones]
    end_s = later[-1].end_s
    before, after = Phone(SILENCE, 0.0, SILENCE_S), Phone(SILENCE, end_s, end_s + SILENCE_S)
    samples = np.concatenate([quiet, audio.samples, quiet])
    return Speech(replace(audio, samples=samples), (before, *later, after))


def _file_name(key: str) -> str:
    return re.sub(r"[^\w.-]+", "-", key)
