"""What wanted lips and policies reach on recorded speech in five languages.

For each language some prompts are drawn from the aligned ones of the corpus's test part. Their
lips and phones are put one after the other, and scored as one.

Run it with: .venv/bin/python -m benchmarks.prompts
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from benchmarks.score_rows import header, lips_of_twin, markdown, row
from envs.speech.articulation import articulate
from envs.speech.corpus import PROMPTS, AlignedUtterance
from envs.speech.measured import measured
from envs.speech.scoring import PhoneScore
from liptwin.progress import tracked
from policies import POLICIES
from policies.evaluation.materials import prompts
from policies.evaluation.results import FPS
from policies.evaluation.scores import score_all
from sim import FaceTwin


def scores(utterances: list[AlignedUtterance], language: str) -> Iterator[tuple[str, PhoneScore]]:
    """What moved the lips, and the score over all utterances."""
    wanted = [
        (measured(articulate(u.phones, FPS, u.audio.duration_s)), u.phones) for u in utterances
    ]
    yield "wanted lips", score_all(wanted)
    twin = FaceTwin()
    for policy in POLICIES:
        work = tracked(utterances, len(utterances), f"{language}, {policy}")
        spoken = [(lips_of_twin(twin, policy, u.audio, u.phones), u.phones) for u in work]
        yield policy, score_all(spoken)


def main() -> None:
    """Print a table in markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=40, help="prompts of each language")
    arguments = parser.parse_args()
    print(header("language", "prompts", "seconds"))
    for language in PROMPTS:
        utterances = list(prompts(language, arguments.prompts, tracked))
        seconds = sum(utterance.audio.duration_s for utterance in utterances)
        for name, found in scores(utterances, language):
            print(markdown(language, str(len(utterances)), f"{seconds:.0f}", *row(name, found)))


if __name__ == "__main__":
    main()
