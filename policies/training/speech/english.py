"""English to learn from: who speaks it, and what."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np

from envs.progress import Progress, untracked
from envs.speech import InventoryError, inventory, synthesise, voices
from envs.speech.accents import HABITS, Habit
from envs.speech.corpus import align_recordings, aligned_utterances, read_corpus
from envs.speech.corpus.recordings import Part
from envs.speech.synthesis import ACCENTED_VOICE
from envs.speech.voices import kokoro
from policies.training.config import SpeechTraining
from policies.training.speech.takes import Kind, Take, by_seconds, joined
from policies.training.texts import nonsense_text, random_text

LANGUAGE: Final = "en"
ENGLISH: Final = ("en-us", "en-gb")
"""What natural voices call it."""
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
NATURAL_RATE_WPM: Final = (140, 210)

NATURAL_VOICES: Final = {
    "piper:joe": 0.27,
    "flite:slt": 0.30,
    "flite:awb": 0.25,
    "flite:kal16": 0.18,
}
"""Natural voices, and the share of the time that each speaks."""
HELD_OUT_VOICES: Final = ("flite:rms", "kokoro:am_michael", "kokoro:jm_kumo@en-us")
"""Natural voices that never train: two Americans, and a Japanese."""
SPEAKERS: Final = tuple(
    voice.file
    for voice in kokoro.VOICES
    if not any(held_out.startswith(voice.name) for held_out in HELD_OUT_VOICES)
)
"""Those of Kokoro's speakers that train, alone and blended."""
BLENDED_PART_S: Final = 300.0
"""What one process makes at a time of what they say: Kokoro computes for long."""
BLENDED: Final = 3
"""How many of them are blended at most."""
NATIVE: Final = 0.75
"""Share of the drawn speakers whose own language is English."""


@dataclass(frozen=True)
class Share:
    """A part of what is heard, which one process can make.

    Attributes:
        name: what it is.
        takes: makes it, told what is random and how to say how it goes.
        copies: how often it is heard, each time as another throat in another room.
    """

    name: str
    takes: Callable[[np.random.Generator, Progress], list[Take]]
    copies: int


def english_shares(recipe: SpeechTraining) -> list[Share]:
    """All English of a recipe, what takes longest to make first."""
    parts = math.ceil(recipe.blended_s / BLENDED_PART_S)
    part_s = recipe.blended_s / parts
    blended = _voices("blended voices", blended_takes, part_s, recipe.blended_copies)
    return [
        _voices("natural voices", natural_takes, recipe.natural_s, recipe.natural_copies),
        *[blended] * parts,
        Share("recorded prompts", _recorded, recipe.prompt_copies),
        _voices("synthetic voices", espeak_takes, recipe.espeak_s, recipe.espeak_copies),
    ]


def _voices(
    name: str,
    speak: Callable[[float, np.random.Generator], Iterator[Take]],
    seconds: float,
    copies: int,
) -> Share:
    return Share(name, partial(_spoken, name, speak, seconds), copies)


def _spoken(
    name: str,
    speak: Callable[[float, np.random.Generator], Iterator[Take]],
    seconds: float,
    rng: np.random.Generator,
    progress: Progress,
) -> list[Take]:
    return list(by_seconds(speak(seconds, rng), seconds, progress, f"{name} speak"))


def _recorded(rng: np.random.Generator, progress: Progress) -> list[Take]:
    return prompt_takes("train", progress)


def check_sources() -> None:
    """Make sure that what English is learned from is there, before it is needed.

    Raises:
        envs.speech.corpus.CorpusError: the recorded prompts are not installed.
        envs.speech.SynthesisError: a voice is not installed.
    """
    read_corpus(LANGUAGE)
    for voice in (*NATURAL_VOICES, *(f"{kokoro.NAME}:{name}" for name in SPEAKERS)):
        voices.language_of(voice)


def espeak_takes(seconds: float, rng: np.random.Generator) -> Iterator[Take]:
    """Synthetic English of many voices, at least so long in all."""
    return _lasting(seconds, lambda: _espeak_take(rng))


def _espeak_take(rng: np.random.Generator) -> Take:
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
    return joined(pieces, rng)


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
        yield from _lasting(share * seconds, partial(_natural_take, "natural", voice, rng))


def blended_takes(seconds: float, rng: np.random.Generator) -> Iterator[Take]:
    """English of Kokoro's speakers, each text by another one or blend, at least so long in all."""
    return _lasting(seconds, lambda: _natural_take("blended", blended_voice(rng), rng))


def _natural_take(kind: Kind, voice: str, rng: np.random.Generator) -> Take:
    spoken = synthesise(_some_text(rng), voice, int(rng.integers(*NATURAL_RATE_WPM)))
    return Take(kind, spoken.audio.samples, spoken.phones)


def _lasting(seconds: float, speak: Callable[[], Take]) -> Iterator[Take]:
    """Takes whose sounds the lips know, at least so long in all."""
    said_s = 0.0
    while said_s < seconds:
        take = speak()
        if _is_known(take):
            said_s += take.duration_s
            yield take


def blended_voice(rng: np.random.Generator) -> str:
    """One of Kokoro's speakers or a blend of some, in the first one's English or else American."""
    is_native = np.array([kokoro.is_native(name, *ENGLISH) for name in SPEAKERS])
    shares = np.where(is_native, NATIVE / is_native.sum(), (1.0 - NATIVE) / (~is_native).sum())
    count = int(rng.integers(1, BLENDED + 1))
    some = [str(name) for name in rng.choice(SPEAKERS, count, replace=False, p=shares)]
    native = [language for language in ENGLISH if kokoro.is_native(some[0], language)]
    language = (*native, ENGLISH[0])[0]
    return f"{kokoro.NAME}:{kokoro.BLEND_SIGN.join(some)}{voices.LANGUAGE_SIGN}{language}"


def prompt_takes(part: Part, progress: Progress = untracked) -> list[Take]:
    """Recorded English prompts of a part of the corpus, aligned.

    Raises:
        envs.speech.corpus.CorpusError: they are not installed.
    """
    outcomes = align_recordings(read_corpus(LANGUAGE).of(part), progress=progress)
    return [Take("prompts", u.audio.samples, u.phones) for u in aligned_utterances(outcomes)]


def _is_known(take: Take) -> bool:
    """Whether the lips know all of its sounds; some voices write a few that they do not."""
    try:
        inventory.check_known(take.phones or ())
    except InventoryError:
        return False
    return True
