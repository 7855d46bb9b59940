"""What is to be said: the sources that an episode takes its utterance from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from envs.speech.articulation import articulate
from envs.speech.audio import Audio, load_audio
from envs.speech.captures import read_capture_csv
from envs.speech.lips import LipCurves
from envs.speech.synthesis import Phone, Utterance, synthesise

REFERENCE_FPS: Final = 100.0
"""Frame rate at which wanted lips are computed from phones; frames are interpolated between."""

SENTENCES_FILE: Final = Path(__file__).with_name("sentences.txt")

_KEPT_UTTERANCES: Final = 512


@dataclass(frozen=True, eq=False)
class SpokenLips:
    """Something said, and how a human's lips move to it.

    Attributes:
        name: what to call it.
        lips: the wanted lips over time.
        duration_s: how long it takes.
        audio: its sound; None where there is none.
        phones: its phones in order of time; None where they are not known.
    """

    name: str
    lips: LipCurves
    duration_s: float
    audio: Audio | None = None
    phones: tuple[Phone, ...] | None = None


class UtteranceSource(Protocol):
    """Where episodes take their utterances from."""

    def draw(self, rng: np.random.Generator) -> SpokenLips:
        """One utterance; the same state of `rng` gives the same one.

        Environments keep what they derive from an utterance, so a source that returns the same
        object again saves them the work.
        """


def spoken(utterance: Utterance) -> SpokenLips:
    """A synthesised utterance with the lips of the model of articulation.

    Raises:
        envs.speech.InventoryError: a phone is not in the table of lip targets.
    """
    duration_s = utterance.audio.duration_s
    lips = articulate(utterance.phones, REFERENCE_FPS, duration_s)
    return SpokenLips(utterance.text, lips, duration_s, utterance.audio, utterance.phones)


def captured(
    path: str | os.PathLike[str], audio: str | os.PathLike[str] | None = None
) -> SpokenLips:
    """A captured human (ARKit or Live Link Face), with its sound if there is a recording.

    Raises:
        envs.speech.TableError: the capture cannot be read.
        envs.speech.AudioError: the recording cannot be read.
    """
    lips = read_capture_csv(path).lips()
    sound = None if audio is None else load_audio(audio)
    duration_s = float(lips.times_s[-1]) if sound is None else sound.duration_s
    return SpokenLips(Path(path).name, lips, duration_s, sound)


@dataclass(frozen=True)
class UtteranceList:
    """A list of utterances, drawn with equal chance.

    Raises:
        ValueError: the list is empty.
    """

    utterances: Sequence[SpokenLips]

    def __post_init__(self) -> None:
        if not self.utterances:
            raise ValueError("the list of utterances is empty; give at least one")

    def draw(self, rng: np.random.Generator) -> SpokenLips:
        """One of them."""
        return self.utterances[int(rng.integers(len(self.utterances)))]


@dataclass(frozen=True)
class SyntheticTexts:
    """Sentences spoken by espeak-ng (extra `tts`), whose phone times are exact.

    A draw picks one of `variety` recordings; which sentence, voice, rate and pitch a recording
    has depends on its number alone. There are only so many because the wanted landmarks of a new
    one cost more than an episode; an environment that draws it again has them at hand.

    Attributes:
        texts: sentences in the language of the voices; by default fifty short English ones.
        voices: names of espeak-ng voices.
        rate_wpm: least and greatest speaking rate, words per minute.
        pitch: least and greatest pitch, on espeak-ng's scale of 0 to 99.
        variety: number of recordings.

    Raises:
        ValueError: no texts, no voices, or a variety below 1.
    """

    texts: tuple[str, ...] = ()
    voices: tuple[str, ...] = ("en-us", "en-us+f3", "en-gb", "en-us+m3")
    rate_wpm: tuple[int, int] = (130, 210)
    pitch: tuple[int, int] = (30, 70)
    variety: int = 200

    def __post_init__(self) -> None:
        if not self.voices:
            raise ValueError("there are no voices; give at least one")
        if self.variety < 1:
            raise ValueError(f"variety is {self.variety}; give 1 or more")

    def draw(self, rng: np.random.Generator) -> SpokenLips:
        """One of the recordings.

        Raises:
            envs.speech.SynthesisError: espeak-ng is not installed or does not know the voice.
        """
        return self.recording(int(rng.integers(self.variety)))

    def recording(self, number: int) -> SpokenLips:
        """The recording of a number from 0 on.

        Raises:
            envs.speech.SynthesisError: espeak-ng is not installed or does not know the voice.
        """
        rng = np.random.default_rng([number, 0x5EA7])
        texts = self.texts or default_sentences()
        return _speak(
            texts[int(rng.integers(len(texts)))],
            self.voices[int(rng.integers(len(self.voices)))],
            int(rng.integers(self.rate_wpm[0], self.rate_wpm[1] + 1)),
            int(rng.integers(self.pitch[0], self.pitch[1] + 1)),
        )


@lru_cache(maxsize=1)
def default_sentences() -> tuple[str, ...]:
    """Short English sentences rich in sounds that show on the lips."""
    return tuple(SENTENCES_FILE.read_text(encoding="utf-8").splitlines())


@lru_cache(maxsize=_KEPT_UTTERANCES)
def _speak(text: str, voice: str, rate_wpm: int, pitch: int) -> SpokenLips:
    return spoken(synthesise(text, voice, rate_wpm, pitch))
