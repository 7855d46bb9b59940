"""Speech, sung: vowels held, melody for intonation, and a band that plays along.

A source-filter vocoder in the manner of Dudley (1939): the envelope of each short spectrum is
kept, smoothed by its cepstrum; its source is made anew, pulses of a sung pitch where a phone has
voice and noise elsewhere. Phones are stretched, vowels most.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.signal import istft, stft

from envs.speech import inventory
from envs.speech.audio import SPEECH_RATE_HZ
from envs.speech.synthesis import Phone
from policies.training.speech.disturbances import at_level
from policies.training.speech.takes import Take

Floats = NDArray[np.float64]

WINDOW: Final = 512
HOP: Final = 80
QUEFRENCY_S: Final = 0.0019
"""Of the envelope: less than the period of a voice at 440 Hz."""
VOICELESS: Final = frozenset("ptkfθsʃhxçcqʔʈɸʂɕχħ")
VOWEL_STRETCH: Final = (1.2, 4.0)
OTHER_STRETCH: Final = (0.9, 1.4)
LOWEST_NOTE_HZ: Final = (90.0, 260.0)
SCALE: Final = (0, 2, 4, 5, 7, 9, 11, 12, 14, 16)
"""Semitones above the lowest note: a major scale of a tenth."""
VIBRATO_HZ: Final = 5.5
VIBRATO_SEMITONES: Final = (0.0, 0.7)
GLIDE_S: Final = 0.05
CHORDS: Final = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (9, 12, 16))
CHORD_S: Final = (0.5, 1.6)
HARMONICS: Final = 6
BEAT_S: Final = (0.25, 0.4)


def sung(take: Take, rng: np.random.Generator) -> Take:
    """A take with known phones, sung without a band; as loud as it was."""
    assert take.phones is not None
    lengths_s = np.array([p.end_s - p.start_s for p in take.phones])
    ranges = [VOWEL_STRETCH if _is_vowel(p) else OTHER_STRETCH for p in take.phones]
    stretch = [rng.uniform(*some) for some in ranges]
    ends_s = np.cumsum(lengths_s * stretch)
    starts_s = np.concatenate([[0.0], ends_s[:-1]])
    phones = tuple(
        replace(p, start_s=float(a), end_s=float(b))
        for p, a, b in zip(take.phones, starts_s, ends_s, strict=True)
    )
    times_s = np.arange(int(ends_s[-1] * SPEECH_RATE_HZ / HOP) + 1) * HOP / SPEECH_RATE_HZ
    old = np.array([p.start_s for p in take.phones] + [take.phones[-1].end_s])
    heard_at_s = np.interp(times_s, np.concatenate([starts_s, ends_s[-1:]]), old)
    which = np.clip(np.searchsorted(ends_s, times_s, side="right"), 0, len(phones) - 1)
    voiced = np.array([_has_voice(p) for p in phones], float)[which]
    source = _source(_melody(phones, which, times_s, rng), voiced, rng)
    sound = _filtered(source, _envelopes(take.samples, heard_at_s))
    loud = float(np.sqrt(np.mean(np.square(take.samples, dtype=np.float64))))
    return Take(take.kind, at_level(sound, 20.0 * np.log10(max(loud, 1e-6))), phones)


def with_band(take: Take, below_db: float, rng: np.random.Generator) -> Take:
    """A take with synthetic chords, bass and drums, so many dB below the voice's level."""
    band = accompaniment(len(take.samples), rng)
    voice = take.samples.astype(np.float64)
    active = voice[np.abs(voice) > 1e-3]
    level = np.sqrt(np.mean(np.square(active))) if len(active) else 1e-3
    band *= level * 10.0 ** (-below_db / 20.0) / max(np.sqrt(np.mean(band**2)), 1e-9)
    mixed = voice + band
    return replace(take, samples=(mixed / max(1.0, np.abs(mixed).max())).astype(np.float32))


def accompaniment(count: int, rng: np.random.Generator) -> Floats:
    """Chords, a bass and drums (n,)."""
    times_s = np.arange(count) / SPEECH_RATE_HZ
    sound = np.zeros(count)
    root_hz, chord_s = rng.uniform(110.0, 220.0), rng.uniform(*CHORD_S)
    for first in range(0, count, round(chord_s * SPEECH_RATE_HZ)):
        here = slice(first, first + round(chord_s * SPEECH_RATE_HZ))
        since_s = times_s[here] - times_s[first]
        chord = CHORDS[int(rng.integers(len(CHORDS)))]
        decay = np.minimum(1.0, since_s / 0.01) * np.exp(-since_s * rng.uniform(0.5, 3.0))
        for semitones in (chord[0] - 12, *chord):
            hz = root_hz * 2.0 ** (semitones / 12.0)
            for harmonic in range(1, HARMONICS + 1):
                phase = 2.0 * np.pi * (hz * harmonic * since_s + rng.random())
                sound[here] += decay * np.sin(phase) / harmonic
    beat_s = rng.uniform(*BEAT_S)
    drums = rng.uniform(0.0, 3.0)
    for beat, first in enumerate(range(0, count, round(beat_s * SPEECH_RATE_HZ))):
        since_s = times_s[first : first + 2400] - times_s[first]
        hit = rng.standard_normal(len(since_s)) * np.exp(-since_s * (25 if beat % 4 == 2 else 80))
        if beat % 4 == 0:
            hit = 2.0 * np.sin(2.0 * np.pi * 60.0 * since_s) * np.exp(-since_s * 20)
        sound[first : first + 2400] += drums * hit
    return sound


def _melody(
    phones: tuple[Phone, ...], which: NDArray[np.int64], times_s: Floats, rng: np.random.Generator
) -> Floats:
    """Pitch in Hz at the hops: a note for each vowel, held until the next, gliding between."""
    lowest_hz = rng.uniform(*LOWEST_NOTE_HZ)
    notes, note = [], int(rng.integers(len(SCALE)))
    for phone in phones:
        if _is_vowel(phone):
            note = int(np.clip(note + rng.integers(-3, 4), 0, len(SCALE) - 1))
        notes.append(SCALE[note])
    semitones = np.array(notes, float)[which]
    span = max(1, round(GLIDE_S * SPEECH_RATE_HZ / HOP))
    smooth = np.convolve(np.pad(semitones, span, mode="edge"), np.ones(span) / span, "same")
    vibrato = rng.uniform(*VIBRATO_SEMITONES) * np.sin(2.0 * np.pi * VIBRATO_HZ * times_s)
    return np.asarray(lowest_hz * 2.0 ** ((smooth[span:-span] + vibrato) / 12.0))


def _source(pitch_hz: Floats, voiced: Floats, rng: np.random.Generator) -> Floats:
    """Pulses of a pitch where there is voice, noise elsewhere: flat spectra of power 1."""
    hops = np.arange(len(pitch_hz)) * HOP
    samples = np.arange(len(pitch_hz) * HOP)
    hz = np.interp(samples, hops, pitch_hz)
    cycles = np.cumsum(hz) / SPEECH_RATE_HZ
    pulses = np.diff(np.floor(cycles), prepend=0.0) * np.sqrt(SPEECH_RATE_HZ / hz)
    voice = np.interp(samples, hops, voiced)
    breath = rng.standard_normal(len(samples)) * np.sqrt(1.0 - 0.98 * voice)
    return np.asarray(voice * pulses + breath)


def _envelopes(samples: NDArray[np.float32], times_s: Floats) -> Floats:
    """Smooth magnitudes (bins, n) of the spectra around times (n,)."""
    _, _, spectra = stft(
        samples.astype(np.float64), nperseg=WINDOW, noverlap=WINDOW - HOP, boundary="zeros"
    )
    logs = np.log(np.abs(spectra) + 1e-7)
    cepstra = np.fft.irfft(logs, axis=0)
    kept = round(QUEFRENCY_S * SPEECH_RATE_HZ)
    cepstra[kept : WINDOW - kept + 1] = 0.0
    smooth = np.fft.rfft(cepstra, axis=0).real
    place = np.clip(times_s * SPEECH_RATE_HZ / HOP, 0, smooth.shape[1] - 1)
    before = np.floor(place).astype(int)
    after = np.minimum(before + 1, smooth.shape[1] - 1)
    between = smooth[:, before] + (place - before) * (smooth[:, after] - smooth[:, before])
    return np.exp(between)


def _filtered(source: Floats, envelopes: Floats) -> Floats:
    _, _, spectra = stft(source, nperseg=WINDOW, noverlap=WINDOW - HOP, boundary="zeros")
    count = min(spectra.shape[1], envelopes.shape[1])
    shaped = spectra[:, :count] * envelopes[:, :count]
    _, sound = istft(shaped, nperseg=WINDOW, noverlap=WINDOW - HOP, boundary=True)
    return np.asarray(sound)


def _is_vowel(phone: Phone) -> bool:
    return not phone.is_silence and inventory.targets(phone.ipa)[0].is_vowel


def _has_voice(phone: Phone) -> bool:
    return not phone.is_silence and phone.ipa[0] not in VOICELESS
