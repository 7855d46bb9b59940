"""English to speak while training: random words of a pronouncing dictionary.

Not sentences, but every sound in every neighbourhood. The dictionary is CMUdict, which comes with
PocketSphinx (extra `align`).
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

WORDS_PER_TEXT: Final = (5, 14)


def random_text(rng: np.random.Generator) -> str:
    """Some words in a row.

    Raises:
        ModuleNotFoundError: PocketSphinx is not installed.
    """
    count = int(rng.integers(*WORDS_PER_TEXT))
    return " ".join(rng.choice(words(), count)) + "."


@lru_cache(maxsize=1)
def words() -> tuple[str, ...]:
    """The words of the dictionary, without its second pronunciations, sorted."""
    import pocketsphinx

    path = Path(pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"))
    lines = path.read_text(encoding="utf-8").splitlines()
    found = {line.split()[0] for line in lines if line and line[0].isalpha()}
    return tuple(sorted(word for word in found if word.isalpha()))
