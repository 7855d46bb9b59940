"""What to speak while training.

Random words of a pronouncing dictionary are no sentences, but hold every sound in every
neighbourhood. The dictionary is CMUdict, which comes with PocketSphinx (extra `align`).

Nonsense words are what a listener can only get right by ear (logatoms, as telephones were tested
with: Fletcher & Steinberg, "Articulation testing methods", Bell System Technical Journal 8, 1929):
who knows which English words there are guesses m from n, and is wrong in another language.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

WORDS_PER_TEXT: Final = (5, 14)

SYLLABLES_PER_WORD: Final = (1, 5)
ONSETS: Final = (
    "b", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "y", "z",
    "ch", "sh", "th", "b", "d", "k", "l", "m", "n", "p", "r", "s", "t", "v", "m", "n", "p", "bl",
    "br", "dr", "fl", "fr", "gr", "kl", "kr", "pl", "pr", "sl", "sm", "sn", "sp", "st", "tr",
)  # fmt: skip
"""Spelt beginnings of syllables, the ones that lips are judged by more often."""
VOWELS: Final = (
    "a", "e", "i", "o", "u", "a", "e", "i", "o", "u", "ah", "ay", "ee", "oh", "oo", "ow",
)  # fmt: skip
CODAS: Final = (
    "d", "k", "l", "m", "n", "p", "r", "s", "t", "b", "f", "v", "nd", "nt", "st", "mp",
)  # fmt: skip
CLOSED: Final = 0.3
"""Share of the syllables that end in a consonant. Chosen: open ones are the only kind that all
languages have (Maddieson, "Syllable structure", WALS Online, 2013)."""


def random_text(rng: np.random.Generator) -> str:
    """Some words in a row.

    Raises:
        ModuleNotFoundError: PocketSphinx is not installed.
    """
    count = int(rng.integers(*WORDS_PER_TEXT))
    return " ".join(rng.choice(words(), count)) + "."


def nonsense_text(rng: np.random.Generator) -> str:
    """Some words in a row that nobody knows, as English spelling would have them said."""
    count = int(rng.integers(*WORDS_PER_TEXT))
    return " ".join(_nonsense_word(rng) for _ in range(count)) + "."


def _nonsense_word(rng: np.random.Generator) -> str:
    count = int(rng.integers(*SYLLABLES_PER_WORD))
    return "".join(_syllable(rng) for _ in range(count))


def _syllable(rng: np.random.Generator) -> str:
    coda = rng.choice(CODAS) if rng.random() < CLOSED else ""
    return f"{rng.choice(ONSETS)}{rng.choice(VOWELS)}{coda}"


@lru_cache(maxsize=1)
def words() -> tuple[str, ...]:
    """The words of the dictionary, without its second pronunciations, sorted."""
    import pocketsphinx

    path = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))
    lines = path.read_text(encoding="utf-8").splitlines()
    found = {line.split()[0] for line in lines if line and line[0].isalpha()}
    return tuple(sorted(word for word in found if word.isalpha()))
