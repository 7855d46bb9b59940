"""The same speech from another throat, through another microphone, in another room.

Every range is chosen to be wider than what a listener would still call usual.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from envs.speech.audio import SPEECH_RATE_HZ
from policies.training.speech.takes import Take

Floats = NDArray[np.float32]

SPEED_LOG: Final = 0.12
"""Tempo, pitch and formants go up and down together, by up to 13 %."""
EQUALISER_DB: Final = 9.0
EQUALISER_POINTS: Final = 7
NARROW_CHANCE: Final = 0.5
NARROW_HZ: Final = (3300.0, 4000.0)
"""The band of a telephone."""
ROOM_CHANCE: Final = 0.45
ROOM_T60_S: Final = (0.12, 0.7)
ROOM_DB: Final = (-18.0, -2.0)
"""Reverberation time, and level of what is reverberated against the direct sound."""
NOISE_CHANCE: Final = 0.7
NOISE_DB: Final = (-45.0, -6.0)
"""Level of noise against that of the speech."""
NOISE_TILT: Final = (-1.2, 0.2)
"""Power of the frequency that the noise's amplitude follows: white is 0, red is -1."""
LEVEL_DBFS: Final = (-38.0, -14.0)


def disturbed(take: Take, rng: np.random.Generator) -> Take:
    """A take as another speaker in another room; its phones are moved along."""
    speed = float(np.exp(rng.uniform(-SPEED_LOG, SPEED_LOG)))
    samples = soxr.resample(take.samples, SPEECH_RATE_HZ * speed, SPEECH_RATE_HZ)
    assert take.phones is not None
    slower = tuple(
        replace(p, start_s=p.start_s / speed, end_s=p.end_s / speed) for p in take.phones
    )
    return Take(take.kind, through_a_room(samples, rng), slower)


def through_a_room(samples: Floats, rng: np.random.Generator) -> Floats:
    """Samples with another room, microphone, noise and level; times do not change."""
    sound = samples.astype(np.float64)
    if rng.random() < ROOM_CHANCE:
        sound = _reverberated(sound, rng)
    if rng.random() < NOISE_CHANCE:
        noise = coloured_noise(len(sound), rng)
        sound = sound + noise * _rms(sound) * 10.0 ** (rng.uniform(*NOISE_DB) / 20.0)
    sound = _equalised(sound, rng)
    return at_level(sound, rng.uniform(*LEVEL_DBFS))


def at_level(sound: NDArray[np.float64], dbfs: float) -> Floats:
    """A sound at a level, clipped where that is too much for it."""
    scaled = sound * (10.0 ** (dbfs / 20.0) / max(_rms(sound), 1e-9))
    return np.clip(scaled, -1.0, 1.0).astype(np.float32)


def coloured_noise(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise (n,) of random colour, root mean square 1."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    bins = np.maximum(np.arange(len(spectrum)), len(spectrum) * 0.006 + 1.0)
    noise = np.fft.irfft(spectrum * bins ** rng.uniform(*NOISE_TILT), count)
    return np.asarray(noise / max(_rms(noise), 1e-12))


def _reverberated(sound: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    t60_s = rng.uniform(*ROOM_T60_S)
    times_s = np.arange(round(t60_s * SPEECH_RATE_HZ)) / SPEECH_RATE_HZ
    tail = rng.standard_normal(len(times_s)) * 10.0 ** (-3.0 * times_s / t60_s)
    tail *= 10.0 ** (rng.uniform(*ROOM_DB) / 20.0) / max(np.sqrt(np.sum(tail**2)), 1e-9)
    tail[0] += 1.0
    return np.asarray(fftconvolve(sound, tail)[: len(sound)])


def _equalised(sound: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(sound)
    hz = np.fft.rfftfreq(len(sound), 1.0 / SPEECH_RATE_HZ)
    points_hz = np.geomspace(60.0, 8000.0, EQUALISER_POINTS)
    gain_db = np.interp(
        np.log(np.maximum(hz, 60.0)),
        np.log(points_hz),
        rng.uniform(-EQUALISER_DB, EQUALISER_DB, EQUALISER_POINTS),
    )
    if rng.random() < NARROW_CHANCE:
        edge_hz = rng.uniform(*NARROW_HZ)
        gain_db -= np.clip((hz - edge_hz) / edge_hz, 0.0, 0.15) / 0.15 * 80.0
    return np.asarray(np.fft.irfft(spectrum * 10.0 ** (gain_db / 20.0), len(sound)))


def _rms(sound: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(np.square(sound))))
