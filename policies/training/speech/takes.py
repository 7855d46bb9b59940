"""Speech to learn from: sounds, and what is known of the lips that go with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from envs.progress import Progress, untracked
from envs.speech import (
    SILENCE,
    InventoryError,
    LipCurves,
    Phone,
    inventory,
    load_audio,
    read_capture_csv,
    synthesise,
    voices,
)
from envs.speech.accents import HABITS, Habit
from envs.speech.audio import SPEECH_RATE_HZ
from envs.speech.corpus import align_recordings, aligned_utterances, read_corpus
from envs.speech.corpus.recordings import AUDIO_SUFFIXES, Part
from envs.speech.synthesis import ACCENTED_VOICE
from policies.training.texts import nonsense_text, random_text

Floats = NDArray[np.float32]

LANGUAGE: Final = "en"
ACCENTS: Final = (
    "en-us",
    "en-gb",
    "en-us",
    "en-gb-x-rp",
    "en-us",
    "en-029",
    "en-us-nyc",
    "en-gb-x-gbclan",
    "en-gb-x-gbcwmd",
)
"""espeak-ng's English, American most often; its Scottish has sounds that the lips do not know."""
VARIANTS: Final = (
    "", "f1", "f2", "f3", "f4", "f5", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8",
    "Alex", "Alicia", "Andrea", "Andy", "Annie", "Denis", "Diogo", "Gene", "Gene2", "Henrique",
    "Hugo", "Jacky", "Lee", "Marco", "Mario", "Michael", "Mike", "Mr serious", "Nguyen", "Reed",
    "RicishayMax", "RicishayMax2", "RicishayMax3", "Storm", "adam", "anika", "antonio", "aunty",
    "belinda", "benjamin", "boris", "caleb", "david", "ed", "edward", "grandma", "grandpa",
    "gustave", "ian", "iven", "john", "kaukovalta", "klatt", "klatt2", "klatt3", "linda",
    "marcelo", "max", "michel", "miguel", "norbert", "pablo", "paul", "pedro", "quincy", "rob",
    "robert", "sandro", "shelby", "steph", "steph2", "steph3", "travis", "victor", "zac",
)  # fmt: skip
"""Those of espeak-ng's variants that sound like a person who speaks."""
ACCENTED: Final = 0.4
"""Share of espeak-ng's speakers who have a foreign accent; each habit is drawn for itself."""
NONSENSE: Final = 0.5
"""Share of the texts that are nonsense words."""
TEXTS_PER_SITTING: Final = 4
RATE_WPM: Final = (120, 240)
PITCH: Final = (20, 80)

NATURAL_VOICES: Final = {
    "piper:joe": 0.25,
    "flite:slt": 0.29,
    "flite:awb": 0.24,
    "flite:kal16": 0.18,
    "kokoro:jf_nezumi@en-us": 0.02,
    "kokoro:jf_alpha@en-gb": 0.02,
}
"""Natural voices, and the share of the time that each speaks: Kokoro takes ten times as long to
compute."""
HELD_OUT_VOICES: Final = ("flite:rms", "kokoro:jm_kumo@en-us")
"""Natural voices that never train: an American, and a Japanese."""

SITTING_S: Final = (3.0, 30.0)
GAP_S: Final = (0.05, 0.9)
"""How long somebody speaks in a row, and how long the pauses between their sentences are."""

Kind = Literal["espeak", "natural", "prompts", "captures"]


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


def check_sources() -> None:
    """Make sure that what English is learned from is there, before it is needed.

    Raises:
        envs.speech.corpus.CorpusError: the recorded prompts are not installed.
        envs.speech.SynthesisError: a voice is not installed.
    """
    read_corpus(LANGUAGE)
    for voice in NATURAL_VOICES:
        voices.language_of(voice)


def espeak_takes(seconds: float, rng: np.random.Generator) -> Iterator[Take]:
    """Synthetic English of many voices, at least so long in all."""
    said_s = 0.0
    while said_s < seconds:
        accent = ACCENTS[int(rng.integers(len(ACCENTS)))]
        variant = VARIANTS[int(rng.integers(len(VARIANTS)))]
        habits = _some_habits(rng)
        accent = ACCENTED_VOICE if habits else accent
        voice = f"{accent}+{variant}" if variant else accent
        pitch, pieces = int(rng.integers(*PITCH)), []
        for _ in range(TEXTS_PER_SITTING):
            rate = int(rng.integers(*RATE_WPM))
            spoken = synthesise(_some_text(rng), voice, rate, pitch, habits=habits)
            pieces.append(Take("espeak", spoken.audio.samples, spoken.phones))
        take = joined(pieces, rng)
        if _is_known(take):
            said_s += take.duration_s
            yield take


def _some_text(rng: np.random.Generator) -> str:
    return nonsense_text(rng) if rng.random() < NONSENSE else random_text(rng)


def _some_habits(rng: np.random.Generator) -> list[Habit]:
    has = rng.random(len(HABITS)) < 0.5
    is_foreign = rng.random() < ACCENTED
    return [habit for habit, wanted in zip(HABITS, has, strict=True) if wanted and is_foreign]


def natural_takes(
    seconds: float,
    rng: np.random.Generator,
    shares: Mapping[str, float] = NATURAL_VOICES,
) -> Iterator[Take]:
    """Natural English voices, each of which speaks its share, at least so long in all."""
    for voice, share in shares.items():
        said_s = 0.0
        while said_s < share * seconds:
            spoken = synthesise(_some_text(rng), voice, rate_wpm=int(rng.integers(140, 210)))
            said_s += spoken.audio.duration_s
            yield Take("natural", spoken.audio.samples, spoken.phones)


def prompt_takes(part: Part, progress: Progress = untracked) -> list[Take]:
    """Recorded English prompts of a part of the corpus, aligned.

    Raises:
        envs.speech.corpus.CorpusError: they are not installed.
    """
    outcomes = align_recordings(read_corpus(LANGUAGE).of(part), progress=progress)
    return [Take("prompts", u.audio.samples, u.phones) for u in aligned_utterances(outcomes)]


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
        phones += (
            replace(p, start_s=p.start_s + start_s, end_s=p.end_s + start_s) for p in take.phones
        )
        start_s += take.duration_s
        phones.append(Phone(SILENCE, phones[-1].end_s, start_s + gap_s))
        start_s += gap_s
        sound += [take.samples, gap]
    assert kind is not None
    return Take(kind, np.concatenate(sound), tuple(phones))


def _is_known(take: Take) -> bool:
    """Whether the lips know all of its sounds; some voices write a few that they do not."""
    try:
        inventory.check_known(take.phones or ())
    except InventoryError:
        return False
    return True


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in AUDIO_SUFFIXES
