"""Speech made into song: a voice on notes, vowels held, with music.

Praat (through Parselmouth, extra `singing`) changes pitch and duration by pitch-synchronous
overlap-add (Moulines & Charpentier, Speech Communication 9, 1990), which keeps the vowels'
formants. The phones move with the sound, so what was known of the speech is known of the song.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

import numpy as np
from numpy.typing import NDArray

from envs.speech import Audio, Phone, inventory
from policies.speech import Speech

Floats = NDArray[np.float64]

PITCH_RANGE_HZ: Final = (75.0, 500.0)
"""Where the pitch of a speaker is looked for."""

STEP_S: Final = 0.01

SCALE_SEMITONES: Final = (-5, -3, 0, 2, 4, 7, 9, 12)
"""A pentatonic scale around the speaker's own pitch, 17 semitones wide: nearly the octave and a
half of popular songs."""

NOTES_S: Final = (0.2, 0.3, 0.4, 0.6)
"""How long a vowel is held, drawn for each; one that is longer stays as it is."""

MAX_STRETCH: Final = 4.0

VIBRATO_HZ: Final = 5.5
VIBRATO_SEMITONES: Final = 0.5
"""Rate and depth to either side, in the middle of what Sundberg reports (The Science of the
Singing Voice, 1987)."""

MUSIC_DB: Final = -5.0
"""Level of the accompaniment against the voice's."""

PEAK: Final = 0.9

CHORDS: Final = ((0, 4, 7), (7, 11, 14), (9, 12, 16), (5, 9, 12))
"""The triads I, V, vi and IV in semitones above the root."""
BEAT_S: Final = 0.5
_BEATS_PER_CHORD: Final = 4
_ROOT_HZ: Final = 130.81
_PARTIALS: Final = 6
_EDGE_S: Final = 1e-4


class SingingError(RuntimeError):
    """Nothing can be sung here; the message says what to install."""


@dataclass(frozen=True)
class _Score:
    """What is to become of each phone: how many times longer, and its note in Hz."""

    stretches: tuple[float, ...]
    notes_hz: tuple[float, ...]


def sung(speech: Speech, seed: int, music_db: float = MUSIC_DB) -> Speech:
    """The same words sung, with an accompaniment.

    Args:
        speech: with its phones known, and its sound in memory.
        seed: draws the melody.
        music_db: level of the accompaniment against the voice.

    Raises:
        SingingError: Parselmouth is not installed.
        ValueError: the phones are not known.
    """
    if speech.phones is None:
        raise ValueError(f"{speech.audio.source}: its phones are not known; align it first")
    rng = np.random.default_rng(seed)
    samples = np.concatenate(list(speech.audio.blocks())).astype(np.float64)
    rate_hz = speech.audio.rate_hz
    voice, phones = _resung(samples, rate_hz, speech.phones, rng)
    music = accompaniment(voice.size, rate_hz, rng)
    mixed = voice + music * (active_level(voice, rate_hz) / level(music)) * 10 ** (music_db / 20)
    mixed *= min(1.0, PEAK / np.abs(mixed).max())
    audio = Audio(mixed.astype(np.float32), rate_hz, f"{speech.audio.source}, sung")
    return Speech(audio, tuple(phones))


def stretched_phones(phones: Sequence[Phone], stretches: Sequence[float]) -> list[Phone]:
    """Phones without gaps, each so many times longer."""
    lengths = [(p.end_s - p.start_s) * k for p, k in zip(phones, stretches, strict=True)]
    ends = list(accumulate(lengths, initial=phones[0].start_s))
    return [
        replace(phone, start_s=start, end_s=end)
        for phone, start, end in zip(phones, ends[:-1], ends[1:], strict=True)
    ]


def accompaniment(n_samples: int, rate_hz: int, rng: np.random.Generator) -> Floats:
    """Chords, a bass and a drum, (n_samples,), of no particular level."""
    times_s = np.arange(n_samples) / rate_hz
    beat = (times_s / BEAT_S).astype(int)
    since_s = times_s - beat * BEAT_S
    played = (beat // _BEATS_PER_CHORD) % len(CHORDS)
    music = np.zeros(n_samples)
    for place, chord in enumerate(CHORDS):
        now = played == place
        for semitones in (*chord, chord[0] - 12):
            pitch_hz = _ROOT_HZ * 2 ** (semitones / 12)
            for partial in range(1, _PARTIALS + 1):
                wave = np.sin(2 * np.pi * (partial * pitch_hz * times_s[now] + rng.random()))
                music[now] += wave / partial**1.5
    drum = rng.normal(size=n_samples) * np.exp(-since_s / 0.02)
    return np.asarray(music * (0.4 + 0.6 * np.exp(-since_s / 0.3)) + 1.5 * drum)


def level(samples: Floats) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(samples))))


def active_level(samples: Floats, rate_hz: int) -> float:
    """Root mean square of the blocks of 20 ms that are within 30 dB of the loudest."""
    size = max(1, rate_hz // 50)
    blocks = samples[: samples.size // size * size].reshape(-1, size)
    powers = np.square(blocks).mean(axis=1) if len(blocks) else np.square(samples)
    return float(np.sqrt(powers[powers >= 1e-3 * powers.max()].mean()))


def _resung(
    samples: Floats, rate_hz: int, phones: Sequence[Phone], rng: np.random.Generator
) -> tuple[Floats, list[Phone]]:
    """The voice alone, and its phones."""
    try:
        import parselmouth
        from parselmouth.praat import call, run
    except ModuleNotFoundError as error:
        raise SingingError(
            'songs need Parselmouth; install it with: pip install "liptwin[singing]"'
        ) from error
    sound = parselmouth.Sound(samples, rate_hz)
    pitch = sound.to_pitch(STEP_S, *PITCH_RANGE_HZ).selected_array["frequency"]
    own_hz = float(np.median(pitch[pitch > 0])) if (pitch > 0).any() else 200.0
    score = _compose(phones, own_hz, rng)
    moved = stretched_phones(phones, score.stretches)
    manipulation = call(sound, "To Manipulation", STEP_S, *PITCH_RANGE_HZ)
    tier = call(manipulation, "Extract pitch tier")
    call(tier, "Remove points between", 0.0, sound.duration)
    lengths = call("Create DurationTier", "song", 0.0, sound.duration)
    for old, new, stretch, note_hz in zip(
        phones, moved, score.stretches, score.notes_hz, strict=True
    ):
        edge_s = min(_EDGE_S, 0.25 * (old.end_s - old.start_s))
        for edge in (old.start_s + edge_s, old.end_s - edge_s):
            call(lengths, "Add point", edge, stretch)
        for time_s in np.arange(old.start_s, old.end_s, STEP_S / stretch):
            sung_s = new.start_s + stretch * (time_s - old.start_s)
            sway = VIBRATO_SEMITONES * np.sin(2 * np.pi * VIBRATO_HZ * sung_s)
            call(tier, "Add point", float(time_s), float(note_hz * 2 ** (sway / 12)))
    call([tier, manipulation], "Replace pitch tier")
    call([lengths, manipulation], "Replace duration tier")
    # Where there is no voice, Praat draws the lengths of periods.
    run(f"random_initializeWithSeedUnsafelyButPredictably: {int(rng.integers(2**31))}")
    made = call(manipulation, "Get resynthesis (overlap-add)")
    run("random_initializeSafelyAndUnpredictably()")
    voice = np.asarray(made.values[0])
    moved[-1] = replace(moved[-1], end_s=voice.size / rate_hz)
    return voice, moved


def _compose(phones: Sequence[Phone], own_hz: float, rng: np.random.Generator) -> _Score:
    """A melody: each vowel has its note, consonants are on that of the next vowel."""
    stretches, notes = [], []
    place = SCALE_SEMITONES.index(0)
    for phone in reversed(phones):
        stretch = 1.0
        if not phone.is_silence and inventory.targets(phone.ipa)[0].is_vowel:
            place = int(np.clip(place + rng.integers(-2, 3), 0, len(SCALE_SEMITONES) - 1))
            held_s = float(rng.choice(NOTES_S))
            stretch = float(np.clip(held_s / (phone.end_s - phone.start_s), 1.0, MAX_STRETCH))
        stretches.append(stretch)
        notes.append(own_hz * 2 ** (SCALE_SEMITONES[place] / 12))
    return _Score(tuple(reversed(stretches)), tuple(reversed(notes)))
