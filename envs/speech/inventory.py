"""What the lips do for each sound: the table `phones.yaml`, looked up by IPA.

A phone is read letter by letter: a diphthong or an affricate is its letters one after the other,
and signs such as `ː` or `ʲ` change the letter before them. So every combination of known letters
and signs has a target, and whatever is not in the table is reported.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from envs.speech.lips import REST_WIDTH_MM
from envs.speech.synthesis import SILENCE, Phone

TABLE_FILE: Final = Path(__file__).with_name("phones.yaml")

ROUNDED_PROTRUSION_MM: Final = 3.0
"""Protrusion from which a sound counts as rounded: w, the oo and o vowels, the sh class."""

SPREAD_WIDTH_MM: Final = 55.0
"""Width from which a vowel counts as spread: i, e and their neighbours."""

Contact = Literal["none", "lips", "teeth"]
Entry = TypeVar("Entry")


class InventoryError(ValueError):
    """The table is damaged, or a phone is not in it; the message says which and what to do."""


@dataclass(frozen=True)
class LipTarget:
    """What the lips aim at for one letter of the IPA.

    Attributes:
        aperture_mm: opening between the lips, mm.
        jaw_deg: rotation of the jaw, degrees.
        width_mm: distance between the mouth corners, mm.
        protrusion_mm: how far the lips are pushed forward, mm.
        opening_strength: 0 to 1, how much it insists on its aperture and jaw.
        rounding_strength: 0 to 1, how much it insists on its width and protrusion.
        contact: what must touch.
        is_vowel: whether it is a vowel.
    """

    aperture_mm: float
    jaw_deg: float
    width_mm: float
    protrusion_mm: float
    opening_strength: float
    rounding_strength: float
    contact: Contact
    is_vowel: bool

    @property
    def is_rounded(self) -> bool:
        """Whether it needs rounded lips that a viewer would miss."""
        return self.protrusion_mm >= ROUNDED_PROTRUSION_MM and self.rounding_strength >= 0.5

    @property
    def is_spread(self) -> bool:
        """Whether it is a vowel with spread lips."""
        return self.is_vowel and self.width_mm >= SPREAD_WIDTH_MM and not self.is_rounded


REST: Final = LipTarget(
    aperture_mm=0.0,
    jaw_deg=0.0,
    width_mm=REST_WIDTH_MM,
    protrusion_mm=0.0,
    opening_strength=0.6,
    rounding_strength=0.4,
    contact="none",
    is_vowel=False,
)
"""Relaxed lips that lie on each other, as in a pause."""


def targets(ipa: str) -> tuple[LipTarget, ...]:
    """What the lips aim at for a phone, one target after the other, equally long.

    Args:
        ipa: a phone, with or without stress marks and diacritics; `SILENCE` is rest.

    Raises:
        InventoryError: it holds a letter or a sign that is not in the table, or no letter.
    """
    if ipa == SILENCE:
        return (REST,)
    found, unknown = _parse(ipa)
    if unknown:
        raise InventoryError(_report({ipa: unknown}))
    if not found:
        raise InventoryError(f"{ipa!r} is no phone: there is no letter in it")
    return found


@dataclass(frozen=True)
class Part:
    """One target with its place in time: a phone, or a letter of a diphthong or an affricate."""

    target: LipTarget
    start_s: float
    end_s: float

    @property
    def centre_s(self) -> float:
        """The moment in its middle."""
        return (self.start_s + self.end_s) / 2


def parts(phone: Phone) -> tuple[Part, ...]:
    """The targets of a phone in time.

    Raises:
        InventoryError: as for `targets`.
    """
    found = targets(phone.ipa)
    step_s = (phone.end_s - phone.start_s) / len(found)
    return tuple(
        Part(target, phone.start_s + index * step_s, phone.start_s + (index + 1) * step_s)
        for index, target in enumerate(found)
    )


def check_known(phones: Iterable[Phone]) -> None:
    """Make sure that every phone of a timeline is in the table.

    Raises:
        InventoryError: names all that are not.
    """
    unknown: dict[str, tuple[str, ...]] = {}
    for ipa in dict.fromkeys(phone.ipa for phone in phones if not phone.is_silence):
        found, signs = _parse(ipa)
        if signs or not found:
            unknown[ipa] = signs or (ipa,)
    if unknown:
        raise InventoryError(_report(unknown))


def _report(unknown: dict[str, tuple[str, ...]]) -> str:
    named = "; ".join(
        f"{ipa!r} ({', '.join(f'U+{ord(sign):04X}' for sign in ''.join(signs))})"
        for ipa, signs in unknown.items()
    )
    return f"the lips know nothing of these sounds: {named}; add them to {TABLE_FILE.name}"


@lru_cache(maxsize=4096)
def _parse(ipa: str) -> tuple[tuple[LipTarget, ...], tuple[str, ...]]:
    """Targets of a phone and the signs that are not in the table."""
    table = _load()
    found: list[LipTarget] = []
    unknown: list[str] = []
    for sign in _signs(ipa, table):
        if sign in table.letters:
            target = table.letters[sign]
            if not found or found[-1] != target:
                found.append(target)
        elif sign in table.modifiers:
            if found:
                found[-1] = table.modifiers[sign].applied_to(found[-1])
        else:
            unknown.append(sign)
    return tuple(found), tuple(unknown)


def _signs(ipa: str, table: _Inventory) -> Iterable[str]:
    """The signs of a phone; a composed letter that is not in the table itself is taken apart."""
    for sign in unicodedata.normalize("NFC", ipa):
        if sign in table.letters or sign in table.modifiers:
            yield sign
        else:
            yield from unicodedata.normalize("NFD", sign)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _LetterRow(_Strict):
    letters: str = Field(min_length=1)
    aperture_mm: float = Field(ge=0, le=20)
    jaw_deg: float = Field(ge=0, le=12)
    width_mm: float = Field(ge=42, le=62)
    protrusion_mm: float = Field(ge=0, le=6)
    opening_strength: float = Field(default=1.0, gt=0, le=1)
    rounding_strength: float = Field(default=1.0, gt=0, le=1)
    contact: Contact = "none"


class _ModifierRow(_Strict):
    signs: str = Field(min_length=1)
    meaning: str
    aperture_mm: float = 0.0
    jaw_deg: float = 0.0
    width_mm: float = 0.0
    protrusion_mm: float = 0.0

    def applied_to(self, target: LipTarget) -> LipTarget:
        """The target with this modifier's changes, within the ranges of the table."""
        return replace(
            target,
            aperture_mm=min(20.0, max(0.0, target.aperture_mm + self.aperture_mm)),
            jaw_deg=min(12.0, max(0.0, target.jaw_deg + self.jaw_deg)),
            width_mm=min(62.0, max(42.0, target.width_mm + self.width_mm)),
            protrusion_mm=min(6.0, max(0.0, target.protrusion_mm + self.protrusion_mm)),
        )


class _File(_Strict):
    vowels: list[_LetterRow]
    consonants: list[_LetterRow]
    modifiers: list[_ModifierRow]


@dataclass(frozen=True)
class _Inventory:
    letters: dict[str, LipTarget]
    modifiers: dict[str, _ModifierRow]


@lru_cache(maxsize=1)
def _load() -> _Inventory:
    try:
        rows = _File.model_validate(yaml.safe_load(TABLE_FILE.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise InventoryError(f"{TABLE_FILE.name} cannot be used: {error}") from error
    letters: dict[str, LipTarget] = {}
    for is_vowel, group in ((True, rows.vowels), (False, rows.consonants)):
        for row in group:
            target = LipTarget(**row.model_dump(exclude={"letters"}), is_vowel=is_vowel)
            _enter(letters, row.letters, target)
    modifiers: dict[str, _ModifierRow] = {}
    for modifier in rows.modifiers:
        _enter(modifiers, modifier.signs, modifier)
    return _Inventory(letters, modifiers)


def _enter(table: dict[str, Entry], signs: str, entry: Entry) -> None:
    for sign in signs.split():
        if sign in table:
            raise InventoryError(f"{TABLE_FILE.name}: {sign!r} is there twice")
        table[sign] = entry
