"""Many faces at once are the same as many single ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv
from numpy.typing import NDArray

from envs.speech.audio import SPEECH_RATE_HZ, Audio
from envs.speech.lips import LipCurves
from envs.tasks import Randomisation, SpeakEnv, SpokenLips, UtteranceList, VectorSpeakEnv
from envs.tasks.observations import SPEAK_OBSERVATIONS

pytestmark = pytest.mark.filterwarnings("error")

N_FACES = 3
TOLERANCE = 1e-6
"""Of observed numbers, which are single precision, and of rewards, most of which are mm."""


ALL_BUT_PICTURES = tuple(
    name for name in SPEAK_OBSERVATIONS if name not in {"wanted_latent", "lip_image"}
)


def utterance(name: str, aperture_mm: list[float]) -> SpokenLips:
    """Lips that take these openings, 0.1 s each, to a noise; a p, b or m wherever they close."""
    n = len(aperture_mm)
    aperture = np.array(aperture_mm)
    zero = np.zeros(n)
    lips = LipCurves(
        np.arange(n) / 10.0,
        aperture,
        50.0 - 0.5 * aperture,
        0.2 * aperture,
        0.4 * aperture,
        zero,
        np.where(aperture == 0.0, 1.0, 0.0),
    )
    duration_s = (n - 1) / 10.0
    noise = np.random.default_rng(n).normal(0.0, 0.1, round(duration_s * SPEECH_RATE_HZ))
    return SpokenLips(name, lips, duration_s, Audio(noise.astype(np.float32), SPEECH_RATE_HZ, name))


OPENING = utterance("opening", [0.0, 0.0, 5.0, 10.0, 10.0])
CLOSING = utterance("closing", [8.0, 8.0, 0.0, 0.0, 8.0, 8.0])
SOURCE = UtteranceList((OPENING, CLOSING))


def loud(audio: Audio, fps: float) -> NDArray[np.float64]:
    """A feature that needs no library: the greatest magnitude of each frame."""
    n = max(1, round(audio.duration_s * fps))
    return np.array([[np.abs(part).max()] for part in np.array_split(audio.samples, n)])


def pair(**options: Any) -> tuple[VectorSpeakEnv, SyncVectorEnv]:
    """The batch, and single environments side by side."""
    single = SyncVectorEnv([lambda: SpeakEnv(SOURCE, **options)] * N_FACES)
    return VectorSpeakEnv(N_FACES, SOURCE, n_threads=2, **options), single


def assert_same(found: Any, wanted: Any, where: str) -> None:
    if isinstance(wanted, dict):
        assert set(found) == set(wanted), where
        for name in wanted:
            assert_same(found[name], wanted[name], f"{where}, {name}")
    elif wanted.dtype == object:
        assert list(found) == list(wanted), where
    else:
        assert found.shape == wanted.shape, where
        np.testing.assert_allclose(
            np.asarray(found, float), np.asarray(wanted, float), atol=TOLERANCE, err_msg=where
        )


@pytest.mark.parametrize(
    ("fps", "randomisation"), [(40.0, None), (30.0, Randomisation())], ids=["alike", "varied"]
)
def test_equals_single_environments_step_by_step(
    fps: float, randomisation: Randomisation | None
) -> None:
    batch, single = pair(
        fps=fps, randomisation=randomisation, observations=ALL_BUT_PICTURES, speech_features=loud
    )
    assert batch.observation_space == single.observation_space
    assert batch.action_space == single.action_space
    assert batch.metadata["autoreset_mode"] == single.metadata["autoreset_mode"]
    assert_same(batch.reset(seed=7)[0], single.reset(seed=7)[0], "reset")
    rng = np.random.default_rng(0)
    ends = 0
    for k in range(round(1.2 * fps)):  # each face ends at least two utterances
        actions = rng.random((N_FACES, 10), np.float32)
        found, wanted = batch.step(actions), single.step(actions)
        for name, one, other in zip(
            ("observation", "reward", "termination", "truncation", "info"),
            found,
            wanted,
            strict=True,
        ):
            assert_same(one, other, f"step {k}, {name}")
        assert batch.observation_space.contains(found[0])
        ends += int(found[2].sum())
    assert ends >= 2 * N_FACES


def test_lip_images_are_those_of_single_environments() -> None:
    batch, single = pair(randomisation=Randomisation(), observations=("lip_image", "landmarks"))
    batch.reset(seed=2)
    single.reset(seed=2)
    actions = np.random.default_rng(1).random((3, N_FACES, 10), np.float32)
    for action in actions:
        found, wanted = batch.step(action)[0], single.step(action)[0]
        difference = np.abs(found["lip_image"].astype(int) - wanted["lip_image"])
        assert difference.mean() < 0.01
        assert_same(found["landmarks"], wanted["landmarks"], "landmarks")
    assert not np.array_equal(found["lip_image"][0], found["lip_image"][1])
    batch.close()
    single.close()


def test_resets_mean_what_they_mean_in_gymnasium() -> None:
    env = VectorSpeakEnv(2, SOURCE, n_threads=1)
    with pytest.raises(RuntimeError, match="call reset"):
        env.step(np.zeros((2, 10), np.float32))
    first, _ = env.reset(seed=3)
    second, _ = env.reset(seed=[3, 4])
    assert_same(second, first, "seeds")
    _, info = env.reset(options={"utterance": CLOSING})
    assert list(info["utterance"]) == ["closing", "closing"]
    with pytest.raises(ValueError, match="3 seeds for 2 faces"):
        env.reset(seed=[1, 2, 3])


def test_wrong_actions_are_refused() -> None:
    env = VectorSpeakEnv(2, SOURCE, n_threads=1)
    env.reset(seed=0, options={"utterance": OPENING})
    with pytest.raises(ValueError, match="shape"):
        env.step(np.zeros(10, np.float32))
    with pytest.raises(ValueError, match="not a number in"):
        env.step(np.full((2, 10), np.nan, np.float32))
    with pytest.raises(ValueError, match="num_envs is 0"):
        VectorSpeakEnv(0, SOURCE)
