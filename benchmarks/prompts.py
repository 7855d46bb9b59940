"""What wanted lips and policies reach on recorded speech in five languages.

For each language some prompts are drawn from the aligned ones of the corpus's test part. Their
lips and phones are put one after the other, and scored as one.

Run it with: .venv/bin/python -m benchmarks.prompts
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from typing import Final

import numpy as np

from benchmarks.score_rows import FPS, header, lips_of_twin, markdown, row
from envs.speech.articulation import articulate
from envs.speech.corpus import (
    PROMPTS,
    AlignedUtterance,
    align_recordings,
    aligned_utterances,
    read_prompts,
)
from envs.speech.measured import MeasuredLips, measured
from envs.speech.scoring import PhoneScore, score_phones
from envs.speech.synthesis import SILENCE, Phone
from liptwin.progress import tracked
from policies import POLICIES
from sim import FaceTwin

SEED: Final = 20263
GAP_S: Final = 0.5
"""Pause between two prompts."""

Said = tuple[MeasuredLips, tuple[Phone, ...]]


def drawn(language: str, count: int) -> list[AlignedUtterance]:
    """Aligned prompts of the test part, `count` of them or all that there are, in seeded order."""
    recordings = read_prompts(language).of("test")
    outcomes = align_recordings(recordings, progress=tracked, description=f"aligning {language}")
    kept = [outcome for outcome in outcomes if not outcome.dropped]
    random.Random(SEED).shuffle(kept)
    return list(aligned_utterances(kept[:count]))


def joined(pieces: Iterable[Said]) -> Said:
    """Lips and phones of several utterances, one after the other on one grid of frames."""
    lips: list[MeasuredLips] = []
    phones: list[Phone] = []
    start_s = 0.0
    for piece, said in pieces:
        end_s = max(float(piece.times_s[-1]), said[-1].end_s)
        next_s = float(np.ceil((start_s + end_s + GAP_S) * FPS) / FPS)
        lips.append(replace(piece, times_s=piece.times_s + start_s))
        phones += (replace(p, start_s=p.start_s + start_s, end_s=p.end_s + start_s) for p in said)
        phones.append(Phone(SILENCE, phones[-1].end_s, next_s))
        start_s = next_s
    columns = [field.name for field in fields(MeasuredLips)]
    together = {name: np.concatenate([getattr(one, name) for one in lips]) for name in columns}
    return MeasuredLips(**together), tuple(phones)


def scores(utterances: list[AlignedUtterance], language: str) -> Iterator[tuple[str, PhoneScore]]:
    """What moved the lips, and the score over all utterances."""
    wanted = [
        (measured(articulate(u.phones, FPS, u.audio.duration_s)), u.phones) for u in utterances
    ]
    yield "wanted lips", score_phones(*joined(wanted))
    twin = FaceTwin()
    for policy in POLICIES:
        work = tracked(utterances, len(utterances), f"{language}, {policy}")
        spoken = [(lips_of_twin(twin, policy, u.audio, u.phones), u.phones) for u in work]
        yield policy, score_phones(*joined(spoken))


def main() -> None:
    """Print a table in markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=40, help="prompts of each language")
    arguments = parser.parse_args()
    print(header("language", "prompts", "seconds"))
    for language in PROMPTS:
        utterances = drawn(language, arguments.prompts)
        seconds = sum(utterance.audio.duration_s for utterance in utterances)
        for name, found in scores(utterances, language):
            print(markdown(language, str(len(utterances)), f"{seconds:.0f}", *row(name, found)))


if __name__ == "__main__":
    main()
