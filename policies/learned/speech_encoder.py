"""The speech encoder: sound to plans of wanted lips, 150 ms behind what it hears.

A causal convolutional network reads log-mel bands and loudness at 90 frames per second
(`envs.speech.features`). At each command frame, 30 per second, it gives

- the wanted opening, width, protrusion and jaw at that frame and at the three after it, and
- for each of 13 moments, 11 ms apart, from that frame on, how likely a p b m closes the lips then,
  and an f v puts the lip to the teeth.

Contacts are events, not amounts: `policies.learned.contacts` decides where one happens, and draws
it into the opening as the model of articulation does (`envs.speech.articulation`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from envs.speech.audio import SPEECH_RATE_HZ, Sound
from envs.speech.features import FLOOR, N_BANDS, FeatureError, Features, FeatureStream
from envs.speech.frames import frame_count
from envs.speech.lips import LIMITS
from envs.target import REST_SHAPE
from policies.learned.contacts import N_MOMENTS, ContactTracker
from policies.learned.usual_microphone import first_averages, through_usual_microphone

Floats = NDArray[np.float32]

PLAN_FPS: Final = 30.0
"""Command frames per second."""

STRIDE: Final = 3
ENCODER_FPS: Final = STRIDE * PLAN_FPS
"""Feature frames per second."""

AHEAD: Final = 3
"""How many command frames after its own a plan reaches."""

LOOK_AHEAD_FRAMES: Final = 10
"""Feature frames after a plan's own that it has heard: 111 ms, and 32 ms of the last one's window
make 143 ms."""

N_HEARD: Final = N_BANDS + 1
N_SHAPE: Final = 4
"""Aperture, width, protrusion, jaw: the first quantities of `envs.target.LipShape`."""
N_CONTACTS: Final = 2
"""Lips closed, lip on teeth."""

SHAPE_SCALE: Final = (10.0, 10.0, 5.0, 10.0)
SHAPE_REST: Final = (
    REST_SHAPE.aperture_mm,
    REST_SHAPE.width_mm,
    REST_SHAPE.protrusion_mm,
    REST_SHAPE.jaw_deg,
)
"""The network's units: mm and degrees, from rest, over their sizes in speech."""

WIDTH: Final = 160
"""Channels of the trunk, which the heads read."""
_STEM_WIDTH: Final = 64
_STEM_KERNEL: Final = 5
_KERNEL: Final = 3
_DILATIONS: Final = (1, 1, 1, 2, 1)
"""Of the blocks, in command frames: they reach 0.4 s back from the latest sound. With 0.7 s it knew
English words by heart, and missed more lips that close in other languages."""
_DROPOUT: Final = 0.2
_WARM_UP: Final = (LOOK_AHEAD_FRAMES - 1) // STRIDE
"""Groups of three feature frames that are heard before the first plan."""

_LOW, _HIGH = np.array(list(LIMITS.values()), np.float32).T

State = list[Tensor]
"""The averages of the voice up to now, and what each layer keeps of the past."""


class SpeechEncoder(nn.Module):
    """Features to raw heads.

    Args:
        width: channels of the network's trunk.
    """

    heard_mean: Tensor
    heard_scale: Tensor
    voiced_mean: Tensor
    """What each band (40,) has on average while somebody speaks."""
    thresholds: Tensor
    """Probabilities (2, 13) from which a contact happens, by kind and by how far it is ahead."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.width: Final = width
        stem = [_CausalConv(n, _STEM_WIDTH, _STEM_KERNEL, 1) for n in (N_HEARD, _STEM_WIDTH)]
        self._stem = nn.ModuleList(stem)
        self._join = nn.Linear(STRIDE * _STEM_WIDTH, width)
        blocks = [_Block(width, dilation) for dilation in _DILATIONS]
        self._blocks = nn.ModuleList(blocks)
        self._causal = (*stem, *(block.conv for block in blocks))
        self._shapes = nn.Linear(width, (AHEAD + 1) * N_SHAPE)
        self._contacts = nn.Linear(width, N_CONTACTS * N_MOMENTS)
        self.register_buffer("heard_mean", torch.zeros(N_HEARD))
        self.register_buffer("heard_scale", torch.ones(N_HEARD))
        self.register_buffer("voiced_mean", torch.zeros(N_BANDS))
        self.register_buffer("thresholds", torch.full((N_CONTACTS, N_MOMENTS), 0.5))

    def forward(self, heard: Tensor) -> tuple[Tensor, Tensor]:
        """Raw heads of whole sounds; frame k has heard up to feature frame 3 k + 10.

        Args:
            heard: (b, m, 41) 40 bands and the loudness, m >= 11.

        Returns:
            Shapes (b, n, 4, 4), n = (m - 8) // 3, moments t to t + 3 frames, quantities as
            `SHAPE_SCALE`; and contacts (b, n, 2, 13), logits, moments t to t + 133 ms.
        """
        return self.told(self.understood(heard))

    def understood(self, heard: Tensor) -> Tensor:
        """What the heads read (b, n, width) of whole sounds (b, m, 41), see `forward`."""
        padded = torch.cat([self.silence(len(heard), 1), heard], dim=1)
        groups = padded.shape[1] // STRIDE
        found, _ = self._understand(padded[:, : groups * STRIDE], self.start(len(heard)))
        return found[:, _WARM_UP:]

    def start(self, batch: int = 1) -> State:
        """The state before anything was heard."""
        averages = first_averages(self.voiced_mean, batch)
        return [*averages, *(layer.past(batch) for layer in self._causal)]

    def silence(self, batch: int, frames: int) -> Tensor:
        """Features (b, m, 41) of silence."""
        quiet = self.heard_mean.new_full((batch, frames, N_HEARD), FLOOR)
        quiet[..., -1] = 0.0
        return quiet

    def step(self, heard: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """Raw heads of the next feature frames (b, 3 n, 41), and the state after them."""
        found, kept = self._understand(heard, state)
        return *self.told(found), kept

    def told(self, found: Tensor) -> tuple[Tensor, Tensor]:
        """Raw heads, see `forward`, from what was understood (b, n, width)."""
        shapes = self._shapes(found).unflatten(2, (AHEAD + 1, N_SHAPE))
        contacts = self._contacts(found).unflatten(2, (N_CONTACTS, N_MOMENTS))
        return shapes, contacts

    def _understand(self, heard: Tensor, state: State) -> tuple[Tensor, State]:
        heard, *kept = through_usual_microphone(heard, self.voiced_mean, *state[:2])
        after = iter(state[2:])
        x = (heard - self.heard_mean) / self.heard_scale
        for layer in self._stem:
            x, past = layer(x, next(after))
            kept.append(past)
            x = nn.functional.relu(x)
        x = self._join(x.reshape(len(x), -1, STRIDE * x.shape[2]))
        for block in self._blocks:
            x, past = block(x, next(after))
            kept.append(past)
        return nn.functional.relu(x), kept


class _CausalConv(nn.Module):
    """A convolution of frames (b, m, c) that sees the past only.

    It is a linear layer on frames side by side: a stream's single frames cost a quarter of what
    they do as PyTorch's convolution.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self._mix = nn.Linear(kernel * inputs, outputs)
        self._inputs = inputs
        self._reach = (kernel - 1) * dilation
        self._starts = tuple(tap * dilation for tap in range(kernel))

    def past(self, batch: int) -> Tensor:
        """What it keeps before anything was heard."""
        return self._mix.weight.new_zeros(batch, self._reach, self._inputs)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        known = torch.cat([past, x], dim=1)
        seen = torch.cat([known[:, start : start + x.shape[1]] for start in self._starts], dim=2)
        return self._mix(seen), known[:, known.shape[1] - self._reach :]


class _Block(nn.Module):
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self._norm = nn.BatchNorm1d(width)
        self.conv = _CausalConv(width, width, _KERNEL, dilation)
        self._mix = nn.Linear(width, width)
        self._drop = nn.Dropout(_DROPOUT)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        level = self._norm(x.flatten(0, 1)).view_as(x)
        seen, past = self.conv(nn.functional.relu(level), past)
        return x + self._drop(self._mix(nn.functional.relu(seen))), past


class PlanStream:
    """Plans of a sound at `SPEECH_RATE_HZ` that comes in blocks of any size.

    However the sound is cut, the plans are the same to 1e-4.

    Args:
        encoder: a trained encoder, in evaluation mode.

    Raises:
        FeatureError: librosa is not installed.
    """

    look_ahead_s: Final = LOOK_AHEAD_FRAMES / ENCODER_FPS + 0.032
    """How long after its time a plan comes out: 143 ms."""

    def __init__(self, encoder: SpeechEncoder) -> None:
        self._encoder = encoder
        self._features = FeatureStream(ENCODER_FPS)
        self._tracker = ContactTracker(encoder.thresholds.numpy())
        self._state = encoder.start()
        self._waiting = encoder.silence(1, 1)[0].numpy()
        self._warm_up = _WARM_UP
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
        silence = self._encoder.silence(1, max(0, missing))[0].numpy()
        return self._plans(np.concatenate([heard, silence]))[:wanted]

    def _plans(self, heard: Floats) -> Floats:
        known = np.concatenate([self._waiting, heard])
        whole = len(known) // STRIDE * STRIDE
        self._waiting = known[whole:]
        if whole == 0:
            return np.zeros((0, AHEAD + 1, len(LIMITS)), np.float32)
        with torch.no_grad():
            shapes, contacts, self._state = self._encoder.step(
                torch.from_numpy(known[None, :whole]), self._state
            )
        skipped = min(self._warm_up, whole // STRIDE)
        self._warm_up -= skipped
        likely = torch.sigmoid(contacts[0, skipped:]).numpy()
        plans = drawn(shapes[0, skipped:].numpy(), self._tracker.push(likely))
        self._frames += len(plans)
        return plans


def plan(encoder: SpeechEncoder, sound: Sound) -> Floats:
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
    stream = PlanStream(encoder)
    heard = [stream.push(block) for block in sound.blocks()]
    return np.concatenate([*heard, stream.finish()])


def as_heard(features: Features) -> Floats:
    """Features as the encoder's input (m, 41)."""
    return np.concatenate([features.log_mel, features.loudness[:, None]], axis=1)


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
