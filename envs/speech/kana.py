"""Japanese words written with kanji, rewritten in kana, which espeak-ng can read.

SudachiPy (Apache-2.0) parts a text into words and knows their readings; its dictionary comes as a
package too, with the extra `kanji`. A reading depends on what is meant, so some will be wrong; give
kana where that matters.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from envs.speech.espeak import SynthesisError


def has_ideographs(text: str) -> bool:
    """Whether there are ideographs in a text: kanji, where it is Japanese."""
    return any(unicodedata.name(letter, "").startswith("CJK UNIFIED") for letter in text)


def in_kana(text: str) -> str:
    """The text with each word that holds kanji replaced by its reading in katakana.

    Raises:
        SynthesisError: the extra is not installed.
    """
    return "".join(
        word.reading_form() if has_ideographs(word.surface()) else word.surface()
        for sentence in re.split("(?<=。)", text)  # SudachiPy takes 49 kB at a time
        for word in _tokenizer().tokenize(sentence)
    )


@lru_cache(maxsize=1)
def _tokenizer() -> Any:
    try:
        import sudachidict_small  # noqa: F401  # the dictionary that is asked for by name below
        import sudachipy
    except ImportError as error:
        raise SynthesisError(
            'readings of kanji need SudachiPy: run pip install "liptwin[kanji]"'
        ) from error
    return sudachipy.Dictionary(dict="small").tokenizer()
