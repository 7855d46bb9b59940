"""How fast the environments are, beside the bare twin.

Run it with: .venv/bin/python -m benchmarks.environments
"""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Final

os.environ.setdefault("MUJOCO_GL", "disabled")  # nothing is drawn

import numpy as np
from rich.console import Console

from benchmarks.case import FULL, QUICK, Case, Effort, Sample, Sampler, run_group
from benchmarks.report import WIDTH, markdown, table
from benchmarks.speech import FPS, speech_like_commands
from envs.speech.lips import LipCurves
from envs.tasks import Randomisation, SpeakEnv, SpokenLips, UtteranceList, VectorSpeakEnv
from envs.tasks.randomisation import VariedFace
from sim import FaceTwin

N_FACES: Final = 64
STEPS: Final = "env steps/s"
CHANGE: Final = "ms per face"


def _utterances(effort: Effort) -> UtteranceList:
    """One mouth that opens and closes four times a second; as long as the run."""
    times_s = np.arange(0.0, effort.speech_s, 0.01)
    open_mm = 4.0 - 4.0 * np.cos(2 * np.pi * 4.0 * times_s)
    zero = np.zeros_like(times_s)
    lips = LipCurves(times_s, open_mm, np.full_like(zero, 50.0), zero, 0.4 * open_mm, zero, zero)
    return UtteranceList((SpokenLips("opening and closing", lips, effort.speech_s),))


@contextmanager
def _bare_twin(effort: Effort) -> Iterator[Sampler]:
    twin = FaceTwin()
    commands = speech_like_commands(effort.speech_s)

    def run() -> Sample:
        twin.reset()
        start = perf_counter()
        for command in commands:
            twin.step(command, 1 / FPS)
        return {STEPS: len(commands) / (perf_counter() - start)}

    yield run


@contextmanager
def _watched_twin(effort: Effort) -> Iterator[Sampler]:
    twin = FaceTwin()
    commands = speech_like_commands(effort.speech_s)

    def run() -> Sample:
        twin.reset()
        start = perf_counter()
        for command in commands:
            twin.step(command, 1 / FPS)
            twin.measure()
        return {STEPS: len(commands) / (perf_counter() - start)}

    yield run


@contextmanager
def _single(effort: Effort) -> Iterator[Sampler]:
    env = SpeakEnv(_utterances(effort))
    commands = speech_like_commands(effort.speech_s).astype(np.float32)

    def run() -> Sample:
        env.reset(seed=0)
        start = perf_counter()
        for command in commands:
            env.step(command)
        return {STEPS: len(commands) / (perf_counter() - start)}

    yield run


@contextmanager
def _vectorised(threads: int, effort: Effort) -> Iterator[Sampler]:
    env = VectorSpeakEnv(N_FACES, _utterances(effort), n_threads=threads)
    commands = speech_like_commands(effort.speech_s).astype(np.float32)
    turns = np.linspace(0, len(commands), N_FACES, endpoint=False).astype(int)

    def run() -> Sample:
        env.reset(seed=0)
        start = perf_counter()
        for frame in range(len(commands)):
            env.step(commands[(frame + turns) % len(commands)])
        return {STEPS: len(commands) * N_FACES / (perf_counter() - start)}

    yield run


@contextmanager
def _new_twins(effort: Effort) -> Iterator[Sampler]:
    face, rng = VariedFace(Randomisation()), np.random.default_rng(0)
    lights = face.twin.model.nlight

    def run() -> Sample:
        start = perf_counter()
        for _ in range(3):
            drawn = Randomisation().sample(rng, lights)
            FaceTwin(servos=drawn.servos(face.nominal_servos))
        return {CHANGE: 1e3 * (perf_counter() - start) / 3}

    yield run


@contextmanager
def _varied_in_place(effort: Effort) -> Iterator[Sampler]:
    face, rng = VariedFace(Randomisation()), np.random.default_rng(0)

    def run() -> Sample:
        start = perf_counter()
        for _ in range(effort.frames):
            face.vary(rng)
        return {CHANGE: 1e3 * (perf_counter() - start) / effort.frames}

    yield run


_BARE: Final = "twin, step only"
_NEW: Final = "another face: a new twin"
CASES: Final = (
    Case(_BARE, _bare_twin),
    Case("twin, step and measure", _watched_twin, baseline=_BARE),
    Case("SpeakEnv", _single, baseline=_BARE),
    Case(f"VectorSpeakEnv, {N_FACES} faces, 1 thread", partial(_vectorised, 1), baseline=_BARE),
    Case(f"VectorSpeakEnv, {N_FACES} faces, 2 threads", partial(_vectorised, 2), baseline=_BARE),
    Case(_NEW, _new_twins),
    Case("another face: varied in place", _varied_in_place, baseline=_NEW),
)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs; noisy")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    arguments = parser.parse_args()
    effort = QUICK if arguments.quick else FULL
    with Console(stderr=True).status("measuring") as status:
        figures = list(run_group("environments", CASES, effort, status.update))
    if arguments.markdown:
        print(markdown(figures))
    else:
        Console(width=WIDTH).print(table(figures))


if __name__ == "__main__":
    main()
