"""Rows of the tables that say how good lips were."""

from typing import Final

from envs.speech.audio import Audio
from envs.speech.measured import MeasuredLips
from envs.speech.scoring import Count, PhoneScore
from envs.speech.synthesis import Phone
from policies import Speech, make_policy
from policies.evaluation.results import FPS
from policies.evaluation.rollout import lips_under
from sim import FaceTwin

COLUMNS: Final = (
    "lips",
    "p b m closed",
    "in vowels",
    "near other consonants",
    "f v",
    "rounding AUC",
    "vowel rank",
    "lag, ms",
)


def lips_of_twin(
    twin: FaceTwin, policy: str, audio: Audio, phones: tuple[Phone, ...]
) -> MeasuredLips:
    """What the twin's lips do under a policy, servos included."""
    return lips_under(twin, make_policy(policy).commands(Speech(audio, phones), FPS))


def markdown(*cells: str) -> str:
    """A line of a table."""
    return "| " + " | ".join(cells) + " |"


def header(*first: str) -> str:
    """The first two lines of a table: columns before those of `row`, and `COLUMNS`."""
    columns = (*first, *COLUMNS)
    return markdown(*columns) + "\n" + "|---" * len(columns) + "|"


def row(name: str, found: PhoneScore) -> tuple[str, ...]:
    """The cells of `COLUMNS`."""
    counts = (
        found.closures,
        found.false_in_vowels,
        found.false_near_consonants,
        found.labiodentals,
    )
    lag_ms = found.timing.lag_ms if found.timing else None
    return (
        name,
        *map(_share, counts),
        _number(found.rounding_auc, 2),
        _number(found.openness_rank, 2),
        _number(lag_ms, 0),
    )


def _share(count: Count) -> str:
    return f"{count.hits} of {count.total}" if count.total else "none"


def _number(value: float | None, digits: int) -> str:
    return "none" if value is None else f"{value:.{digits}f}"
