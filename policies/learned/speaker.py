"""Speaking: sound goes in as it comes, servo commands come out, 30 per second.

The speech encoder plans lip shapes, the imagination turns them into lip latents, and the Facial
Action Transformer, which reads its own last commands, into the next ones. Nothing is smoothed
afterwards; only where nothing is asked of the lips, they come to rest (`policies.learned.repose`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from policies.learned.action_transformer import FPS, N_PREVIOUS, ActionTransformer
from policies.learned.contacts import HOLDS_S, PATIENT_HOLDS_S
from policies.learned.effort import Effort
from policies.learned.frame_actor import FrameActor
from policies.learned.imagination import Imagination
from policies.learned.lip_vae import LATENT_SIZE
from policies.learned.patience import Patience
from policies.learned.plans import PlanStream
from policies.learned.repose import Repose
from policies.learned.speech_encoder import SpeechEncoder
from policies.learned.weights import load_weights
from sim.dof import N_DOF

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Networks:
    """What it takes to speak, ready for use.

    Attributes:
        encoder: sound to wanted lip shapes.
        imagination: lip shapes to lip latents.
        actor: lip latents and past commands to commands.
    """

    encoder: SpeechEncoder
    imagination: Imagination
    actor: ActionTransformer


def load_networks(folder: Path) -> Networks:
    """The networks from `speech`, `imagination` and `action.safetensors` in a folder.

    Raises:
        WeightsError: one of the files is missing, damaged, or belongs to another network.
    """
    return Networks(
        load_weights(folder / "speech.safetensors", SpeechEncoder()),
        load_weights(folder / "imagination.safetensors", Imagination()),
        load_weights(folder / "action.safetensors", ActionTransformer()),
    )


class Speaker:
    """Speaks one sound at `envs.speech.audio.SPEECH_RATE_HZ` that comes in blocks of any size.

    Command k belongs to k / 30 s and comes out once the sound is heard up to `look_ahead_s` after
    that: 143 ms, and 33 ms for each frame of patience. However the sound is cut, the commands are
    the same to 1e-4. The face starts at rest.

    While it works, PyTorch is held to one thread and to its own kernels (no oneDNN), which networks
    this small run best on. Both are as the program around it had them when a call returns.

    Args:
        networks: what to speak with.
        effort: told what it costs.
        patience: frames that each plan waits for later ones to correct it, 0 to `patience.MOST`.

    Raises:
        envs.speech.features.FeatureError: librosa is not installed.
        ValueError: another patience.
    """

    fps: Final = FPS
    """Commands per second."""

    def __init__(self, networks: Networks, effort: Effort | None = None, patience: int = 0) -> None:
        self._plans = PlanStream(networks.encoder, PATIENT_HOLDS_S if patience else HOLDS_S)
        self._patience = Patience(patience)
        self._imagination = networks.imagination
        self._actor = FrameActor(networks.actor)
        self._repose = Repose(FPS)
        self._effort = effort if effort is not None else Effort()
        self._previous = np.tile(self._actor.rest, (N_PREVIOUS, 1))

    @property
    def look_ahead_s(self) -> float:
        """How much sound after its time a command waits for."""
        return look_ahead_s(self._patience.frames)

    def push(self, samples: NDArray[np.floating]) -> Floats:
        """Hear the next samples (n,) in [-1, 1] and give the commands (m, 10) in [0, 1], m >= 0,
        that they complete.

        Raises:
            envs.speech.audio.AudioError: other samples, such as some that are not numbers, or the
                sound was finished; they are then not heard.
        """
        with self._effort.measuring() as came_out:
            commands = self._act(self._patience.push(self._plans.push(samples)))
            came_out(len(commands))
            return commands

    def finish(self) -> Floats:
        """The last commands (m, 10), up to `envs.speech.frame_count` in all; none if nothing was
        heard.

        Raises:
            envs.speech.audio.AudioError: the sound was finished before.
        """
        with self._effort.measuring() as came_out:
            last = self._patience.push(self._plans.finish())
            commands = self._act(np.concatenate([last, self._patience.finish()]))
            came_out(len(commands))
            return commands

    def speak(self, blocks: Iterable[NDArray[np.floating]]) -> Iterator[Floats]:
        """Hear a whole sound block by block; give its commands (10,) one after the other, each as
        soon as it is known.

        Raises:
            envs.speech.audio.AudioError: see `push`.
        """
        for block in blocks:
            yield from self.push(block)
        yield from self.finish()

    def _act(self, plan: NDArray[np.float32]) -> Floats:
        """Commands (m, 10) for a plan (m, 4, 6), on the commands given before."""
        commands = np.empty((len(plan), N_DOF))
        if not len(plan):
            return commands
        with lightly():
            wanted = self._imagined(plan)
        shares = self._repose.push(plan)
        for frame, share in enumerate(shares.tolist()):
            command = self._actor(self._previous, wanted[frame])
            command += share * (self._actor.rest - command)
            self._previous = np.vstack([self._previous[1:], command])
            commands[frame] = command
        return commands

    def _imagined(self, plan: NDArray[np.float32]) -> NDArray[np.float32]:
        """Latents (m, ahead + 1, 16) of a plan, as far ahead as the actor looks."""
        seen = torch.from_numpy(plan[:, : self._actor.ahead + 1])
        latents, _ = self._imagination(seen.flatten(0, 1))
        found: NDArray[np.float32] = latents.reshape(*seen.shape[:2], LATENT_SIZE).numpy()
        return found


def look_ahead_s(patience: int) -> float:
    """How much sound after its time a command waits for, with so many frames of patience."""
    return PlanStream.look_ahead_s + patience / FPS


@contextlib.contextmanager
def lightly() -> Iterator[None]:
    """PyTorch as small networks that learn nothing run best on it: with layers so small, sharing
    them out to threads, or preparing them for oneDNN, takes longer than computing them."""
    threads, one_dnn = torch.get_num_threads(), torch.backends.mkldnn.enabled
    torch.set_num_threads(1)
    torch.backends.mkldnn.enabled = False  # type: ignore[assignment]  # it is a property
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.backends.mkldnn.enabled = one_dnn
        torch.set_num_threads(threads)
