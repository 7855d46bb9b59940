"""What a benchmark is, and how one is run."""

import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

Sample = Mapping[str, float]
"""One run's figures by unit."""
Sampler = Callable[[], Sample]


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    repeats: runs of each case, after one that is not counted. speech_s: seconds of speech in each
    run. frames: pictures or calls in each run.
    """

    repeats: int
    speech_s: float
    frames: int


FULL: Final = Effort(repeats=3, speech_s=10.0, frames=40)
QUICK: Final = Effort(repeats=2, speech_s=2.0, frames=8)


@dataclass(frozen=True)
class Case:
    """One thing to measure.

    name: shown in the table. prepare: does what is not timed and gives the function that runs
    once. baseline: name of the case to compare with. wanted: by unit, what the project wants of
    it, in words.
    """

    name: str
    prepare: Callable[[Effort], AbstractContextManager[Sampler]]
    baseline: str | None = None
    wanted: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Figure:
    """What the runs of a case gave in one unit. ratio: to the baseline's median, if it has one."""

    group: str
    name: str
    unit: str
    runs: tuple[float, ...]
    baseline: str | None
    ratio: float | None
    wanted: str | None

    @property
    def median(self) -> float:
        """Middle of the runs."""
        return statistics.median(self.runs)


def run_group(
    group: str, cases: tuple[Case, ...], effort: Effort, advance: Callable[[str], None]
) -> Iterator[Figure]:
    """Run the cases of a group in turn; a baseline comes before those that refer to it.

    advance: called with the name of the case before each of its runs, `effort.repeats + 1` times.
    """
    medians: dict[tuple[str, str], float] = {}
    for case in cases:
        samples = []
        with case.prepare(effort) as sampler:
            for _ in range(effort.repeats + 1):
                advance(case.name)
                samples.append(sampler())
        for unit in samples[0]:
            runs = tuple(sample[unit] for sample in samples[1:])
            medians[case.name, unit] = statistics.median(runs)
            ratio = None
            if case.baseline is not None:
                ratio = medians[case.name, unit] / medians[case.baseline, unit]
            wanted = (case.wanted or {}).get(unit)
            yield Figure(group, case.name, unit, runs, case.baseline, ratio, wanted)
