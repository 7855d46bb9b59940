"""The bars that the project set itself, and what was reached of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from envs.speech.synchrony import DETECTABLE_MS, Synchrony
from policies.evaluation.findings import LOUDNESS, Findings, Summaries, Summary
from policies.evaluation.materials import ENGLISH, ENGLISH_PROMPTS
from policies.evaluation.systems import AMPLITUDE, AUDIO_ONLY, METHOD, NEAREST
from policies.evaluation.tables import figure

AMPLITUDE_RATIO: Final = 45.0
NEAREST_RATIO: Final = 29.0
SHIFT_RATIO: Final = 3.5
"""The least of what the paper published over its three demonstrations (Hu et al., Science Robotics
11(110), eadx3017, 2026): a baseline's latent distance over the method's."""

LANDMARKS_MM: Final = 1.5
UNSEEN_RATIO: Final = 1.25

ENGLISH_EVENTS: Final = (0.90, 0.04, 0.08)
UNSEEN_EVENTS: Final = (0.75, 0.04, 0.20)
"""Shares of closures at least, closed in vowels at most, closed near other consonants at most."""
LABIODENTALS: Final = 0.85
ROUNDING_AUC: Final = 0.88

MEDIAN_LAG_MS: Final = 20.0

CAPTURE_R: Final[Mapping[str, tuple[float, float]]] = {
    "1114_2_01": (0.80, 0.50),
    "1114_3_15": (0.65, 0.48),
}
"""Correlation of opening and of rounding with the two takes of the human capture benchmark."""

SONG_LOSS_POINTS: Final = 10.0
LOOK_AHEAD_MS: Final = 100.0
BEHIND_MS: Final = 150.0
COMPUTE_MS: Final = 5.0


@dataclass(frozen=True)
class Bar:
    """One bar.

    Attributes:
        what: is measured.
        found: the figure; None where it could not be had.
        least, most: what is wanted; None is no limit.
        unit: of the figure, with a space before it; "" for none.
    """

    what: str
    found: float | None
    least: float | None = None
    most: float | None = None
    unit: str = ""

    @property
    def is_reached(self) -> bool | None:
        """Whether; None where there is no figure."""
        if self.found is None:
            return None
        above = self.least is None or self.found >= self.least
        return above and (self.most is None or self.found <= self.most)

    @property
    def sentence(self) -> str:
        """The bar to read."""
        limits = [
            f"{word} {figure(limit)}{self.unit}"
            for word, limit in (("at least", self.least), ("at most", self.most))
            if limit is not None
        ]
        found = "no figure" if self.found is None else f"{figure(self.found)}{self.unit}"
        return f"{self.what}: {found} (wanted: {', '.join(limits)})"


def bars(findings: Findings) -> list[Bar]:
    """All bars for which something was evaluated."""
    return [
        *_paper(findings, METHOD, "given the target"),
        Bar(
            "given the target, landmarks",
            _mm(findings.sentences, METHOD),
            most=LANDMARKS_MM,
            unit=" mm",
        ),
        *_paper(findings, AUDIO_ONLY, "audio only"),
        *_unseen(findings.languages, ENGLISH, "synthesised"),
        *_unseen(findings.recorded, ENGLISH_PROMPTS, "recorded"),
        *_english(findings.recorded.get(ENGLISH_PROMPTS, {}).get(AUDIO_ONLY)),
        *_other_languages(findings.recorded),
        *_timing(findings),
        *_captures(findings),
        *_songs(findings),
        *_streaming(findings),
    ]


def ratio(above: float | None, below: float | None) -> float | None:
    """A quotient; None where a figure is missing or the divisor is 0."""
    return above / below if above is not None and below else None


def _latent(findings: Findings, system: str) -> float | None:
    found = findings.sentences.get(system)
    return None if found is None else found.mean_latent


def _mm(summaries: Summaries, system: str) -> float | None:
    found = summaries.get(system)
    return None if found is None else found.mean_mm


def _paper(findings: Findings, system: str, setting: str) -> Iterator[Bar]:
    own = _latent(findings, system)
    for name, least in ((AMPLITUDE, AMPLITUDE_RATIO), (NEAREST, NEAREST_RATIO)):
        found = ratio(_latent(findings, name), own)
        yield Bar(f"{setting}, latent distance of {name} over the system's", found, least)
    for kind, what in (("shifted", "against the target"), ("itself", "against itself")):
        control = findings.controls.get(system)
        shifted = getattr(control, kind)[1] if control is not None else None
        found = ratio(shifted.mean if shifted is not None else None, own)
        yield Bar(
            f"{setting}, latent distance one frame shifted ({what}) over the system's",
            found,
            SHIFT_RATIO,
        )


def _unseen(groups: Mapping[str, Summaries], english: str, kind: str) -> Iterator[Bar]:
    if english not in groups or len(groups) < 2:
        return
    for system in (METHOD, AUDIO_ONLY):
        own = _mm(groups[english], system)
        ratios = {
            language: ratio(_mm(found, system), own)
            for language, found in groups.items()
            if language != english
        }
        known = {language: value for language, value in ratios.items() if value is not None}
        worst = max(known, key=lambda language: known[language], default=None)
        yield Bar(
            f"{system}, landmarks of the worst unseen language, {kind}"
            f"{f' ({worst})' if worst else ''}, over English",
            known.get(worst) if worst else None,
            most=UNSEEN_RATIO,
        )


def _events(summary: Summary, of: str, shares: tuple[float, float, float]) -> Iterator[Bar]:
    phones = summary.phones
    if phones is None:
        return
    least, in_vowels, near_others = shares
    yield Bar(f"{of}, p b m closed", _points(phones.closures.share), 100 * least, unit=" %")
    yield Bar(
        f"{of}, closed inside vowels",
        _points(phones.false_in_vowels.share),
        most=100 * in_vowels,
        unit=" %",
    )
    yield Bar(
        f"{of}, closed near other consonants",
        _points(phones.false_near_consonants.share),
        most=100 * near_others,
        unit=" %",
    )


def _english(summary: Summary | None) -> Iterator[Bar]:
    if summary is None or summary.phones is None:
        return
    of = "audio only, recorded English"
    yield from _events(summary, of, ENGLISH_EVENTS)
    yield Bar(
        f"{of}, f v", _points(summary.phones.labiodentals.share), 100 * LABIODENTALS, unit=" %"
    )
    yield Bar(f"{of}, rounding AUC", summary.phones.rounding_auc, ROUNDING_AUC)


def _other_languages(recorded: Mapping[str, Summaries]) -> Iterator[Bar]:
    for language, found in recorded.items():
        if language != ENGLISH_PROMPTS and AUDIO_ONLY in found:
            yield from _events(found[AUDIO_ONLY], f"audio only, recorded {language}", UNSEEN_EVENTS)


def _timing(findings: Findings) -> Iterator[Bar]:
    groups: Iterable[Summaries] = (
        findings.sentences,
        *findings.languages.values(),
        *findings.recorded.values(),
        *findings.voices.values(),
        findings.songs,
    )
    each = [
        lag
        for found in groups
        if AUDIO_ONLY in found
        for lag in found[AUDIO_ONLY].each_lag_ms
        if lag is not None
    ]
    if not each:
        return
    early, late = DETECTABLE_MS
    yield Bar(
        f"audio only, median lag of {len(each)} utterances, either way",
        float(abs(np.median(each))),
        most=MEDIAN_LAG_MS,
        unit=" ms",
    )
    yield Bar("audio only, the latest utterance", max(each), most=late, unit=" ms")
    yield Bar("audio only, the earliest utterance", min(each), least=early, unit=" ms")


def _captures(findings: Findings) -> Iterator[Bar]:
    for take, scores in findings.captures.items():
        found, loud = scores[AUDIO_ONLY], scores[LOUDNESS]
        opening, rounding = CAPTURE_R.get(take, (None, None))
        yield Bar(
            f"audio only, capture {take}, opening r minus that of loudness",
            _difference(_r(found.openness), _r(loud.openness)),
            least=0.0,
        )
        if opening is not None:
            yield Bar(f"audio only, capture {take}, opening r", _r(found.openness), opening)
        if rounding is not None:
            yield Bar(f"audio only, capture {take}, rounding r", _r(found.rounding), rounding)


def _songs(findings: Findings) -> Iterator[Bar]:
    plain = findings.recorded.get(ENGLISH_PROMPTS, {}).get(AUDIO_ONLY)
    sung = findings.songs.get(AUDIO_ONLY)
    if plain is None or sung is None or plain.phones is None or sung.phones is None:
        return
    lost = _difference(_points(plain.phones.closures.share), _points(sung.phones.closures.share))
    yield Bar("audio only, closures lost by singing", lost, most=SONG_LOSS_POINTS, unit=" points")


def _streaming(findings: Findings) -> Iterator[Bar]:
    cost = findings.streaming
    if cost is None:
        return
    behind_ms, block = cost.look_ahead_ms + cost.block_ms, f"a block of {cost.block_ms:.0f} ms"
    yield Bar("streaming, look-ahead", cost.look_ahead_ms, most=LOOK_AHEAD_MS, unit=" ms")
    yield Bar(f"streaming, look-ahead and {block}", behind_ms, most=BEHIND_MS, unit=" ms")
    yield Bar("streaming, compute per frame, mean", cost.mean_ms, most=COMPUTE_MS, unit=" ms")


def _points(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _difference(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _r(found: Synchrony | None) -> float | None:
    return None if found is None else found.r
