"""ARPABET, the letters in which models of American English write its sounds.

From: Shoup, "Phonological aspects of speech recognition", in Lea (ed.), Trends in Speech
Recognition, 1980; without its marks of stress.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_ARPABET: Final[dict[str, str]] = {
    "aɪ": "AY", "aʊ": "AW", "eɪ": "EY", "oʊ": "OW", "əʊ": "OW", "ɔɪ": "OY", "tʃ": "CH",
    "dʒ": "JH", "tɕ": "CH", "dʑ": "JH", "ʈʂ": "CH", "ts": "T S",
    "a": "AA", "ɑ": "AA", "æ": "AE", "ɐ": "AH", "ʌ": "AH", "ɛ": "EH", "e": "EY", "ɪ": "IH",
    "ᵻ": "IH", "i": "IY", "ɨ": "IH", "ɯ": "UH", "ɤ": "AH", "ɘ": "AH", "ə": "AH", "ɜ": "ER",
    "ɚ": "ER", "ɝ": "ER", "u": "UW", "ʊ": "UH", "o": "OW", "ɔ": "AO", "ɒ": "AA", "y": "UW",
    "ʉ": "UW", "ʏ": "UH", "ø": "ER", "ɵ": "UH", "œ": "ER", "ɞ": "ER", "ɶ": "AA", "ɿ": "IH",
    "p": "P", "b": "B", "m": "M", "ɓ": "B", "f": "F", "v": "V", "ɱ": "M", "ʋ": "V", "ɸ": "F",
    "β": "V", "w": "W", "ʍ": "W", "ɥ": "W", "ʃ": "SH", "ʒ": "ZH", "ʂ": "SH", "ʐ": "ZH",
    "ɹ": "R", "ɻ": "R", "s": "S", "z": "Z", "ɕ": "SH", "ʑ": "ZH", "θ": "TH", "ð": "DH",
    "t": "T", "d": "D", "n": "N", "ɗ": "D", "ɬ": "S", "ɮ": "L", "l": "L", "ɫ": "L", "ɺ": "L",
    "r": "R", "ɾ": "D", "ɽ": "R", "ʈ": "T", "ɖ": "D", "ɳ": "N", "ɭ": "L", "j": "Y", "ʝ": "Y",
    "ç": "HH", "c": "K", "ɟ": "G", "ɲ": "N", "ʎ": "L", "k": "K", "ɡ": "G", "g": "G", "ŋ": "NG",
    "x": "HH", "ɣ": "G", "ɰ": "W", "q": "K", "ɢ": "G", "ʁ": "R", "ʀ": "R", "χ": "HH",
    "ɴ": "NG", "ħ": "HH", "ʕ": "AA", "h": "HH", "ɦ": "HH", "ʔ": "T",
}  # fmt: skip
"""The nearest sound for letters of the IPA; pairs come before their letters."""


SOUNDS: Final = tuple(sorted({sound for some in _ARPABET.values() for sound in some.split()}))
"""All of its letters that any phone is replaced by."""


def arpabet(ipa: str) -> list[str]:
    """The nearest American English sounds for a phone of any language, at least one."""
    letters = "".join(c for c in unicodedata.normalize("NFD", ipa) if not unicodedata.combining(c))
    letters = letters.replace("ː", "")
    found: list[str] = []
    while letters:
        length = 2 if letters[:2] in _ARPABET else 1
        found += _ARPABET.get(letters[:length], "").split()
        letters = letters[length:]
    return found or ["AH"]
