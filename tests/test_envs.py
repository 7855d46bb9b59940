"""The environments keep Gymnasium's contract, and reward what they say they reward."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray

from envs.speech.audio import SPEECH_RATE_HZ, Audio
from envs.speech.lips import LipCurves
from envs.tasks import (
    BabbleEnv,
    Randomisation,
    RewardWeights,
    SpeakEnv,
    SpokenLips,
    SyntheticTexts,
    UtteranceList,
    captured,
)
from envs.tasks.reference import ReferenceMaker
from envs.tasks.view import Window
from sim import FaceTwin

pytestmark = pytest.mark.filterwarnings("error")

DATA = (
    Path(__file__).parents[2] / "shared" / "human_speech" / "1114_3_15.csv",
    Path(__file__).parents[2] / "shared" / "human_speech" / "1114_3_15.flac",
)
Action = NDArray[np.float32]


def curves(aperture_mm: list[float], closure: list[float] | None = None) -> LipCurves:
    """Wanted lips with a value every 0.1 s."""
    n = len(aperture_mm)
    zero = np.zeros(n)
    return LipCurves(
        times_s=np.arange(n) / 10.0,
        aperture_mm=np.array(aperture_mm),
        width_mm=np.full(n, 50.0),
        protrusion_mm=zero,
        jaw_deg=np.array(aperture_mm) / 3,
        lip_to_teeth=zero,
        closure=zero if closure is None else np.array(closure),
    )


def utterance(
    name: str, aperture_mm: list[float], closure: list[float] | None = None
) -> SpokenLips:
    """One with a tone for a sound."""
    lips = curves(aperture_mm, closure)
    duration_s = float(lips.times_s[-1])
    tone = np.sin(np.arange(round(duration_s * SPEECH_RATE_HZ)) / 10).astype(np.float32)
    return SpokenLips(name, lips, duration_s, Audio(0.3 * tone, SPEECH_RATE_HZ, name))


OPENING = utterance("opening", [0.0, 0.0, 5.0, 10.0, 10.0])
CLOSING = utterance("closing", [8.0, 8.0, 0.0, 0.0, 8.0, 8.0], [0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
SOURCE = UtteranceList((OPENING, CLOSING))
ALL_BUT_LATENT = (
    "speech",
    "wanted_lips",
    "wanted_landmarks",
    "landmarks",
    "proprioception",
    "previous_commands",
)


def loud(audio: Audio, fps: float) -> NDArray[np.float64]:
    """A feature that needs no library: the greatest magnitude of each frame."""
    n = max(1, round(audio.duration_s * fps))
    return np.array([[np.abs(part).max()] for part in np.array_split(audio.samples, n)])


@pytest.fixture(scope="module")
def speak() -> Iterator[SpeakEnv]:
    env = SpeakEnv(SOURCE, observations=ALL_BUT_LATENT, speech_features=loud)
    yield env
    env.close()


def rest(env: SpeakEnv) -> Action:
    """The action that keeps the face at rest: what it remembers to have done before it began."""
    seen, _ = env.reset(seed=0)
    return np.asarray(seen["previous_commands"][-10:], np.float32)


def play(env: gymnasium.Env[Any, Any], actions: list[Action], **reset: Any) -> list[Any]:
    """What an environment gives, step by step, beginning with the reset."""
    given: list[Any] = [env.reset(**reset)]
    for action in actions:
        given.append(env.step(action))
        if given[-1][2] or given[-1][3]:
            break
    return given


def test_gymnasium_makes_them_by_name() -> None:
    env = gymnasium.make("envs.tasks:LipTwin/Speak-v0", utterances=SOURCE)
    assert isinstance(env.unwrapped, SpeakEnv)
    assert isinstance(gymnasium.make("LipTwin/Babble-v0").unwrapped, BabbleEnv)
    vector = gymnasium.make_vec("LipTwin/Speak-v0", num_envs=2, utterances=SOURCE, n_threads=1)
    assert type(vector).__name__ == "VectorSpeakEnv"


@pytest.mark.parametrize("randomisation", [None, Randomisation()], ids=["alike", "varied"])
@pytest.mark.parametrize("name", ["Speak", "Babble"])
def test_the_checker_has_nothing_to_say(name: str, randomisation: Randomisation | None) -> None:
    options: dict[str, Any] = {"utterances": SOURCE} if name == "Speak" else {}
    env = gymnasium.make(f"LipTwin/{name}-v0", randomisation=randomisation, **options)
    check_env(env.unwrapped, skip_render_check=True)


def test_the_checker_has_nothing_to_say_about_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame", reason="pygame (extra rl) is not installed")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    check_env(gymnasium.make("LipTwin/Babble-v0", size=64).unwrapped)


def test_it_observes_what_is_asked_for(speak: SpeakEnv) -> None:
    seen, info = speak.reset(seed=1, options={"utterance": OPENING})
    assert info == {"utterance": "opening", "n_steps": 12}
    assert list(seen) == list(ALL_BUT_LATENT)
    sizes = {"wanted_lips": 30, "wanted_landmarks": 600, "landmarks": 120, "proprioception": 30}
    sizes |= {"speech": 5, "previous_commands": 20}
    for name, values in seen.items():
        assert values.shape == (sizes[name],), name
        assert values.dtype == np.float32
        assert np.abs(values).max() < 2.0, name


def test_the_coming_frames_are_those_that_actions_lead_to(speak: SpeakEnv) -> None:
    # frame k is at k / 30 s; 5 mm are wanted at 0.2 s, 10 mm at 0.3 s
    given = play(speak, [rest(speak)] * 20, options={"utterance": OPENING})
    apertures = [step[0]["wanted_lips"].reshape(5, 6)[:, 0] * 20.0 for step in given]
    assert len(given) == 13
    for k, coming in enumerate(apertures):
        times_s = np.arange(k + 1, k + 6) / 30.0
        np.testing.assert_allclose(coming, OPENING.lips.at(times_s).aperture_mm, atol=1e-5)


def test_the_target_of_its_own_landmarks_is_no_error(speak: SpeakEnv) -> None:
    closed = utterance("closed", [0.0, 0.0, 0.0])
    given = play(speak, [rest(speak)] * 6, options={"utterance": closed})
    errors = [step[4]["landmark_error_mm"] for step in given[1:]]
    # the face at rest hangs a little under its own weight
    assert max(errors) < 0.6
    open_ = play(speak, [rest(speak)] * 20, options={"utterance": OPENING})
    assert open_[-1][4]["landmark_error_mm"] > 3.0


def test_terms_add_up_to_the_reward_and_are_weighted() -> None:
    rng = np.random.default_rng(0)
    actions = [rng.random(10, np.float32) for _ in range(8)]
    plain = SpeakEnv(SOURCE)
    double = SpeakEnv(SOURCE, weights=RewardWeights(shape=2.0, effort=0.0))
    given = [play(env, actions, seed=1)[1:] for env in (plain, double)]
    for one, two in zip(*given, strict=True):
        terms, other = one[4]["reward_terms"], two[4]["reward_terms"]
        assert one[1] == pytest.approx(sum(terms.values()))
        assert other["shape"] == pytest.approx(2 * terms["shape"])
        assert (terms["effort"] < 0, other["effort"]) == (True, 0.0)
        assert terms["shape"] == pytest.approx(-one[4]["landmark_error_mm"])


def test_closures_are_rewarded_and_false_ones_punished(speak: SpeakEnv) -> None:
    action = rest(speak)
    given = play(speak, [action] * 20, options={"utterance": CLOSING})
    terms = [step[4]["reward_terms"] for step in given[1:]]
    # lips at rest touch: right while 0 mm is wanted with closure, wrong where 8 mm is
    wanted = CLOSING.lips.at(np.arange(1, 16) / 30.0)
    assert [t["closure"] for t in terms] == list(np.where(wanted.closure >= 0.9, 1.0, 0.0))
    false = np.where(wanted.aperture_mm >= 3.0, -1.0, 0.0)
    assert [t["false_closure"] for t in terms] == list(false)
    assert given[-1][4]["closures"] == {"wanted": 1, "reached": 1, "false": int(-false.sum())}

    gaping = action.copy()
    gaping[0] = 0.9
    given = play(speak, [gaping] * 20, options={"utterance": CLOSING})
    assert given[-1][4]["closures"]["reached"] == 0
    assert all(step[4]["reward_terms"]["closure"] == 0.0 for step in given[8:])


def test_still_commands_are_smooth_and_jumping_ones_are_not(speak: SpeakEnv) -> None:
    still = rest(speak)
    calm = play(speak, [still] * 6, seed=0)
    assert all(abs(step[4]["reward_terms"]["smoothness"]) < 1e-6 for step in calm[1:])
    jumps = [np.where(k % 2, still, np.float32(0.5)) for k in range(6)]
    assert play(speak, jumps, seed=0)[-1][4]["reward_terms"]["smoothness"] < -0.05


def test_the_same_seed_gives_the_same_episode() -> None:
    def episode() -> list[Any]:
        env = SpeakEnv(SOURCE, randomisation=Randomisation())
        env.action_space.seed(3)
        actions = [env.action_space.sample() for _ in range(12)]
        return play(env, actions, seed=5) + play(env, actions)

    for one, two in zip(episode(), episode(), strict=True):
        for name in one[0]:
            np.testing.assert_array_equal(one[0][name], two[0][name])
        assert one[1:] == two[1:]


def test_the_encoder_sees_the_wanted_lips() -> None:
    pictures = []

    def encoder(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        pictures.append(crops)
        return crops.mean(axis=(1, 2)) / 255.0

    env = SpeakEnv(
        UtteranceList((OPENING,)), observations=("wanted_latent",), encoder=encoder, look_ahead=1
    )
    seen, info = env.reset(seed=0)
    assert seen["wanted_latent"].shape == (3,)
    crops = pictures[-1]
    assert crops.shape == (info["n_steps"] + 2, 128, 128, 3)
    closed, opened = (crop[56:88, 54:74].max(axis=-1) < 70 for crop in (crops[0], crops[-1]))
    assert opened.mean() > closed.mean() + 0.2  # the inside of the mouth is dark
    env.close()


def test_the_lip_image_shows_the_face_as_it_is() -> None:
    env = SpeakEnv(SOURCE, observations=("lip_image",), render_mode="rgb_array", size=64)
    before, _ = env.reset(seed=0)
    wide = np.full(10, 0.5, np.float32)
    wide[0] = 0.8
    after = [env.step(wide)[0] for _ in range(8)][-1]
    assert before["lip_image"].shape == (128, 128, 3)
    assert env.observation_space.contains(after)
    changed = np.abs(after["lip_image"].astype(int) - before["lip_image"])[64:100, 44:84]
    assert changed.mean() > 20
    picture = env.render()
    assert picture is not None and picture.shape == (64, 64, 3) and np.ptp(picture) > 100
    env.close()


def test_a_window_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pygame = pytest.importorskip("pygame", reason="pygame (extra rl) is not installed")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    env = SpeakEnv(SOURCE, render_mode="human", size=64)
    env.reset(seed=0)
    env.step(np.full(10, 0.5, np.float32))
    shown = pygame.surfarray.array3d(pygame.display.get_surface())
    assert shown.shape == (64, 64, 3)
    assert np.ptp(shown) > 100
    assert env.render() is None
    env.close()
    assert not pygame.display.get_init()


def test_without_pygame_the_window_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pygame", None)
    with pytest.raises(DependencyNotInstalled, match=r"liptwin\[rl\]"):
        Window("face", 64, 30.0)


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0])
def test_an_episode_lasts_as_long_as_its_utterance(fps: float) -> None:
    env = SpeakEnv(UtteranceList((OPENING,)), fps=fps)
    assert env.metadata["render_fps"] == fps
    given = play(env, [np.full(10, 0.5, np.float32)] * 100, seed=0)
    assert len(given) - 1 == round(0.4 * fps)
    assert [step[2] for step in given[1:]] == [False] * (len(given) - 2) + [True]
    with pytest.raises(RuntimeError, match="call reset"):
        env.step(np.full(10, 0.5, np.float32))


def test_it_drives_the_twin_as_the_twin_drives_itself(speak: SpeakEnv) -> None:
    rng = np.random.default_rng(1)
    actions = [rng.random(10, np.float32) for _ in range(6)]
    given = play(speak, actions, options={"utterance": OPENING})
    twin = FaceTwin()
    for action in actions:
        twin.step(action, 1.0 / 30.0)
    moved = (twin.landmarks() - twin.skin_model.landmarks(twin.skin_model.shell_vertices)) * 100
    np.testing.assert_allclose(given[-1][0]["landmarks"], moved.ravel(), atol=1e-6)


def test_wrong_arguments_are_named(speak: SpeakEnv) -> None:
    for arguments, message in (
        ({"observations": ("smell",)}, "unknown observation 'smell'"),
        ({"observations": ()}, "nothing is observed"),
        ({"observations": ("wanted_latent",)}, "needs an encoder"),
        ({"look_ahead": 0}, "look_ahead is 0"),
        ({"render_mode": "ansi"}, "unknown render mode"),
        ({"camera": "back"}, "unknown camera"),
        ({"fps": 0.0}, "frame rate"),
    ):
        with pytest.raises(ValueError, match=message):
            SpeakEnv(SOURCE, **arguments)
    with pytest.raises(ValueError, match="list of utterances is empty"):
        UtteranceList(())
    with pytest.raises(ValueError, match="weight effort is -1"):
        RewardWeights(effort=-1.0)
    with pytest.raises(ValueError, match="there are no voices"):
        SyntheticTexts(voices=())
    speak.reset(seed=0)
    with pytest.raises(ValueError, match="jaw_open is nan"):
        speak.step(np.full(10, np.nan, np.float32))
    silent = SpokenLips("silent", OPENING.lips, 0.4)
    with pytest.raises(ValueError, match="silent: has no sound"):
        speak.reset(options={"utterance": silent})


def test_synthetic_texts_are_drawn_from_so_many_recordings() -> None:
    pytest.importorskip("espeakng_loader", reason="espeak-ng (extra tts) is not installed")
    source = SyntheticTexts(texts=("My mum.", "Bob."), voices=("en-us", "en-us+f3"), variety=4)
    rng = np.random.default_rng(0)
    drawn = [source.draw(rng) for _ in range(30)]
    assert 2 <= len({id(said) for said in drawn}) <= 4
    assert {said.name for said in drawn} <= {"My mum.", "Bob."}
    again = [source.draw(np.random.default_rng(0)) for _ in range(2)]
    assert again[0] is again[1]
    reference = ReferenceMaker(30.0, 3, ("wanted_lips",)).make(drawn[0])
    assert len(list(reference.closures())) == drawn[0].name.lower().count("m") + (
        drawn[0].name.lower().count("b")
    )


def test_a_captured_human_is_an_utterance() -> None:
    if not DATA[0].is_file():
        pytest.skip("the human captures of ../shared are absent")
    said = captured(*DATA)
    assert said.audio is not None
    assert said.duration_s == pytest.approx(float(said.lips.times_s[-1]), abs=0.1)
    assert np.ptp(said.lips.aperture_mm) > 5.0


def test_babbling_counts_new_shapes() -> None:
    env = BabbleEnv(duration_s=1.0)
    still = play(env, [env._face.twin.rest_commands.astype(np.float32)] * 40, seed=0)
    assert len(still) - 1 == 30
    assert (still[-1][2], still[-1][3]) == (False, True)
    assert still[-1][4]["cells"] <= 2
    env.action_space.seed(0)
    moving = play(env, [env.action_space.sample() for _ in range(40)], seed=0)
    novel = sum(step[4]["reward_terms"]["novelty"] for step in moving[1:])
    assert novel == moving[-1][4]["cells"] - 1
    assert novel > 15
    for before, after in itertools.pairwise(moving[1:]):
        assert after[4]["cells"] - before[4]["cells"] == after[4]["reward_terms"]["novelty"]


def test_ppo_runs_on_it_as_it_is() -> None:
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    sb3 = pytest.importorskip(
        "stable_baselines3", reason="Stable-Baselines3 (extra rl) is not installed"
    )
    from stable_baselines3.common.env_checker import check_env as check_for_sb3

    env = gymnasium.make("LipTwin/Speak-v0", utterances=SOURCE)
    check_for_sb3(env, warn=False)
    model = sb3.PPO("MultiInputPolicy", env, n_steps=16, batch_size=8, n_epochs=1, seed=0)
    model.learn(32)
    action, _ = model.predict(env.reset(seed=0)[0], deterministic=True)
    assert env.action_space.contains(action)
