"""What wanted lips and policies reach in eleven languages.

Run it with: .venv/bin/python -m benchmarks.languages
"""

from collections.abc import Iterator

import numpy as np
from rich.progress import track

from benchmarks.texts import TEXTS
from envs.speech import Utterance, synthesise
from envs.speech.articulation import articulate
from envs.speech.measured import MeasuredLips, measured
from envs.speech.scoring import Count, PhoneScore, score_phones
from policies import POLICIES, Speech, make_policy
from sim import FaceTwin

FPS = 30.0


def lips_of_twin(twin: FaceTwin, policy: str, utterance: Utterance) -> MeasuredLips:
    """What the twin's lips do under a policy, servos included."""
    commands = make_policy(policy).commands(Speech(utterance.audio, utterance.phones), FPS)
    twin.reset()
    seen = []
    for command in commands:
        seen.append(twin.measure())
        twin.step(command, 1.0 / FPS)
    return MeasuredLips(
        np.arange(len(seen)) / FPS,
        np.array([lips.aperture_mm for lips in seen]),
        np.array([lips.width_mm for lips in seen]),
        np.array([lips.protrusion_mm for lips in seen]),
        np.array([lips.jaw_deg for lips in seen]),
        np.array([lips.lips_touching for lips in seen]),
        np.array([lips.lower_lip_on_teeth for lips in seen]),
    )


def scores() -> Iterator[tuple[str, str, PhoneScore]]:
    """Voice, what moved the lips, and the score."""
    twin = FaceTwin()
    for voice, text in track(TEXTS.items(), "speaking"):
        utterance = synthesise(text, voice)
        wanted = articulate(utterance.phones, FPS, utterance.audio.duration_s)
        yield voice, "wanted lips", score_phones(measured(wanted), utterance.phones)
        for policy in POLICIES:
            lips = lips_of_twin(twin, policy, utterance)
            yield voice, policy, score_phones(lips, utterance.phones)


def _share(count: Count) -> str:
    return f"{count.hits} of {count.total}" if count.total else "none"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"


def main() -> None:
    """Print a table in markdown."""
    columns = ("voice", "lips", "p b m closed", "in vowels", "f v", "rounding AUC", "vowel rank")
    print("| " + " | ".join(columns) + " |")
    print("|---" * len(columns) + "|")
    for voice, name, found in scores():
        counts = (found.closures, found.false_in_vowels, found.labiodentals)
        values = (found.rounding_auc, found.openness_rank)
        row = (voice, name, *map(_share, counts), *map(_number, values))
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
