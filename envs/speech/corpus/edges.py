"""Alignment of the part of a recording in which somebody speaks.

espeak-ng speaks from the first sample to the last, and dynamic time warping ties first to first and
last to last. Where a recording begins or ends with silence, the warping has to spend it somewhere:
of single words it puts it into the closure of a stop (the k of "six"). So the silence at both ends
is cut off for the aligners, and given back to the pauses at the ends of what they find.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from envs.speech.alignment import Alignment, align
from envs.speech.audio import Audio
from envs.speech.synthesis import SILENCE, Phone

FRAME_S: Final = 0.01
SILENT_DB: Final = -40.0
"""Level, below that of the loudest frame, of silence; the warping hears nothing below it either
(`envs.speech.warping.FLOOR`)."""

MARGIN_S: Final = 0.03
"""What is left before and after, so that weak sounds are whole. Chosen on 66 English prompts."""


def align_spoken(audio: Audio, text: str, voice: str) -> Alignment:
    """Find the phones of a text in a recording with silence around it.

    Raises:
        envs.speech.alignment.AlignmentError: see `envs.speech.alignment.align`.
        envs.speech.espeak.SynthesisError: espeak-ng cannot speak the text.
    """
    first, last = spoken_span(audio)
    found = align(replace(audio, samples=audio.samples[first:last]), text, voice)
    offset_s = first / audio.rate_hz
    phones = [
        Phone(p.ipa, p.start_s + offset_s, p.end_s + offset_s, p.stressed) for p in found.phones
    ]
    return replace(found, phones=tuple(_with_ends(phones, audio.duration_s)))


def spoken_span(audio: Audio) -> tuple[int, int]:
    """First sample of the speech, and the one after its last; all of it where it is silent."""
    length = round(FRAME_S * audio.rate_hz)
    frames = np.pad(audio.samples, (0, -audio.samples.size % length)).reshape(-1, length)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    loud = np.flatnonzero(power > power.max() * 10 ** (SILENT_DB / 10))
    if not loud.size:
        return 0, audio.samples.size
    margin = round(MARGIN_S * audio.rate_hz)
    first = max(0, int(loud[0]) * length - margin)
    return first, min(audio.samples.size, (int(loud[-1]) + 1) * length + margin)


def _with_ends(phones: list[Phone], duration_s: float) -> list[Phone]:
    """The phones with pauses that reach from 0 to the end of the sound."""
    first, last = phones[0], phones[-1]
    if first.is_silence:
        phones = [replace(first, start_s=0.0), *phones[1:]]
    elif first.start_s > 0:
        phones = [Phone(SILENCE, 0.0, first.start_s), *phones]
    if last.is_silence:
        return [*phones[:-1], replace(phones[-1], end_s=max(duration_s, last.end_s))]
    if last.end_s < duration_s:
        return [*phones, Phone(SILENCE, last.end_s, duration_s)]
    return phones
