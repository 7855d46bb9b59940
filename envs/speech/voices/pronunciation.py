"""What a neural voice is told to say: the phones of a text, word by word, with its punctuation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from envs.speech.espeak import PHONE_GAP, Espeak

_MARKS = {
    **dict.fromkeys("。．", "."),
    **dict.fromkeys("、，", ","),
    "！": "!",
    "？": "?",
    "…": ".",
}
_PARTS = re.compile(r"([.,;:!?。．、，！？…]+)(?=\s|$|[^\x00-\x7f])")
_ENDS = ".!?"


@dataclass(frozen=True)
class Clause:
    """What is said between two punctuation marks.

    Attributes:
        words: the phones of each word in espeak-ng's IPA, stress marks included; not empty.
        mark: the punctuation after it, one of ". , ; : ! ?".
    """

    words: tuple[tuple[str, ...], ...]
    mark: str


Sentence = tuple[Clause, ...]
"""Clauses up to a full stop, a question mark or an exclamation mark."""


def sentences(text: str, voice_file: str, espeak: Espeak) -> list[Sentence]:
    """The sentences of a text; empty where nothing in it can be said."""
    found: list[Sentence] = []
    open_clauses: list[Clause] = []
    pieces = _PARTS.split(text)
    for said, marks in zip(pieces[::2], [*pieces[1::2], "."], strict=True):
        mark = _MARKS.get(marks[0], marks[0])
        words = _words(espeak.pronounce(said, voice_file)) if said.strip() else ()
        if words:
            open_clauses.append(Clause(words, mark))
        if mark in _ENDS and open_clauses:
            found.append(tuple(open_clauses))
            open_clauses = []
    if open_clauses:
        found.append(tuple(open_clauses))
    return found


def _words(ipa: str) -> tuple[tuple[str, ...], ...]:
    plain = re.sub(r"\([a-z-]+\)", "", ipa)  # remarks on a change of language
    words = (tuple(phone for phone in word.split(PHONE_GAP) if phone) for word in plain.split())
    return tuple(word for word in words if word)


@dataclass(frozen=True)
class Sign:
    """One letter for a model.

    Attributes:
        letter: a letter of the model's alphabet.
        phone: the phone that begins with it; "" for a gap or punctuation, None where it goes on
            with the phone before.
    """

    letter: str
    phone: str | None


def spell(sentence: Sentence, spelling: Mapping[str, str]) -> list[Sign]:
    """The signs of a sentence, `spelling` applied to each phone: its longest keys first."""
    keys = "|".join(map(re.escape, sorted(spelling, key=len, reverse=True)))
    pattern = re.compile(keys or "(?!)")
    signs: list[Sign] = []
    for clause in sentence:
        for word in clause.words:
            if signs:
                signs.append(Sign(" ", ""))
            for phone in word:
                letters = pattern.sub(lambda found: spelling[found[0]], phone)
                signs += [Sign(c, None if k else phone) for k, c in enumerate(letters)]
        signs.append(Sign(clause.mark, ""))
    return signs


def known_signs(signs: list[Sign], alphabet: Mapping[str, int]) -> tuple[list[Sign], list[str]]:
    """The signs that a model has letters for, and the phones of which it has none.

    A phone that begins with a letter unknown to the model begins with its first known one.
    """
    starts = [k for k, sign in enumerate(signs) if sign.phone is not None]
    known: list[Sign] = []
    missing: list[str] = []
    for start, end in pairwise([*starts, len(signs)]):
        phone = signs[start].phone
        letters = [sign.letter for sign in signs[start:end] if sign.letter in alphabet]
        known += [Sign(letter, None if k else phone) for k, letter in enumerate(letters)]
        if phone and not letters:
            missing.append(phone)
    return known, missing
