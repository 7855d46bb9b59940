"""The face through independent eyes: MediaPipe's face mesh, which knows nothing of LipTwin."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from envs.speech import SynthesisError, synthesise
from policies import POLICIES, Speech, make_policy
from sim import FaceTwin
from sim.landmarks import INNER, LIP_LANDMARKS, OUTER, REGIONS, ROW
from sim.poses import POSES
from sim.render import FaceRenderer, project

Floats = NDArray[np.float64]

ROOT = Path(__file__).resolve().parents[1]
DETECTOR = ROOT / ".venv-detector" / "bin" / "python"
SIZE = 512
FPS = 30.0
SPEECH_S = 10.0
EVERY = 3
"""Every third frame of speech is looked at: neighbours differ little."""
WORST_MEAN_SHARE = 0.05
"""Mean disagreement over all landmarks and pictures, as a share of the mouth's width."""
SENTENCES = (
    "Peter and Fay move both lips in many ways: wide for cheese, round for blue, closed for papa "
    "and mama. A lip on the teeth comes with every few of five, and a fine voice is heard by all "
    "of us who came to see the show."
)

# Where each landmark's mirror image lies: both contours run round the lips from the middle of the
# upper lip (outer) and from the right corner (inner).
_MIRRORED = [ROW[OUTER[-k]] for k in range(len(OUTER))] + [
    ROW[INNER[(len(INNER) // 2 - k) % len(INNER)]] for k in range(len(INNER))
]

pytestmark = pytest.mark.skipif(
    not DETECTOR.is_file(), reason="the independent detector is not installed: run `make detector`"
)


@dataclass(frozen=True)
class Sighting:
    """Pictures of the face, where its lips are in them, and where the detector sees them.

    truth, seen: (pictures, 40, 2) pixels; seen is NaN where no face was found.
    """

    names: tuple[str, ...]
    truth: Floats
    seen: Floats

    @property
    def errors(self) -> Floats:
        """Distance (pictures, 40) of what is seen from the truth, as a share of the mouth width."""
        left, right = self.truth[:, ROW[291]], self.truth[:, ROW[61]]
        width = np.linalg.norm(left - right, axis=-1)
        return np.linalg.norm(self.seen - self.truth, axis=-1) / width[:, None]

    def check_found(self) -> None:
        """A face is found in every picture."""
        lost = np.isnan(self.seen).any(axis=(1, 2))
        assert not lost.any(), f"no face is found in: {np.array(self.names)[lost]}"

    def check_agreement(self) -> None:
        """The landmarks are seen where they are, on average."""
        assert self.errors.mean() <= WORST_MEAN_SHARE, self.report()

    def report(self) -> str:
        """Where they disagree, for the message of a failing test."""
        errors = 100 * self.errors
        lines = [f"disagreement {errors.mean():.1f} % of the mouth width; by region:"]
        lines += [f"  {name}: {errors[:, rows].mean():.1f} %" for name, rows in REGIONS.items()]
        lines.append("worst pictures:")
        worst = np.argsort(errors.mean(axis=1))[::-1][:5]
        lines += [f"  {self.names[k]}: {errors[k].mean():.1f} %" for k in worst]
        lines.append("by landmark, x right and y down in % of the mouth width:")
        offset = self.seen - self.truth
        scale = np.linalg.norm(offset, axis=-1).mean() / errors.mean()
        lines += [
            f"  {index}: {error:.1f} % ({x:+.1f}, {y:+.1f})"
            for index, error, (x, y) in zip(
                LIP_LANDMARKS, errors.mean(axis=0), offset.mean(axis=0) / scale, strict=True
            )
        ]
        return "\n".join(lines)


def look(folder: Path, frames: Iterator[tuple[str, FaceTwin]]) -> Sighting:
    """Photograph the twin at each frame and let the detector look at the pictures.

    It sees each picture and its mirror image: its own leaning to one side, 1 mm and the same on
    both, is no disagreement about the lips.
    """
    names, truth = [], []
    renderer = None
    for name, twin in frames:
        renderer = renderer or FaceRenderer(twin, SIZE, SIZE)
        picture = renderer.render("portrait")
        Image.fromarray(picture).save(folder / f"{name}.png", compress_level=1)
        Image.fromarray(picture[:, ::-1]).save(folder / f"{name}-mirrored.png", compress_level=1)
        names.append(name)
        truth.append(project(twin, twin.landmarks(), "portrait", SIZE, SIZE))
    assert renderer is not None
    renderer.close()
    seen = detect(folder, [f"{name}.png" for name in names])
    mirrored = detect(folder, [f"{name}-mirrored.png" for name in names])[:, _MIRRORED]
    mirrored[..., 0] = SIZE - mirrored[..., 0]
    return Sighting(tuple(names), np.array(truth), 0.5 * (seen + mirrored))


def detect(folder: Path, pictures: list[str]) -> Floats:
    """The lip landmarks (pictures, 40, 2) in pixels that the detector sees."""
    script, result = ROOT / "tests" / "detector" / "detect.py", folder / "landmarks.npy"
    command = [str(DETECTOR), str(script), str(result), *pictures]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    points: Floats = np.load(result)
    return points[:, LIP_LANDMARKS]


def test_every_named_pose_is_seen_as_the_pose_it_is(tmp_path: Path) -> None:
    twin = FaceTwin()

    def held() -> Iterator[tuple[str, FaceTwin]]:
        for name, commands in POSES.items():
            twin.reset()
            twin.step(commands, 1.0)
            yield name, twin

    sighting = look(tmp_path, held())
    sighting.check_found()
    sighting.check_agreement()


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_lips_are_seen_where_they_are_in_speech(tmp_path: Path, policy: str) -> None:
    try:
        utterance = synthesise(SENTENCES)
    except SynthesisError as error:
        pytest.skip(f"no speech to look at: {error}")
    speech = Speech(utterance.audio, utterance.phones)
    commands = make_policy(policy).commands(speech, FPS)[: round(SPEECH_S * FPS)]
    twin = FaceTwin()

    def spoken() -> Iterator[tuple[str, FaceTwin]]:
        for frame, command in enumerate(commands):
            twin.step(command, 1 / FPS)
            if frame % EVERY == 0:
                yield f"frame-{frame:03d}", twin

    sighting = look(tmp_path, spoken())
    sighting.check_found()
    sighting.check_agreement()
