"""Foreign accents: how speakers of other languages say the sounds of English.

A habit rewrites espeak-ng's own phonemes of a text before they are spoken. Those here are common
ones (Swan & Smith, Learner English, 2nd ed., Cambridge University Press, 2001): t and d against the
teeth, as from the Romance and Slavic languages and from India; consonants softened before front
vowels, as from Russian; a trilled or tapped r.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Habit:
    """One habit of an accent.

    Attributes:
        name: what a speaker does.
        pattern: matches espeak-ng's phonemes of an American text.
        replacement: what is said instead; may refer to groups of the pattern.
    """

    name: str
    pattern: re.Pattern[str]
    replacement: str

    def __call__(self, phonemes: str) -> str:
        """Phonemes as somebody with the habit says them."""
        return self.pattern.sub(self.replacement, phonemes)


DENTAL: Final = Habit("t and d against the teeth", re.compile(r"([td])#?(?![SZ;\[])"), r"\1[")
SOFT: Final = Habit(
    "soft consonants before front vowels", re.compile(r"([pbmfvtdnkl])(?=[',%=]*[iIeE])"), r"\1;"
)
TRILLED: Final = Habit("a trilled r", re.compile(r"r"), "R")
TAPPED: Final = Habit("a tapped r", re.compile(r"r"), "*")

HABITS: Final = (DENTAL, SOFT, TRILLED, TAPPED)


def accented(phonemes: str, habits: Iterable[Habit]) -> str:
    """espeak-ng's phonemes of an American text, said with some habits, the first one first."""
    for habit in habits:
        phonemes = habit(phonemes)
    return phonemes
