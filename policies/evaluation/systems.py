"""What moves the lips in an evaluation.

`METHOD` is the paper's setting: the action transformer is given the latents of the target. In
`AUDIO_ONLY` the speech encoder supplies them from the sound and nothing else, as for a file; `LIVE`
is the same with no more look-ahead than a conversation allows. `nearest` and
`amplitude` are the paper's baselines; the former is given the target's landmarks.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from envs.progress import Progress, untracked
from policies import AmplitudePolicy, NearestPolicy, Policy
from policies.babble import face_model_hash
from policies.evaluation.results import FPS, Wanted
from policies.learned.action_transformer import ActionTransformer
from policies.learned.lip_vae import LipVAE
from policies.learned.policy import LearnedPolicy
from policies.learned.weights import WeightsError, load_weights
from policies.speech import Speech

Floats = NDArray[np.float64]

METHOD: Final = "method"
AUDIO_ONLY: Final = "audio only"
LIVE: Final = "audio only, live"
NEAREST: Final = NearestPolicy.name
AMPLITUDE: Final = AmplitudePolicy.name

SYSTEMS: Final = (METHOD, AUDIO_ONLY, NEAREST, AMPLITUDE)
"""What is compared everywhere."""

TRIED: Final = "What was tried"
"""Heading of the section of a model card that an evaluation repeats."""

_VERSION: Final = 2
"""Goes up when the same weights and sounds would give other results."""
_VAE: Final = "vae"
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        METHOD: (_VAE, "action"),
        AUDIO_ONLY: (_VAE, "speech", "imagination", "action"),
        LIVE: (_VAE, "speech", "imagination", "action"),
        NEAREST: (_VAE,),
        AMPLITUDE: (_VAE,),
    }
)
"""Weights that a system's result depends on; the lip VAE sees it in any case."""
_ALL: Final = tuple(dict.fromkeys(name for needs in _NEEDS.values() for name in needs))


class System(Protocol):
    """Something that gives commands for a speech."""

    def commands(self, speech: Speech, wanted: Wanted) -> Floats:
        """Commands (n, 10) in [0, 1] at k / `FPS`, as many as the target has frames."""


@dataclass(frozen=True, eq=False)
class Shown:
    """The method in the paper's setting: it is shown the target."""

    transformer: ActionTransformer

    def commands(self, speech: Speech, wanted: Wanted) -> Floats:
        """See `System`; needs the target's latents."""
        commands = self.transformer.perform(torch.from_numpy(wanted.latents))
        return np.clip(commands.numpy().astype(np.float64), 0.0, 1.0)


@dataclass(frozen=True, eq=False)
class Told:
    """A policy, which is told about the speech what it may know."""

    policy: Policy

    def commands(self, speech: Speech, wanted: Wanted) -> Floats:
        """See `System`."""
        return self.policy.commands(speech, FPS)


@dataclass(frozen=True, eq=False)
class Live:
    """The learned policy as it speaks what it hears at the moment."""

    policy: LearnedPolicy

    def commands(self, speech: Speech, wanted: Wanted) -> Floats:
        """See `System`."""
        return np.array([*self.policy.speaker().speak(speech.audio.blocks())])


@dataclass(frozen=True)
class WeightsFolder:
    """A folder of weights, as `liptwin train` leaves it.

    Attributes:
        folder: where vae.safetensors and the others are.
    """

    folder: Path

    def check(self) -> None:
        """Make sure that all weights are there.

        Raises:
            WeightsError: names those that are missing.
        """
        missing = [name for name in _ALL if not self.path(name).is_file()]
        if missing:
            files = ", ".join(self.path(name).name for name in missing)
            raise WeightsError(
                f"{self.folder}: there is no {files}; "
                "name the folder of a finished `liptwin train all` run"
            )

    def path(self, name: str) -> Path:
        """Where the weights of a network are."""
        return self.folder / f"{name}.safetensors"

    def vae(self) -> LipVAE:
        """The lip VAE.

        Raises:
            WeightsError: they are missing, damaged, or another network's.
        """
        return load_weights(self.path(_VAE), LipVAE())

    def system(self, name: str, progress: Progress = untracked) -> System:
        """A system of `SYSTEMS`, or `LIVE`.

        Raises:
            WeightsError: weights are missing, damaged, or another network's.
            ValueError: there is none of that name.
        """
        if name == METHOD:
            return Shown(load_weights(self.path("action"), ActionTransformer()))
        if name == AUDIO_ONLY:
            return Told(LearnedPolicy(weights=self.folder))
        if name == LIVE:
            return Live(LearnedPolicy(weights=self.folder))
        if name == NEAREST:
            return Told(NearestPolicy(progress))
        if name == AMPLITUDE:
            return Told(AmplitudePolicy())
        raise ValueError(f"system {name!r} does not exist; there is {', '.join(_NEEDS)}")

    def tried(self) -> str | None:
        """What the model card beside the weights tells of what was tried; None where there is no
        card, or it does not tell."""
        card = self.folder / "README.md"
        if not card.is_file():
            return None
        sections = re.split(r"^## ", card.read_text(encoding="utf-8"), flags=re.MULTILINE)
        told = [one.partition("\n") for one in sections if one.startswith(TRIED)]
        return told[0][2].strip() if told else None

    def hashes(self) -> dict[str, str]:
        """SHA-256 of each file of weights, by its name."""
        return {self.path(name).name: _digest_now(self.path(name)).hex() for name in _ALL}

    def fingerprint(self, system: str | None = None) -> str:
        """16 hexadecimal digits that change with the face, the program's version of an
        evaluation, and the weights that a system's results depend on; without a system, those
        that a target depends on."""
        digest = hashlib.sha256(f"{_VERSION} {_face()} {system}".encode())
        for name in _NEEDS[system] if system is not None else (_VAE,):
            digest.update(_digest_now(self.path(name)))
        return digest.hexdigest()[:16]


@lru_cache(maxsize=1)
def _face() -> str:
    return face_model_hash()


def _digest_now(path: Path) -> bytes:
    return _digest(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: Path, modified_ns: int) -> bytes:
    """Hash of a file as it was at that time."""
    return hashlib.sha256(path.read_bytes()).digest()
