"""What the speech encoder wants of the lips, without a robot: its plans against phones and humans.

Rows: recorded English prompts of the test part, the same sung to a band, natural voices that never
trained, also with text that is full of p, b and m, recorded prompts in four languages that never
trained, synthetic speech in eleven, and captured humans where there are any. Each moment is told of
by four plans; what is scored is the last, which has heard 143 ms of sound after it, unless
--horizon says otherwise.

Run it with: .venv/bin/python -m benchmarks.speech_encoder WEIGHTS.safetensors
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch

from benchmarks.score_rows import header, markdown, row
from envs.speech import (
    Audio,
    LipCurves,
    Phone,
    articulate,
    load_audio,
    read_capture_csv,
    synthesise,
)
from envs.speech.audio import SPEECH_RATE_HZ
from envs.speech.measured import measured
from envs.speech.scoring import score
from liptwin.progress import tracked
from policies.evaluation.materials import (
    ENGLISH,
    ENGLISH_PROMPTS,
    RECORDED_LANGUAGES,
    UNSEEN_LANGUAGES,
    Material,
    languages,
    recorded,
    songs,
    voice,
)
from policies.evaluation.scores import score_all
from policies.evaluation.singing import SingingError
from policies.learned.plans import PlanStream, plan
from policies.learned.speech_encoder import PLAN_FPS, SpeechEncoder
from policies.learned.weights import load_weights
from policies.training.speech.english import HELD_OUT_VOICES
from policies.training.speech.singing import sung, with_band
from policies.training.speech.takes import Take
from policies.training.speech.testing import SCORED_HORIZON, plan_curves

SEED: Final = 20264
BAND_BELOW_DB: Final = 5.0
HELD_OUT_SENTENCES: Final = 12
ALL: Final = 1000
CAPTURES: Final = Path("../shared/human_speech")
FULL_OF_LABIALS: Final = (
    "Peter Piper picked a peck of pickled peppers. My mama made me mop the pub. "
    "Baby bubbles pop, and Bob maps many a big bumpy pump."
)
"""Four closures a second, where speech usually has one: what usual rates are hard on."""

Saying = tuple[Audio, tuple[Phone, ...]]


def conditions(prompts: int) -> Iterator[tuple[str, list[Saying]]]:
    """What is said, by name."""
    english = list(recorded(ENGLISH_PROMPTS, ALL, tracked))
    yield "en prompts", _sayings(english)
    yield "en prompts, sung by training's vocoder", list(_sung(_sayings(english)))
    try:
        yield "en prompts, sung by Praat", _sayings(songs(english))
    except SingingError as error:
        print(f"not sung by Praat: {error}", file=sys.stderr)
    for name in HELD_OUT_VOICES:
        yield name, _sayings(voice(name, HELD_OUT_SENTENCES))
        spoken = synthesise(FULL_OF_LABIALS, name)
        yield f"{name}, full of p b m", [(spoken.audio, spoken.phones)]
    for language in RECORDED_LANGUAGES:
        if language != ENGLISH_PROMPTS:
            yield f"{language} prompts", _sayings(recorded(language, prompts, tracked))
    for material in languages((ENGLISH, *UNSEEN_LANGUAGES), None):
        yield f"{material.language}, synthetic", _sayings([material])


def _sayings(materials: Iterable[Material]) -> list[Saying]:
    found = []
    for material in materials:
        audio = material.speech.audio
        assert material.speech.phones is not None
        samples = np.concatenate(list(audio.blocks()))
        found.append((Audio(samples, audio.rate_hz, audio.source), material.speech.phones))
    return found


def _sung(sayings: Iterable[Saying]) -> Iterator[Saying]:
    rng = np.random.default_rng(SEED)
    for audio, phones in sayings:
        take = with_band(sung(Take("prompts", audio.samples, phones), rng), BAND_BELOW_DB, rng)
        assert take.phones is not None
        yield Audio(take.samples, SPEECH_RATE_HZ, audio.source), take.phones


def off_mm(planned: Iterable[tuple[LipCurves, tuple[Phone, ...]]]) -> tuple[float, ...]:
    """Mean distances of aperture, width and protrusion to the model of articulation."""
    names, off = ("aperture_mm", "width_mm", "protrusion_mm"), []
    for curves, phones in planned:
        wanted = articulate(phones, PLAN_FPS).at(curves.times_s)
        off.append([np.abs(getattr(curves, n) - getattr(wanted, n)).mean() for n in names])
    return tuple(np.mean(off, axis=0).tolist())


def captured(encoder: SpeechEncoder, folder: Path, horizon: int) -> Iterator[tuple[str, ...]]:
    """Rows of captured humans."""
    for path in sorted(folder.glob("*.csv")):
        audio, capture = load_audio(path.with_suffix(".flac")), read_capture_csv(path)
        found = score(measured(plan_curves(plan(encoder, audio), horizon)), capture=capture).capture
        if found is not None and found.openness is not None and found.rounding is not None:
            yield (
                path.stem,
                f"{found.openness.r:.2f}",
                f"{found.openness.lag_ms:.0f}" if found.openness.lag_ms is not None else "none",
                f"{found.rounding.r:.2f}",
                f"{found.rounding.lag_ms:.0f}" if found.rounding.lag_ms is not None else "none",
            )


def milliseconds_per_frame(encoder: SpeechEncoder, seconds: float = 20.0) -> tuple[float, float]:
    """Median and 95th percentile of what a block of one command frame costs."""
    noise = 0.1 * np.random.default_rng(SEED).standard_normal(round(seconds * SPEECH_RATE_HZ))
    stream, costs = PlanStream(encoder), []
    for block in np.array_split(np.clip(noise, -1, 1).astype(np.float32), round(seconds * 30)):
        began = time.process_time()
        stream.push(block)
        costs.append(1e3 * (time.process_time() - began))
    return float(np.median(costs)), float(np.percentile(costs, 95))


def main() -> None:
    """Print tables in markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights", type=Path, help="of the speech encoder")
    parser.add_argument("--prompts", type=int, default=40, help="prompts of each other language")
    parser.add_argument("--horizon", type=int, default=SCORED_HORIZON, choices=range(4))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    encoder = load_weights(arguments.weights, SpeechEncoder())
    horizon: int = arguments.horizon
    print(header("what is heard", "aperture, mm", "width, mm", "protrusion, mm"))
    for name, sayings in conditions(arguments.prompts):
        planned = [
            (plan_curves(plan(encoder, audio), horizon), phones)
            for audio, phones in tracked(sayings, len(sayings), name)
        ]
        found = score_all([(measured(curves), phones) for curves, phones in planned])
        off = (f"{value:.1f}" for value in off_mm(planned))
        print(markdown(name, *off, *row("plan", found)), flush=True)
    print("\n" + markdown("capture", "aperture r", "lag, ms", "rounding r", "lag, ms"))
    print("|---" * 5 + "|")
    for cells in captured(encoder, CAPTURES, horizon):
        print(markdown(*cells))
    median, slow = milliseconds_per_frame(encoder)
    print(f"\n{median:.2f} ms of processor time per command frame, 95th percentile {slow:.2f}")


if __name__ == "__main__":
    main()
