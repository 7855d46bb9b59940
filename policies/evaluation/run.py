"""Performing: every material by every system, once, on all processors that it may have.

    OUT/results/SECTION/KEY/target.npz     what was wanted
    OUT/results/SECTION/KEY/SYSTEM.npz     what was achieved

What is there and made from the same sound, face and weights is not made again.
"""

from __future__ import annotations

import _thread
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path
from types import FrameType
from typing import Final

import torch

from envs.processes import end_with_the_parent
from envs.progress import Progress, untracked
from policies.evaluation.materials import Material
from policies.evaluation.results import (
    Achieved,
    Wanted,
    load_achieved,
    load_wanted,
    save_achieved,
    save_wanted,
)
from policies.evaluation.stage import Stage
from policies.evaluation.systems import METHOD, System, WeightsFolder

RESULTS: Final = "results"
_TARGET: Final = "target.npz"


class EvaluationError(RuntimeError):
    """An evaluation cannot go on; the message says why and what to do."""


@dataclass(frozen=True, eq=False)
class Section:
    """Materials that are performed alike.

    Attributes:
        name: fit for a folder.
        materials: what is spoken.
        systems: by what.
        see_every: of so many frames of what was achieved one is seen as a picture; 0 for none.
    """

    name: str
    materials: tuple[Material, ...]
    systems: tuple[str, ...]
    see_every: int = 0

    @property
    def target_is_seen(self) -> bool:
        """Whether somebody needs the target's latents."""
        return self.see_every > 0 or METHOD in self.systems


@dataclass(frozen=True, eq=False)
class Performed:
    """A material, what was wanted, and what each system achieved."""

    material: Material
    wanted: Wanted
    achieved: dict[str, Achieved]


def perform(
    out: Path,
    sections: Sequence[Section],
    weights: WeightsFolder,
    workers: int = 1,
    progress: Progress = untracked,
) -> None:
    """Make all results that are missing.

    Raises:
        EvaluationError: a process died.
        WeightsError: weights are damaged.
    """
    jobs = [
        _Job(out, weights, section, material)
        for section in sections
        for material in section.materials
    ]
    missing = [job for job in jobs if not job.is_done]
    # The longest first, so that no process is left alone with one at the end.
    missing.sort(key=lambda job: -job.material.speech.audio.duration_s)
    description = "performing"
    if workers == 1:
        for _ in progress(map(_do, missing), len(missing), description):
            pass
        return
    with _pool(min(workers, max(1, len(missing)))) as pool:
        futures = [pool.submit(_do_here, job) for job in missing]
        done = (future.result() for future in as_completed(futures))
        try:
            for _ in progress(done, len(missing), description):
                pass
        except BrokenProcessPool as error:
            raise EvaluationError(
                "a process that evaluated has died, perhaps for want of memory; run again with "
                "--workers 1, what is done is kept"
            ) from error


def performed(out: Path, section: Section, weights: WeightsFolder) -> Iterator[Performed]:
    """What came of a section, one material at a time.

    Raises:
        EvaluationError: a result is missing: `perform` was not run.
    """
    for material in section.materials:
        job = _Job(out, weights, section, material)
        wanted = job.wanted()
        achieved = {name: job.achieved(name) for name in section.systems}
        found = {name: result for name, result in achieved.items() if result is not None}
        if wanted is None or len(found) < len(achieved):
            raise EvaluationError(f"{job.folder}: a result is missing; run the evaluation again")
        yield Performed(material, wanted, found)


@dataclass(frozen=True, eq=False)
class _Job:
    """One material of a section."""

    out: Path
    weights: WeightsFolder
    section: Section
    material: Material

    def __getstate__(self) -> dict[str, object]:
        """For another process: the section without its other materials."""
        section = Section(self.section.name, (), self.section.systems, self.section.see_every)
        return {**self.__dict__, "section": section}

    @property
    def folder(self) -> Path:
        return self.out / RESULTS / self.section.name / self.material.key

    @property
    def is_done(self) -> bool:
        return self.wanted() is not None and all(
            self.achieved(name) is not None for name in self.section.systems
        )

    def path(self, system: str) -> Path:
        return self.folder / f"{system.replace(' ', '-')}.npz"

    def fingerprint(self, system: str | None = None) -> str:
        about = self.section.target_is_seen if system is None else self.section.see_every
        return f"{self.weights.fingerprint(system)}-{self.material.fingerprint}-{about:d}"

    def wanted(self) -> Wanted | None:
        return load_wanted(self.folder / _TARGET, self.fingerprint())

    def achieved(self, system: str) -> Achieved | None:
        return load_achieved(self.path(system), self.fingerprint(system))


class _Company:
    """A process's stage and systems, each made when it is first needed."""

    def __init__(self, weights: WeightsFolder) -> None:
        self.weights = weights
        self.stage = Stage(weights.vae())
        self._systems: dict[str, System] = {}

    def system(self, name: str) -> System:
        if name not in self._systems:
            self._systems[name] = self.weights.system(name)
        return self._systems[name]


_companies: dict[WeightsFolder, _Company] = {}
"""This process's company, which costs seconds to make."""


def _do(job: _Job) -> None:
    if job.weights not in _companies:
        _companies[job.weights] = _Company(job.weights)
    company = _companies[job.weights]
    wanted = job.wanted()
    if wanted is None:
        wanted = company.stage.wanted(job.material.speech, job.section.target_is_seen)
        save_wanted(job.folder / _TARGET, job.fingerprint(), wanted)
    for name in job.section.systems:
        if job.achieved(name) is None:
            commands = company.system(name).commands(job.material.speech, wanted)
            achieved = company.stage.perform(commands, job.section.see_every)
            save_achieved(job.path(name), job.fingerprint(name), achieved)


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes that drop what they are at when this one is interrupted, and end with it."""
    # A drawing context does not survive a fork.
    context = get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(workers, context, _prepare_process, (stop,))
    try:
        yield pool
    except BaseException:
        stop.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_is_performing = False
"""Whether this process is at a job, which may be interrupted."""


def _do_here(job: _Job) -> None:
    """Do a job in one of the processes."""
    global _is_performing
    _is_performing = True
    try:
        _do(job)
    finally:
        _is_performing = False


def _prepare_process(stop: Event) -> None:
    """One thread for each process. Ctrl-C is for the parent to answer, which then sets `stop`."""
    torch.set_num_threads(1)

    def interrupted(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set() and _is_performing:
            raise KeyboardInterrupt

    def wait_for_stop() -> None:
        stop.wait()
        _thread.interrupt_main(signal.SIGINT)

    signal.signal(signal.SIGINT, interrupted)
    threading.Thread(target=wait_for_stop, daemon=True).start()
    end_with_the_parent()
