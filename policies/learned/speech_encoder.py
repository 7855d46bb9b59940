"""The speech encoder: features of sound to lips that are wanted, and to how likely contacts are.

Each of its networks, which are causal and convolutional, reads log-mel bands and loudness at 90
frames per second (`envs.speech.features`). At each command frame, 30 per second, it gives

- the wanted opening, width, protrusion and jaw at that frame and at the three after it, and
- for each of 13 moments, 11 ms apart, from that frame on, how likely a p b m closes the lips then,
  and an f v puts the lip to the teeth.

It learns in PyTorch and here; it speaks in NumPy (`policies.learned.frame_encoder`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from envs.speech.features import FLOOR, N_BANDS
from envs.target import REST_SHAPE
from policies.learned.contacts import N_MOMENTS
from policies.learned.usual_microphone import through_usual_microphone

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

_STEM_WIDTH: Final = 64
STEM_LAYERS: Final = 2
STEM_KERNEL: Final = 5
KERNEL: Final = 3
_DROPOUT: Final = 0.2
WARM_UP: Final = (LOOK_AHEAD_FRAMES - 1) // STRIDE
"""Groups of three feature frames that are heard before the first plan."""

WIDTH: Final = 160
"""Channels of each network's trunk, which its heads read."""
DILATIONS: Final = ((1, 1, 1, 2, 1), (1, 1, 1, 1, 1))
"""Of each network's blocks, in command frames: they reach 0.4 and 0.33 s back from the latest
sound. With 0.7 s it knew English words by heart, and missed more lips that close in other
languages."""


def silence(frames: int) -> Floats:
    """Features (m, 41) of silence."""
    quiet = np.full((frames, N_HEARD), FLOOR, np.float32)
    quiet[:, -1] = 0.0
    return quiet


class SpeechEncoder(nn.Module):
    """Networks that hear the same, and what they say on average.

    Networks that learned apart err at different sounds, and their average errs less than either
    (Hansen & Salamon, "Neural network ensembles", IEEE Trans. Pattern Anal. Mach. Intell. 12,
    1990). One of these remembers more of a word than the other.

    Args:
        width: channels of each network's trunk.
    """

    thresholds: Tensor
    """Probabilities (2, 13) from which a contact happens, by kind and by how far it is ahead."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.networks: Final = tuple(SpeechNetwork(width, kind) for kind in DILATIONS)
        self._networks = nn.ModuleList(self.networks)
        self.register_buffer("thresholds", torch.full((N_CONTACTS, N_MOMENTS), 0.5))

    def forward(self, heard: Tensor) -> tuple[Tensor, Tensor]:
        """Raw heads of whole sounds, as `SpeechNetwork.forward`: shapes (b, n, 4, 4) and contacts
        (b, n, 2, 13), logits."""
        told = [network(heard) for network in self.networks]
        shapes, contacts = (torch.stack(heads).mean(dim=0) for heads in zip(*told, strict=True))
        return shapes, contacts


class SpeechNetwork(nn.Module):
    """Features to raw heads.

    Args:
        width: channels of the trunk.
        dilations: of the trunk's blocks, in command frames: how far back it hears.
    """

    heard_mean: Tensor
    heard_scale: Tensor
    voiced_mean: Tensor
    """What each band (40,) has on average while somebody speaks."""

    def __init__(self, width: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.width: Final = width
        self.dilations: Final = dilations
        inputs = (N_HEARD, *[_STEM_WIDTH] * (STEM_LAYERS - 1))
        self._stem = nn.ModuleList(_CausalConv(n, _STEM_WIDTH, STEM_KERNEL, 1) for n in inputs)
        self._join = nn.Linear(STRIDE * _STEM_WIDTH, width)
        self._blocks = nn.ModuleList(_Block(width, dilation) for dilation in dilations)
        self._shapes = nn.Linear(width, (AHEAD + 1) * N_SHAPE)
        self._contacts = nn.Linear(width, N_CONTACTS * N_MOMENTS)
        self.register_buffer("heard_mean", torch.zeros(N_HEARD))
        self.register_buffer("heard_scale", torch.ones(N_HEARD))
        self.register_buffer("voiced_mean", torch.zeros(N_BANDS))

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
        before = torch.from_numpy(silence(1)).to(heard).expand(len(heard), -1, -1)
        padded = torch.cat([before, heard], dim=1)
        groups = padded.shape[1] // STRIDE
        usual = through_usual_microphone(padded[:, : groups * STRIDE], self.voiced_mean)
        x = (usual - self.heard_mean) / self.heard_scale
        for layer in self._stem:
            x = nn.functional.relu(layer(x))
        x = self._join(x.reshape(len(x), groups, STRIDE * x.shape[2]))
        for block in self._blocks:
            x = block(x)
        return nn.functional.relu(x)[:, WARM_UP:]

    def told(self, found: Tensor) -> tuple[Tensor, Tensor]:
        """Raw heads, see `forward`, from what was understood (b, n, width)."""
        shapes = self._shapes(found).unflatten(2, (AHEAD + 1, N_SHAPE))
        contacts = self._contacts(found).unflatten(2, (N_CONTACTS, N_MOMENTS))
        return shapes, contacts


class _CausalConv(nn.Module):
    """A convolution of frames (b, m, c) that sees the past only, as a linear layer on frames side
    by side."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self._mix = nn.Linear(kernel * inputs, outputs)
        self._starts = range(0, (kernel - 1) * dilation + 1, dilation)

    def forward(self, x: Tensor) -> Tensor:
        known = nn.functional.pad(x, (0, 0, self._starts[-1], 0))
        seen = [known[:, start : start + x.shape[1]] for start in self._starts]
        mixed: Tensor = self._mix(torch.cat(seen, dim=2))
        return mixed


class _Block(nn.Module):
    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self._norm = nn.BatchNorm1d(width)
        self.conv = _CausalConv(width, width, KERNEL, dilation)
        self._mix = nn.Linear(width, width)
        self._drop = nn.Dropout(_DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        level = self._norm(x.flatten(0, 1)).view_as(x)
        seen = self.conv(nn.functional.relu(level))
        more: Tensor = self._drop(self._mix(nn.functional.relu(seen)))
        return x + more
