"""What wanted lips and policies reach in eleven languages.

Run it with: .venv/bin/python -m benchmarks.languages
"""

from collections.abc import Iterator

from rich.progress import track

from benchmarks.score_rows import header, lips_of_twin, markdown, row
from envs.speech import synthesise
from envs.speech.articulation import articulate
from envs.speech.measured import measured
from envs.speech.scoring import PhoneScore, score_phones
from policies import POLICIES
from policies.evaluation.results import FPS
from policies.evaluation.texts import TEXTS
from sim import FaceTwin


def scores() -> Iterator[tuple[str, str, PhoneScore]]:
    """Voice, what moved the lips, and the score."""
    twin = FaceTwin()
    for voice, text in track(TEXTS.items(), "speaking"):
        utterance = synthesise(text, voice)
        wanted = articulate(utterance.phones, FPS, utterance.audio.duration_s)
        yield voice, "wanted lips", score_phones(measured(wanted), utterance.phones)
        for policy in POLICIES:
            lips = lips_of_twin(twin, policy, utterance.audio, utterance.phones)
            yield voice, policy, score_phones(lips, utterance.phones)


def main() -> None:
    """Print a table in markdown."""
    print(header("voice"))
    for voice, name, found in scores():
        print(markdown(voice, *row(name, found)))


if __name__ == "__main__":
    main()
