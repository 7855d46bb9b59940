"""What the encoder is trained on: features of disturbed takes with their targets, in one row."""

from __future__ import annotations

import contextlib
import json
import zipfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from envs.progress import Progress, untracked
from envs.speech.features import FeatureStream, joined
from policies.learned.plans import as_heard
from policies.learned.speech_encoder import ENCODER_FPS
from policies.self_observation.dataset import write_archive
from policies.training.config import SpeechTraining
from policies.training.speech.disturbances import disturbed, through_a_room
from policies.training.speech.english import Share, english_shares
from policies.training.speech.singing import sung, with_band
from policies.training.speech.takes import Take, by_seconds, sittings
from policies.training.speech.targets import Targets, captured_targets, spoken_targets

Halves = NDArray[np.float16]

BAND_BELOW_DB: Final = (2.0, 20.0)
"""How far the band that plays along is below the singer."""
CLEAN: Final = 0.1
"""Share of the copies that are left as they are."""
_VERSION: Final = 6
_MAKES: Final = {
    "espeak_s", "espeak_copies", "natural_s", "natural_copies", "blended_s", "blended_copies",
    "prompt_copies", "sung",
}  # fmt: skip
"""What of the recipe the hearings depend on."""


@dataclass(frozen=True, eq=False)
class Hearings:
    """Takes one after the other, m frames at 90 per second.

    Attributes:
        heard: (m, 41) features.
        shapes, weights, contacts, sounds: their targets, see `Targets`.
        starts: (n + 1,) first frame of each take, and m.
    """

    heard: Halves
    shapes: Halves
    weights: Halves
    contacts: Halves
    sounds: NDArray[np.int8]
    starts: NDArray[np.int64]


def spoken_hearings(
    recipe: SpeechTraining,
    seed: int,
    folder: Path,
    workers: int = 1,
    progress: Progress = untracked,
) -> Hearings:
    """English speech of the recipe, made anew or as it was left in the folder.

    Args:
        recipe: how much of what.
        seed: of all that is random.
        folder: where it is left.
        workers: processes that make it; the result is the same.
        progress: told how it goes.

    Raises:
        envs.speech.corpus.CorpusError: the recorded prompts are not installed.
        envs.speech.SynthesisError: a voice is not installed.
    """
    key = json.dumps([_VERSION, seed, recipe.model_dump(include=_MAKES)])
    path = folder / "speech.npz"
    with (
        contextlib.suppress(OSError, KeyError, ValueError, zipfile.BadZipFile),
        np.load(path) as archive,
    ):
        if str(archive["key"]) == key:
            return Hearings(**{f.name: archive[f.name] for f in fields(Hearings)})
    hearings = in_a_row(_by_share(recipe, seed, workers, progress))
    arrays = {f.name: getattr(hearings, f.name) for f in fields(Hearings)}
    write_archive(path, {"key": np.array(key), **arrays})
    return hearings


def captured_hearings(takes: list[Take], copies: int, seed: int) -> Hearings:
    """Captured humans, as they are and then in other rooms."""
    rng = np.random.default_rng([seed, 3])
    rooms = (
        Take(take.kind, through_a_room(take.samples, rng), None, take.lips)
        for _ in range(copies - 1)
        for take in takes
    )
    return heard_takes([*takes, *rooms])


def heard_takes(takes: Iterable[Take]) -> Hearings:
    """Features and targets of takes."""
    rows: list[tuple[NDArray[Any], ...]] = []
    starts = [0]
    for take in takes:
        frames = heard_of(take)
        targets = targets_of(take, frames)
        halves = (frames, targets.shapes, targets.weights, targets.contacts)
        rows.append((*(column.astype(np.float16) for column in halves), targets.sounds))
        starts.append(starts[-1] + len(frames))
    columns: list[NDArray[Any]] = [np.concatenate(some) for some in zip(*rows, strict=True)]
    heard, shapes, weights, said, sounds = columns
    return Hearings(heard, shapes, weights, said, sounds, np.array(starts))


def in_a_row(some: Sequence[Hearings]) -> Hearings:
    """The takes of all, one after the other."""
    columns = {
        f.name: np.concatenate([getattr(hearings, f.name) for hearings in some])
        for f in fields(Hearings)
        if f.name != "starts"
    }
    lengths = np.concatenate([np.diff(hearings.starts) for hearings in some])
    return Hearings(**columns, starts=np.concatenate([[0], np.cumsum(lengths)]))


def heard_of(take: Take) -> NDArray[np.float32]:
    """What the encoder hears of a take (m, 41)."""
    stream = FeatureStream(ENCODER_FPS)
    return as_heard(joined([stream.push(take.samples), stream.finish()]))


def targets_of(take: Take, heard: NDArray[np.float32]) -> Targets:
    """What it should say of what it heard."""
    if take.lips is not None:
        return captured_targets(take.lips, len(heard))
    assert take.phones is not None
    return spoken_targets(take.phones, heard[:, -1])


def performed(take: Take, sung_share: float, rng: np.random.Generator) -> Take:
    """A take as another speaker elsewhere, or as a singer with a band."""
    if rng.random() < sung_share:
        take = with_band(sung(take, rng), rng.uniform(*BAND_BELOW_DB), rng)
    elif rng.random() < CLEAN:
        return take
    return disturbed(take, rng)


def _by_share(
    recipe: SpeechTraining, seed: int, workers: int, progress: Progress
) -> list[Hearings]:
    shares = english_shares(recipe)
    seeds = [[seed, 1, index] for index in range(len(shares))]
    if workers == 1:
        return [
            _heard_share(share, recipe.sung, of, progress)
            for share, of in zip(shares, seeds, strict=True)
        ]
    # Voices that compute in threads do not survive a fork.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        heard = pool.map(_heard_share, shares, repeat(recipe.sung), seeds)
        return list(progress(heard, len(shares), "hearing English"))


def _heard_share(
    share: Share, sung_share: float, seed: list[int], progress: Progress = untracked
) -> Hearings:
    rng = np.random.default_rng(seed)
    takes = share.takes(rng, progress)
    seconds = share.copies * sum(take.duration_s for take in takes)
    copies = (sitting for _ in range(share.copies) for sitting in sittings(takes, rng))
    followed = by_seconds(copies, seconds, progress, f"hearing {share.name}")
    return heard_takes(performed(take, sung_share, rng) for take in followed)
