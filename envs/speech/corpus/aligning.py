"""Phone times for whole corpora: aligned once, on every processor, and kept.

Each recording is aligned by two aligners (`envs.speech.alignment`). Where they disagree, or the
text is not found, the recording is dropped, and counted.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final, Literal

import numpy as np

from envs.processes import end_with_the_parent
from envs.progress import Progress, untracked
from envs.speech.alignment import AlignmentError
from envs.speech.audio import Audio, AudioError, load_audio
from envs.speech.corpus import cache
from envs.speech.corpus.cache import Failure, Finding
from envs.speech.corpus.edges import align_spoken
from envs.speech.corpus.recordings import Corpus, Recording
from envs.speech.espeak import SynthesisError
from envs.speech.synthesis import Phone
from envs.speech.warping import MAX_DURATION_S

Dropped = Literal["aligners disagree", "audio cannot be read"] | Failure

QUARTILES: Final = (25.0, 50.0, 75.0)

_CHUNK: Final = 4
"""Recordings that a process takes at a time."""


@dataclass(frozen=True)
class AlignedUtterance:
    """A recording whose phone times two aligners agree on.

    Attributes:
        audio: the sound, at `envs.speech.audio.SPEECH_RATE_HZ`.
        phones: without gaps from 0 to the end of the sound.
        text: what is said.
        voice: espeak-ng voice that pronounced the text.
        key: its name within its corpus.
        disagreement_ms: median distance of the two aligners.
    """

    audio: Audio
    phones: tuple[Phone, ...]
    text: str
    voice: str
    key: str
    disagreement_ms: float


@dataclass(frozen=True)
class Outcome:
    """What came of aligning one recording.

    Attributes:
        recording: which.
        duration_s: of the sound; 0 where it cannot be read.
        phones: without gaps; None where the text was not found.
        disagreement_ms: median distance of the two aligners; None where the text was not found.
        dropped: why it is not to be used; None where it is.
    """

    recording: Recording
    duration_s: float
    phones: tuple[Phone, ...] | None
    disagreement_ms: float | None
    dropped: Dropped | None


@dataclass(frozen=True)
class Summary:
    """A corpus in numbers.

    Attributes:
        name: the corpus's.
        recordings: those with audio and a usable transcript.
        left_out: how many are no recordings, by reason.
        dropped: how many recordings are not to be used, by reason.
        quartiles_ms: (3,) of the aligners' disagreement over all recordings that both found; None
            where there are none.
        total_s: sound of all recordings.
        kept_s: sound of the aligned ones.
    """

    name: str
    recordings: int
    left_out: dict[str, int]
    dropped: dict[str, int]
    quartiles_ms: tuple[float, ...] | None
    total_s: float
    kept_s: float

    @property
    def aligned(self) -> int:
        """How many recordings are to be used."""
        return self.recordings - sum(self.dropped.values())

    @property
    def share(self) -> float:
        """Aligned recordings of all, 0 to 1."""
        return self.aligned / self.recordings if self.recordings else 0.0


def align_corpus(
    corpus: Corpus, workers: int | None = None, progress: Progress = untracked
) -> tuple[Outcome, ...]:
    """Align the recordings of a corpus; see `align_recordings`."""
    return align_recordings(corpus.recordings, workers, progress, f"aligning {corpus.name}")


def align_recordings(
    recordings: Sequence[Recording],
    workers: int | None = None,
    progress: Progress = untracked,
    description: str = "aligning",
) -> tuple[Outcome, ...]:
    """Align recordings, in their order. What is done is kept, also where this is interrupted.

    Args:
        recordings: which.
        workers: processes; None takes one for each processor, 1 none but this one.
        progress: told how it goes.
        description: what it is told.

    Raises:
        AlignmentError: an aligner is not installed, or a process died.
    """
    cache.aligners()
    wanted = min(workers or len(os.sched_getaffinity(0)), max(1, len(recordings) // _CHUNK))
    if wanted == 1:
        return tuple(progress(map(align_recording, recordings), len(recordings), description))
    executor = ProcessPoolExecutor(wanted, get_context("spawn"), _obey_the_parent)
    try:
        done = executor.map(align_recording, recordings, chunksize=_CHUNK)
        return tuple(progress(done, len(recordings), description))
    except BrokenProcessPool as error:
        raise AlignmentError(
            "a process that aligned has died, perhaps for want of memory; "
            "run again, what is done is kept"
        ) from error
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def align_recording(recording: Recording) -> Outcome:
    """Align one recording, or recall how it was aligned before.

    Raises:
        AlignmentError: an aligner is not installed.
    """
    try:
        audio = load_audio(recording.path)
    except AudioError:
        return Outcome(recording, 0.0, None, None, "audio cannot be read")
    key = cache.key_of(audio, recording.text, recording.voice)
    finding = cache.read(key)
    if finding is None:
        finding = _align(audio, recording)
        cache.write(key, finding)
    found = finding.alignment
    if found is None:
        return Outcome(recording, audio.duration_s, None, None, finding.failure)
    return Outcome(
        recording,
        audio.duration_s,
        found.phones,
        found.disagreement_ms,
        None if found.trusted else "aligners disagree",
    )


def aligned_utterances(outcomes: Iterable[Outcome]) -> Iterator[AlignedUtterance]:
    """What is to be used, one at a time: its sound is loaded when its turn comes.

    Raises:
        envs.speech.audio.AudioError: a file that could be read no longer can.
    """
    for outcome in outcomes:
        if outcome.dropped or outcome.phones is None or outcome.disagreement_ms is None:
            continue
        recording = outcome.recording
        yield AlignedUtterance(
            load_audio(recording.path),
            outcome.phones,
            recording.text,
            recording.voice,
            recording.key,
            outcome.disagreement_ms,
        )


def summarise(corpus: Corpus, outcomes: Sequence[Outcome]) -> Summary:
    """Count what came of a corpus."""
    apart = [o.disagreement_ms for o in outcomes if o.disagreement_ms is not None]
    return Summary(
        name=corpus.name,
        recordings=len(outcomes),
        left_out=corpus.counts_left_out,
        dropped=dict(Counter(sorted(o.dropped for o in outcomes if o.dropped))),
        quartiles_ms=tuple(map(float, np.percentile(apart, QUARTILES))) if apart else None,
        total_s=sum(o.duration_s for o in outcomes),
        kept_s=sum(o.duration_s for o in outcomes if not o.dropped),
    )


def _align(audio: Audio, recording: Recording) -> Finding:
    if audio.duration_s > MAX_DURATION_S:
        return Finding(None, "too long")
    try:
        return Finding(align_spoken(audio, recording.text, recording.voice), None)
    except AlignmentError:
        return Finding(None, "not found")
    except SynthesisError:
        return Finding(None, "cannot be spoken")


def _obey_the_parent() -> None:
    """Prepare a process: Ctrl-C is for the parent to answer, and without the parent it ends.

    The parent then takes no more results, and lets each process end what it is at.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_the_parent()
