"""How fast time passes in the twin: both tiers, and many twins at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Final

import numpy as np
from mujoco import batch

from benchmarks.case import Case, Effort, Sample, Sampler
from benchmarks.speech import FPS, speech_like_commands
from sim import FaceTwin
from sim.model import Skin

BATCH_SIZE: Final = 64
"""Twins that run at once; the fast tier's state is small, so caches hold them all."""
REAL_TIME: Final = "x real time"
STEPS: Final = "steps/s"


@contextmanager
def _one_twin(skin: Skin, effort: Effort) -> Iterator[Sampler]:
    twin = FaceTwin(skin)
    commands = speech_like_commands(effort.speech_s)

    def run() -> Sample:
        twin.reset()
        start = perf_counter()
        for command in commands:
            twin.step(command, 1 / FPS)
        factor = twin.time_s / (perf_counter() - start)
        return {REAL_TIME: factor, STEPS: factor / twin.model.opt.timestep}

    yield run


@contextmanager
def _many_twins(threads: int, effort: Effort) -> Iterator[Sampler]:
    twin = FaceTwin("condensed")
    controls, initial = [], twin.save_state().integration
    for command in speech_like_commands(effort.speech_s):
        twin.step(command, 1 / FPS)
        controls.append(twin.data.ctrl.copy())
    # every twin is at another place in the speech
    turns = np.linspace(0, len(controls), BATCH_SIZE, endpoint=False).astype(int)
    steps_per_frame = round(1 / FPS / twin.model.opt.timestep)
    twins = batch.Batch(twin.model, nsim=BATCH_SIZE, nthread=threads)

    def run() -> Sample:
        twins.state[:] = initial
        start = perf_counter()
        for frame in range(len(controls)):
            twins.ctrl = np.array([controls[(frame + turn) % len(controls)] for turn in turns])
            twins.step(nstep=steps_per_frame)
        steps = len(controls) * steps_per_frame * BATCH_SIZE / (perf_counter() - start)
        return {REAL_TIME: steps * twin.model.opt.timestep, STEPS: steps}

    yield run


CASES: Final = (
    Case("shell tier", partial(_one_twin, "shell"), wanted={REAL_TIME: "at least 0.8"}),
    Case(
        "fast tier",
        partial(_one_twin, "condensed"),
        baseline="shell tier",
        wanted={REAL_TIME: "at least 30"},
    ),
    Case(f"{BATCH_SIZE} fast twins, 1 thread", partial(_many_twins, 1), baseline="fast tier"),
    Case(f"{BATCH_SIZE} fast twins, 2 threads", partial(_many_twins, 2), baseline="fast tier"),
)
