"""Somebody speaking: sounds, and what is known of the lips that go with them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from envs.progress import Progress
from envs.speech import SILENCE, LipCurves, Phone, load_audio, read_capture_csv
from envs.speech.audio import SPEECH_RATE_HZ
from envs.speech.corpus.recordings import AUDIO_SUFFIXES

Floats = NDArray[np.float32]

SITTING_S: Final = (3.0, 30.0)
GAP_S: Final = (0.05, 0.9)
"""How long somebody speaks in a row, and how long the pauses between their sentences are."""

Kind = Literal["espeak", "natural", "blended", "prompts", "captures"]


@dataclass(frozen=True, eq=False)
class Take:
    """Somebody speaking for a while.

    Attributes:
        samples: (n,) in [-1, 1] at `SPEECH_RATE_HZ`.
        phones: in order of time; None where they are not known.
        lips: how the lips moved; None where they were not captured.
    """

    kind: Kind
    samples: Floats
    phones: tuple[Phone, ...] | None
    lips: LipCurves | None = None

    @property
    def duration_s(self) -> float:
        """Its length."""
        return len(self.samples) / SPEECH_RATE_HZ


def capture_takes(folder: Path) -> list[Take]:
    """Captured humans: each CSV of a folder with the audio file of the same name.

    Raises:
        CaptureError: there is no such pair.
        envs.speech.tables.TableError, envs.speech.AudioError: a file cannot be read.
    """
    takes = []
    for path in sorted(folder.glob("*.csv")):
        sounds = [p for p in sorted(path.parent.glob(f"{path.stem}.*")) if _is_audio(p)]
        if not sounds:
            raise CaptureError(f"{path}: there is no audio file of the same name beside it")
        lips = read_capture_csv(path).lips()
        takes.append(Take("captures", load_audio(sounds[0]).samples, None, lips))
    if not takes:
        raise CaptureError(
            f"{folder}: there is no capture; it should hold NAME.csv (ARKit or Live Link Face) "
            "with NAME.wav, or another audio file, beside it"
        )
    return takes


class CaptureError(ValueError):
    """A folder of captures cannot be used; the message says why."""


def sittings(takes: Sequence[Take], rng: np.random.Generator) -> Iterator[Take]:
    """The takes in random order, joined to sittings of random length."""
    pieces: list[Take] = []
    wanted_s = rng.uniform(*SITTING_S)
    for index in rng.permutation(len(takes)):
        pieces.append(takes[index])
        if sum(piece.duration_s for piece in pieces) >= wanted_s:
            yield joined(pieces, rng)
            pieces, wanted_s = [], rng.uniform(*SITTING_S)
    if pieces:
        yield joined(pieces, rng)


def by_seconds(
    takes: Iterable[Take], seconds: float, progress: Progress, what: str
) -> Iterator[Take]:
    """The takes, about so many seconds in all; progress counts these."""
    waiting, passed_s = iter(takes), 0.0
    for second in progress(range(math.ceil(seconds)), math.ceil(seconds), what):
        while passed_s <= second and (take := next(waiting, None)) is not None:
            passed_s += take.duration_s
            yield take
    yield from waiting


def joined(takes: Iterable[Take], rng: np.random.Generator) -> Take:
    """Takes with known phones one after the other, with pauses of random length."""
    sound: list[Floats] = []
    phones: list[Phone] = []
    start_s, kind = 0.0, None
    for take in takes:
        kind = take.kind
        gap = np.zeros(round(rng.uniform(*GAP_S) * SPEECH_RATE_HZ), np.float32)
        gap_s = len(gap) / SPEECH_RATE_HZ
        assert take.phones is not None
        phones += (phone.later(start_s) for phone in take.phones)
        start_s += take.duration_s
        phones.append(Phone(SILENCE, phones[-1].end_s, start_s + gap_s))
        start_s += gap_s
        sound += [take.samples, gap]
    assert kind is not None
    return Take(kind, np.concatenate(sound), tuple(phones))


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in AUDIO_SUFFIXES
