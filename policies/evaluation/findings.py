"""What an evaluation found, as figures: everything that its tables, bars and pictures say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech import loudness
from envs.speech.frames import frame_times
from envs.speech.scoring import CaptureScore, PhoneScore, score_capture
from envs.speech.synchrony import synchrony
from policies.evaluation.distances import (
    Spread,
    dimension_distances,
    landmark_distances_mm,
    latent_distances,
    random_distances,
    shifted_distances,
    spread,
)
from policies.evaluation.materials import Material
from policies.evaluation.results import FPS, Achieved, Wanted
from policies.evaluation.run import Performed
from policies.evaluation.scores import Lags, jerk_of, lag_ms, lags, score_all
from policies.evaluation.streaming import StreamCost

Floats = NDArray[np.float64]

SHIFTS: Final = (1, 15)
"""The paper's controls: frames by which a trajectory is shifted."""

LOUDNESS: Final = "loudness"
"""Not a system but a curve: what a mouth that follows loudness would reach on a capture."""


@dataclass(frozen=True, eq=False)
class Summary:
    """What a system reached on some utterances.

    Attributes:
        latent: squared latent distance per dimension over the frames seen; None where none was.
        dimensions: its mean for each of the sixteen, (16,); None where none was seen.
        landmarks_mm: mean distance of the 40 landmarks over the frames.
        phones: events, counted over all utterances; None where phones are not known.
        each_lag_ms: of each utterance.
        jerk_m_s3: root mean square, of the opening.
    """

    latent: Spread | None
    dimensions: Floats | None
    landmarks_mm: Spread | None
    phones: PhoneScore | None
    each_lag_ms: tuple[float | None, ...]
    jerk_m_s3: float | None

    @property
    def mean_latent(self) -> float | None:
        """Mean of the latent distance."""
        return self.latent.mean if self.latent is not None else None

    @property
    def mean_mm(self) -> float | None:
        """Mean of the landmarks' distance, mm."""
        return self.landmarks_mm.mean if self.landmarks_mm is not None else None

    @property
    def lags(self) -> Lags | None:
        """Its lags together."""
        return lags(self.each_lag_ms)


Summaries = Mapping[str, Summary]
"""By system."""


@dataclass(frozen=True, eq=False)
class Controls:
    """The paper's controls for a system's latents.

    Attributes:
        shifted: its trajectory against the target, late and early by so many frames.
        itself: its trajectory against itself, shifted by so many frames.
        random: its frames in random order against the target.
    """

    shifted: Mapping[int, Spread | None]
    itself: Mapping[int, Spread | None]
    random: Spread | None


@dataclass(frozen=True)
class Amount:
    """How much was spoken: utterances, and seconds of sound."""

    utterances: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Findings:
    """Everything.

    Attributes:
        sentences: English sentences, every frame seen.
        controls: on them, by system.
        variances: variance of the targets' latents on them, (16,).
        languages: by language and system, synthesised.
        recorded: the same, recorded.
        unseen: recordings of all languages but English together.
        voices: the same, natural voices that were held out of training.
        songs: the English recordings, sung with music.
        captures: by take, and system or `LOUDNESS`.
        capture_summaries: distances and jerk on the captures, by take and system.
        streaming: cost; None where it was not measured.
        left_out: what was not evaluated, and why.
        amounts: how much was spoken, by section.
        weights: SHA-256 of each file of weights.
        tried: what their model card tells of what was tried; None where it does not.
    """

    sentences: Summaries
    controls: Mapping[str, Controls]
    variances: Floats
    languages: Mapping[str, Summaries] = field(default_factory=dict)
    recorded: Mapping[str, Summaries] = field(default_factory=dict)
    unseen: Summaries = field(default_factory=dict)
    voices: Mapping[str, Summaries] = field(default_factory=dict)
    songs: Summaries = field(default_factory=dict)
    captures: Mapping[str, Mapping[str, CaptureScore]] = field(default_factory=dict)
    capture_summaries: Mapping[str, Summaries] = field(default_factory=dict)
    streaming: StreamCost | None = None
    left_out: tuple[str, ...] = ()
    amounts: Mapping[str, Amount] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    tried: str | None = None


def summarise(pieces: Sequence[Performed]) -> dict[str, Summary]:
    """What each system reached on all the pieces; they share their systems."""
    return {name: _summary(pieces, name) for name in pieces[0].achieved} if pieces else {}


def by_language(pieces: Iterable[Performed]) -> dict[str, list[Performed]]:
    """Pieces by language, in the order in which languages first come."""
    grouped: dict[str, list[Performed]] = {}
    for piece in pieces:
        grouped.setdefault(piece.material.language, []).append(piece)
    return grouped


def controls_of(pieces: Sequence[Performed], system: str) -> Controls:
    """The controls for a system of which every frame was seen."""
    pairs = [(p.achieved[system].latents, p.wanted.latents) for p in pieces]
    own = [(achieved, achieved) for achieved, _ in pairs]
    return Controls(
        {n: spread(shifted_distances(pairs, n)) for n in SHIFTS},
        {n: spread(shifted_distances(own, n)) for n in SHIFTS},
        spread(random_distances(pairs)),
    )


def target_variances(pieces: Sequence[Performed]) -> Floats:
    """Variance of each latent of the targets, (16,), over all their frames."""
    codes = np.concatenate([piece.wanted.latents for piece in pieces]).astype(np.float64)
    return np.asarray(codes.var(axis=0))


def capture_scores(piece: Performed) -> dict[str, CaptureScore]:
    """Each system's lips against the captured human, and the loudness itself.

    Raises:
        ValueError: the piece is no capture.
    """
    capture = piece.material.capture
    if capture is None:
        raise ValueError(f"{piece.material.key} is no capture")
    scores = {name: score_capture(got.lips, capture) for name, got in piece.achieved.items()}
    loud = loudness(piece.material.speech.audio, FPS)
    times_s = frame_times(loud.size, FPS)
    scores[LOUDNESS] = CaptureScore(
        synchrony(times_s, loud, capture.times_s, capture.shapes["jawOpen"]),
        synchrony(times_s, loud, capture.times_s, capture.rounding),
    )
    return scores


def _summary(pieces: Sequence[Performed], name: str) -> Summary:
    results = [(piece.material, piece.wanted, piece.achieved[name]) for piece in pieces]
    seen = [_seen(wanted, achieved) for _, wanted, achieved in results]
    achieved_codes, wanted_codes = (np.concatenate(codes) for codes in zip(*seen, strict=True))
    apart = [
        landmark_distances_mm(achieved.landmarks_mm, wanted.landmarks_mm)
        for _, wanted, achieved in results
    ]
    some = len(achieved_codes) > 0
    return Summary(
        latent=spread(latent_distances(achieved_codes, wanted_codes)),
        dimensions=dimension_distances(achieved_codes, wanted_codes) if some else None,
        landmarks_mm=spread(np.concatenate(apart)),
        phones=_events(results),
        each_lag_ms=tuple(
            lag_ms(achieved.lips, wanted.aperture_mm) for _, wanted, achieved in results
        ),
        jerk_m_s3=jerk_of([achieved.lips for _, _, achieved in results]),
    )


def _seen(wanted: Wanted, achieved: Achieved) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Achieved and wanted latents of the frames of which both were seen, (m, 16) each."""
    if not len(wanted.latents):
        return achieved.latents[:0], wanted.latents
    return achieved.latents, wanted.latents[achieved.seen_frames]


def _events(results: Sequence[tuple[Material, Wanted, Achieved]]) -> PhoneScore | None:
    said = [
        (achieved.lips, material.speech.phones)
        for material, _, achieved in results
        if material.speech.phones is not None
    ]
    return score_all(said) if said else None
