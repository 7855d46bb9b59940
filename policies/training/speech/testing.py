"""How good plans are on speech with known phones or lips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.progress import Progress, untracked
from envs.speech import Audio, LipCurves, articulate, inventory
from envs.speech.audio import SPEECH_RATE_HZ
from envs.speech.frames import frame_times
from envs.speech.inventory import REST, Part
from envs.speech.lips import LIMITS
from envs.speech.measured import measured
from envs.speech.scoring import WINDOW_S, PhoneScore, score_phones
from policies.learned.contacts import N_MOMENTS, PATIENT_HOLDS_S, ContactTracker
from policies.learned.plans import plan, speaking
from policies.learned.speech_encoder import PLAN_FPS, SpeechEncoder
from policies.training.speech.hearings import heard_of
from policies.training.speech.takes import Take, joined
from policies.training.speech.targets import CONTACTS

Floats = NDArray[np.float64]

SCORED_HORIZON: Final = 0
"""The moment of a plan that is scored: the one that it knows best, as it is acted on where there is
time to wait for it (`policies.learned.patience`)."""

THRESHOLDS: Final = tuple(np.geomspace(0.005, 0.6, 49).tolist())
FIRST_THRESHOLD: Final = 0.1
ROUNDS: Final = 2
MOST_FALSE: Final = {"lips": 0.04, "teeth": 0.055}
"""Of the sounds that should not make a contact. Lips: what is allowed of vowels; it errs more often
on strangers, but there `policies.learned.usual_rate` keeps it in bounds. Teeth: more, as a lip on
the teeth is seen less than closed lips, and keeps lips from closing for a v."""


def plan_curves(plans: NDArray[np.float32], horizon: int = SCORED_HORIZON) -> LipCurves:
    """What plans (n, 4, 6) say at one of their moments, as curves; the first frames, of which no
    plan told so early, are taken from the first plan."""
    told = np.concatenate([plans[0, :horizon], plans[: len(plans) - horizon, horizon]])
    columns = told[: len(plans)].astype(np.float64).T
    times_s = frame_times(len(plans), PLAN_FPS)
    return LipCurves(times_s, **dict(zip(LIMITS, columns, strict=True)))


@dataclass(frozen=True)
class EncoderErrors:
    """On English prompts of the validation part, or, for captured humans, on what it learned from.

    Attributes:
        closures, false_in_vowels, false_near_consonants, labiodentals: shares, see
            `envs.speech.scoring.PhoneScore`; None where there is nothing to count.
        rounding_auc: see there.
        aperture_mm: mean distance of the aperture from the model of articulation, or the capture.
    """

    closures: float | None
    false_in_vowels: float | None
    false_near_consonants: float | None
    labiodentals: float | None
    rounding_auc: float | None
    aperture_mm: float


def encoder_errors(encoder: SpeechEncoder, takes: list[Take]) -> EncoderErrors:
    """Errors of an encoder on takes."""
    off = []
    for take in takes:
        planned = plan_curves(plan(encoder, _audio(take)))
        wanted = _wanted(take).at(planned.times_s)
        off.append(np.abs(planned.aperture_mm - wanted.aperture_mm))
    aperture_mm = float(np.concatenate(off).mean())
    if any(take.phones is None for take in takes):
        return EncoderErrors(None, None, None, None, None, aperture_mm)
    found = _scored(encoder, takes)
    return EncoderErrors(
        found.closures.share,
        found.false_in_vowels.share,
        found.false_near_consonants.share,
        found.labiodentals.share,
        found.rounding_auc,
        aperture_mm,
    )


def chosen_thresholds(
    encoder: SpeechEncoder, takes: list[Take], progress: Progress = untracked
) -> Tensor:
    """Thresholds (2, 13), the same at all moments: for each kind of contact the lowest at which, on
    takes with known phones, at most `MOST_FALSE` of the other sounds are touched.

    Contacts of two kinds displace each other, so both are chosen in turns.
    """
    whole = joined(takes, np.random.default_rng(0))
    with torch.no_grad():
        shapes, logits = encoder(torch.from_numpy(heard_of(whole))[None])
    likely, speaks = torch.sigmoid(logits[0]).numpy(), speaking(shapes[0].numpy())
    said = [part for phone in whole.phones or () for part in inventory.parts(phone)]
    chosen = np.full((len(CONTACTS), 1), FIRST_THRESHOLD, np.float32)
    turns = [*enumerate(CONTACTS)] * ROUNDS
    for kind, contact in progress(turns, len(turns), "choosing when lips touch"):
        others_s = _moments_without(said, contact)
        for threshold in THRESHOLDS:
            chosen[kind] = threshold
            if _touched(likely, speaks, chosen, kind, others_s) <= MOST_FALSE[contact]:
                break
    return torch.from_numpy(chosen).expand(-1, N_MOMENTS)


def _moments_without(said: list[Part], contact: str) -> Floats:
    """Seconds (n,) of the middles of sounds that neither make a contact nor stand beside one that
    does."""
    wanted = np.array([part.target.contact == contact for part in said])
    beside = np.convolve(wanted, np.ones(3), "same") > 0
    others = [p for p, near in zip(said, beside, strict=True) if not (near or p.target is REST)]
    return np.array([part.centre_s for part in others])


def _touched(
    likely: NDArray[np.float32],
    speaks: NDArray[np.bool_],
    thresholds: NDArray[np.float32],
    kind: int,
    centres_s: Floats,
) -> float:
    """Share of the sounds, whose middles are given, at which likelihoods (n, 2, 13) make a contact
    of a kind, where somebody speaks in so many of the frames (n,)."""
    tracker = ContactTracker(np.repeat(thresholds, N_MOMENTS, axis=1), PATIENT_HOLDS_S)
    held = tracker.push(likely, speaks)[:, kind, SCORED_HORIZON] >= 1.0
    times_s = (np.flatnonzero(held) + SCORED_HORIZON) / PLAN_FPS
    if not (len(times_s) and len(centres_s)):
        return 0.0
    return float((np.abs(np.subtract.outer(centres_s, times_s)).min(axis=1) <= WINDOW_S).mean())


def _audio(take: Take) -> Audio:
    return Audio(take.samples, SPEECH_RATE_HZ, take.kind)


def _wanted(take: Take) -> LipCurves:
    if take.lips is not None:
        return take.lips
    assert take.phones is not None
    return articulate(take.phones, PLAN_FPS, take.duration_s)


def _scored(encoder: SpeechEncoder, takes: list[Take]) -> PhoneScore:
    """Takes with known phones as one."""
    whole = joined(takes, np.random.default_rng(0))
    assert whole.phones is not None
    return score_phones(measured(plan_curves(plan(encoder, _audio(whole)))), whole.phones)
