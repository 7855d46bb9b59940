"""Plans of wanted lips from sound, 143 ms behind what is heard.

The encoder says how lips should be and how likely contacts are (`policies.learned.speech_encoder`).
Contacts are events, not amounts: `policies.learned.contacts` decides where one happens, and it is
drawn into the opening here as the model of articulation does (`envs.speech.articulation`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from envs.speech.audio import SPEECH_RATE_HZ, Sound
from envs.speech.features import FeatureError, Features, FeatureStream
from envs.speech.frames import frame_count
from envs.speech.lips import LIMITS
from policies.learned.contacts import HOLDS_S, PATIENT_HOLDS_S, ContactTracker, Hold
from policies.learned.frame_encoder import FrameEncoder
from policies.learned.speech_encoder import (
    AHEAD,
    ENCODER_FPS,
    LOOK_AHEAD_FRAMES,
    PLAN_FPS,
    SHAPE_REST,
    SHAPE_SCALE,
    STRIDE,
    WARM_UP,
    SpeechEncoder,
    silence,
)

Floats = NDArray[np.float32]

OPEN_MM: Final = 1.0
"""Opening from which the mouth speaks; chosen, less than in any vowel."""

_LOW, _HIGH = np.array(list(LIMITS.values()), np.float32).T


class PlanStream:
    """Plans of a sound at `SPEECH_RATE_HZ` that comes in blocks of any size.

    However the sound is cut, the plans are the same to 1e-4.

    Args:
        encoder: a trained encoder, in evaluation mode.
        holds_s: for how long each kind of contact is held.

    Raises:
        FeatureError: librosa is not installed.
    """

    look_ahead_s: Final = LOOK_AHEAD_FRAMES / ENCODER_FPS + 0.032
    """How long after its time a plan comes out: 143 ms."""

    def __init__(self, encoder: SpeechEncoder, holds_s: tuple[Hold, Hold] = HOLDS_S) -> None:
        self._encoder = FrameEncoder(encoder)
        self._features = FeatureStream(ENCODER_FPS)
        self._tracker = ContactTracker(encoder.thresholds.numpy(), holds_s)
        self._waiting = silence(1)
        self._warm_up = WARM_UP
        self._samples = 0
        self._frames = 0

    def push(self, samples: NDArray[np.floating]) -> Floats:
        """Take the next samples (n,) in [-1, 1]; give the plans (m, 4, 6) that they complete.

        Plan row k holds the wanted lips at command frames k to k + 3, quantities of
        `envs.target.LipShape`, within `envs.speech.lips.LIMITS`.

        Raises:
            envs.speech.audio.AudioError: other samples, such as some that are not numbers, or the
                sound was finished.
        """
        heard = self._features.push(samples)
        self._samples += len(samples)
        return self._plans(as_heard(heard))

    def finish(self) -> Floats:
        """The last plans, up to `envs.speech.frames.frame_count`; none if nothing was heard.

        Raises:
            envs.speech.audio.AudioError: the sound was finished before.
        """
        heard = as_heard(self._features.finish())
        if self._samples == 0:
            return self._plans(heard)
        wanted = frame_count(self._samples / SPEECH_RATE_HZ, PLAN_FPS) - self._frames
        missing = STRIDE * (wanted + self._warm_up) - len(self._waiting) - len(heard)
        after = silence(max(0, missing))
        return self._plans(np.concatenate([heard, after]))[:wanted]

    def _plans(self, heard: Floats) -> Floats:
        known = np.concatenate([self._waiting, heard])
        whole = len(known) // STRIDE * STRIDE
        self._waiting = known[whole:]
        if whole == 0:
            return np.zeros((0, AHEAD + 1, len(LIMITS)), np.float32)
        shapes, contacts = self._encoder.push(known[:whole])
        skipped = min(self._warm_up, whole // STRIDE)
        self._warm_up -= skipped
        shapes, likely = shapes[skipped:], expit(contacts[skipped:])
        plans = drawn(shapes, self._tracker.push(likely, speaking(shapes)))
        self._frames += len(plans)
        return plans


def plan(
    encoder: SpeechEncoder, sound: Sound, holds_s: tuple[Hold, Hold] = PATIENT_HOLDS_S
) -> Floats:
    """Plans (n, 4, 6) of a whole sound, n = `frame_count` at 30 per second.

    Raises:
        FeatureError: librosa is not installed, or the sound is not at `SPEECH_RATE_HZ`.
        envs.speech.audio.AudioError: the sound cannot be read any more.
    """
    if sound.rate_hz != SPEECH_RATE_HZ:
        raise FeatureError(
            f"{sound.source}: the encoder hears {SPEECH_RATE_HZ} Hz, not {sound.rate_hz}; "
            "load the sound at that rate"
        )
    stream = PlanStream(encoder, holds_s)
    heard = [stream.push(block) for block in sound.blocks()]
    return np.concatenate([*heard, stream.finish()])


def as_heard(features: Features) -> Floats:
    """Features as the encoder's input (m, 41)."""
    return np.concatenate([features.log_mel, features.loudness[:, None]], axis=1)


def speaking(shapes: Floats) -> NDArray[np.bool_]:
    """In which of the frames (n,) of shapes (n, 4, 4), in the network's units, lips are open."""
    opening: Floats = shapes[:, 0, 0] * SHAPE_SCALE[0] + SHAPE_REST[0]
    return opening > OPEN_MM


def drawn(shapes: Floats, contacts: Floats) -> Floats:
    """Shapes (n, 4, 4) in the network's units with contacts (n, 2, 4), 0 to 1, drawn into them:
    plans (n, 4, 6).

    Closed lips leave no opening; a lip on the teeth leaves `TEETH_APERTURE_MM`.
    """
    free = shapes * np.array(SHAPE_SCALE, np.float32) + np.array(SHAPE_REST, np.float32)
    closed, teeth = contacts[:, 0], contacts[:, 1]
    aperture = free[..., 0] + teeth * (TEETH_APERTURE_MM - free[..., 0])
    jaw = free[..., 3] + teeth * (np.minimum(free[..., 3], TEETH_JAW_DEG) - free[..., 3])
    aperture = aperture * (1.0 - closed)
    jaw = jaw + closed * (np.minimum(jaw, CLOSED_JAW_DEG) - jaw)
    columns = (aperture, free[..., 1], free[..., 2], jaw, teeth * (1.0 - closed), closed)
    plans: Floats = np.clip(np.stack(columns, axis=-1), _LOW, _HIGH).astype(np.float32)
    return plans


TEETH_APERTURE_MM: Final = 3.0
TEETH_JAW_DEG: Final = 1.5
CLOSED_JAW_DEG: Final = 1.0
"""What f v and p b m want, as in `envs/speech/phones.yaml`."""
