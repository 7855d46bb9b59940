"""Learning from babbling: the self-model, imitation, and the lip VAE."""

# ruff: noqa: E402 - what needs an extra is imported after asking for it

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from liptwin.main import main

torch = pytest.importorskip("torch", reason="needs torch: pip install 'liptwin[learn]'")
pytest.importorskip("safetensors", reason="needs safetensors: pip install 'liptwin[learn]'")
pytest.importorskip("tensorboard", reason="needs tensorboard: pip install 'liptwin[learn]'")
pytest.importorskip("pocketsphinx", reason="needs pocketsphinx: pip install 'liptwin[align]'")
pytest.importorskip("espeakng_loader", reason="needs espeak-ng: pip install 'liptwin[tts]'")

from envs.speech import Phone
from policies.learned.action_transformer import ActionTransformer
from policies.learned.imitation import nearest_joints
from policies.learned.lip_vae import LATENT_SIZE, LipVAE
from policies.learned.self_model import HISTORY, SelfModel
from policies.learned.speaker import load_networks
from policies.learned.weights import WeightsError, load_weights, save_weights
from policies.self_observation.recording import Observation
from policies.training.augment import augment
from policies.training.body import experience, train_body
from policies.training.config import RecipeError, Regression, load_recipe
from policies.training.pairing import see_alike
from policies.training.pairs import Pairs
from policies.training.run import Run
from policies.training.speech import hearings, learning
from policies.training.speech.english import Share
from policies.training.speech.takes import Take
from policies.training.spoken import spoken_shapes
from policies.training.texts import nonsense_text, random_text, words
from policies.training.vae import LipPictures, as_input, edge_loss
from sim.landmarks import INNER_PAIRS

TINY = """
seed: 0
babbling: {shards: 2, crop_every: 30}
body: {epochs: 1, batch: 64, learning_rate: 0.002}
imitation: {pairs: 4, speech_s: 3}
vae:
  {epochs: 1, batch: 8, learning_rate: 0.001, divergence: 0.0005, edges: 1.0, landmarks: 0.1,
   gaps: 0.3, pairs: 0.1}
mirror: {epochs: 1, batch: 8, learning_rate: 0.002}
pairing: {epochs: 1, batch: 4, learning_rate: 0.001}
imagination: {epochs: 20, batch: 4, learning_rate: 0.002}
action:
  speech_s: 3
  babbled: {steps: 2, batch: 16, learning_rate: 0.001}
  taught:
    {steps: 2, batch: 2, frames: 10, learning_rate: 0.001, latents: 5.0, lips: 1.0, unrest: 0.05,
     haste: 20.0, blur: 0.05}
  practice: {rounds: 1, motions: 1, crop_every: 60, wander: 0.03}
  finish:
    {steps: 1, batch: 2, frames: 10, learning_rate: 0.001, latents: 5.0, lips: 1.0, unrest: 1.0,
     haste: 300.0, blur: 0.05}
speech:
  espeak_s: 5
  espeak_copies: 1
  natural_s: 1
  natural_copies: 1
  blended_s: 1
  blended_copies: 1
  prompt_copies: 1
  sung: 0.0
  capture_copies: 1
  listening: {cycles: [1], steps: 1, batch: 2, learning_rate: 0.001, contacts: 1.0, sounds: 0.1}
  watching: {cycles: [1], steps: 1, batch: 2, learning_rate: 0.001, contacts: 1.0, sounds: 0.1}
"""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other are slow where tests run side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


def observation(rng: np.random.Generator, n: int = 200) -> Observation:
    """A made-up body: joints follow the commands of two frames ago, landmarks the joints."""
    commands = rng.random((n, 10)).astype(np.float32)
    joints = np.roll(commands, 2, axis=0)
    joints[:2] = 0.5
    landmarks = np.repeat(joints[:, :3, None], 40, axis=1).reshape(n, -1)[:, :120]
    return Observation(
        commands,
        joints,
        np.ascontiguousarray(np.resize(landmarks, (n, 40, 3))).astype(np.float32),
        np.zeros(n, bool),
        np.zeros(0, np.int32),
        np.zeros((0, 128, 128, 3), np.uint8),
    )


def test_the_shipped_recipe_is_one() -> None:
    assert load_recipe().vae.epochs >= 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs: 1, batch: 64", "epochs: 0, batch: 64", "body.epochs"),
        ("seed: 0", "seed: zero", "seed"),
        ("pairs: 4", "couples: 4", "imitation.pairs"),
        ("seed: 0", "seed: [", "not valid YAML"),
    ],
)
def test_a_recipe_that_is_none(recipe: Path, old: str, new: str, message: str) -> None:
    recipe.write_text(TINY.replace(old, new), encoding="utf-8")
    with pytest.raises(RecipeError, match=message):
        load_recipe(recipe)


def test_histories_are_the_commands_before() -> None:
    rng = np.random.default_rng(0)
    seen, rest = observation(rng, 30), np.full(10, 0.25)
    rows = experience([seen], rest)
    assert rows.histories.shape == (30, HISTORY, 10)
    np.testing.assert_array_equal(rows.histories[20], seen.commands[20 - HISTORY + 1 : 21])
    np.testing.assert_array_equal(rows.histories[0, :-1], np.full((HISTORY - 1, 10), 0.25))
    np.testing.assert_array_equal(rows.histories[0, -1], seen.commands[0])


def test_a_body_is_learned_from_what_it_did() -> None:
    rng = np.random.default_rng(0)
    seen = [observation(rng) for _ in range(10)]
    recipe = Regression(epochs=30, batch=128, learning_rate=0.003)
    lived, unseen, rest = seen[:9], seen[9:], np.full(10, 0.5)
    _, untrained = train_body(lived, unseen, rest, recipe.model_copy(update={"epochs": 1}), 0)
    _, errors = train_body(lived, unseen, rest, recipe, 0)
    assert errors.joints < 0.5 * untrained.joints
    assert errors.joints < 0.3


def test_nearest_joints_are_those_that_made_the_lips() -> None:
    torch.manual_seed(0)
    body = SelfModel()
    for upper, _ in INNER_PAIRS:
        body.landmark_mean_mm[upper, 2] = 20.0  # wide open: nothing is pressed together
    joints = torch.rand(5, 10) - 0.5
    with torch.no_grad():
        lips = body.landmarks_mm(joints)
    found = nearest_joints(body, lips, torch.full((10,), -1.0), torch.full((10,), 1.0))
    with torch.no_grad():
        missed = (body.landmarks_mm(found) - lips).norm(dim=2).mean()
        apart = (body.landmarks_mm(torch.zeros(5, 10)) - lips).norm(dim=2).mean()
    assert found.abs().max() <= 1.0
    assert missed < 0.15 * apart


def test_a_vae_turns_pictures_into_latents_and_back() -> None:
    vae = LipVAE()
    pictures = torch.rand(2, 3, 128, 128) * 2 - 1
    mean, log_variance = vae.encode(pictures)
    assert mean.shape == log_variance.shape == (2, LATENT_SIZE)
    drawn = vae.decode(mean)
    assert drawn.shape == pictures.shape and drawn.abs().max() <= 1.0
    assert vae.landmarks_mm(mean).shape == (2, 40, 3)


def test_human_lips_are_seen_as_the_robots_nearest() -> None:
    """Human ones are bright mouths here, the robot's dark; the height of the mouth is the same."""
    rng = np.random.default_rng(0)
    heights = rng.integers(2, 40, 40)
    robot, human = (np.full((40, 128, 128, 3), 128, np.uint8) for _ in range(2))
    for k, height in enumerate(heights):
        robot[k, 64 - height : 64 + height, 30:98] = 20
        human[k, 64 - height : 64 + height, 30:98] = 235
    nothing = np.zeros((40, 40, 3), np.float32)
    pairs = Pairs(np.zeros((40, 6), np.float32), human, nothing, robot, nothing, nothing[:, :, 0])
    torch.manual_seed(0)
    vae = LipVAE().eval()
    few = Regression(epochs=1, batch=16, learning_rate=1e-6)
    _, before = see_alike(vae, LipPictures(robot, nothing), pairs, few, 0)
    more = Regression(epochs=6, batch=16, learning_rate=0.002)
    tuned, after = see_alike(vae, LipPictures(robot, nothing), pairs, more, 0)
    assert after.apart < 0.5 * before.apart
    for name, value in vae.state_dict().items():
        if not name.startswith("_encoder"):
            assert torch.equal(value, tuned.state_dict()[name]), name


def test_augmented_lips_are_the_same_lips_in_another_light() -> None:
    picture = np.full((1, 128, 128, 3), 120, np.uint8)
    picture[:, 60:68, 30:98] = 20
    clean = as_input(np.repeat(picture, 16, axis=0))
    seen = augment(clean, torch.Generator().manual_seed(0))
    assert seen.shape == clean.shape and seen.abs().max() <= 1.0
    assert (seen - clean).abs().mean() > 0.03
    # The mouth is still the darkest place, near the middle.
    rows = seen.mean(1).mean(2).argmin(1)
    assert ((rows - 64).abs() < 16).all()
    again = augment(clean, torch.Generator().manual_seed(0))
    assert torch.equal(seen, again)


def test_edges_count_what_brightness_does_not() -> None:
    flat, lines = torch.zeros(1, 3, 32, 32), torch.zeros(1, 3, 32, 32)
    lines[..., ::2] = 0.2
    assert edge_loss(flat + 0.1, flat) < 1e-12
    assert edge_loss(lines, flat) > 0.01


def test_texts_are_words_and_reproducible() -> None:
    assert len(words()) > 50_000
    assert random_text(np.random.default_rng(1)) == random_text(np.random.default_rng(1))
    assert nonsense_text(np.random.default_rng(1)) == nonsense_text(np.random.default_rng(1))
    nonsense = " ".join(nonsense_text(np.random.default_rng(k)) for k in range(30))
    known = [word for word in nonsense.replace(".", "").split() if word in words()]
    assert len(known) < 0.2 * len(nonsense.split())
    assert len(spoken_shapes(2.0, np.random.default_rng(0))) >= 60


def test_weights_come_back(tmp_path: Path) -> None:
    body = SelfModel()
    save_weights(tmp_path / "body.safetensors", body)
    again = load_weights(tmp_path / "body.safetensors", SelfModel())
    for name, value in body.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    with pytest.raises(WeightsError, match="no weights of LipVAE"):
        load_weights(tmp_path / "body.safetensors", LipVAE())
    (tmp_path / "broken.safetensors").write_bytes(b"no")
    with pytest.raises(WeightsError, match=r"broken\.safetensors"):
        load_weights(tmp_path / "broken.safetensors", SelfModel())


def test_from_nothing_to_weights_and_on(
    tmp_path: Path, recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"

    def train(what: str = "vae") -> int:
        with pytest.raises(SystemExit) as leaving:
            main(["train", what, str(run), "--recipe", str(recipe)])
        return int(leaving.value.code or 0)

    assert train() == 0
    assert "vae: picture" in capsys.readouterr().out
    errors = json.loads((run / "errors.json").read_text(encoding="utf-8"))
    assert set(errors) == {"body", "imitation", "vae", "pairing"}
    assert Image.open(run / "vae.png").size == (12 * 128, 4 * 128)
    vae = load_weights(run / "vae.safetensors", LipVAE())
    kept = (run / "body.safetensors").stat().st_mtime_ns

    # Interrupted before the weights of the VAE were written: they come out the same again.
    (run / "vae.safetensors").unlink()
    assert train() == 0
    assert (run / "body.safetensors").stat().st_mtime_ns == kept
    again = load_weights(run / "vae.safetensors", LipVAE())
    for name, value in vae.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name

    assert train("action") == 0
    assert {path.name for path in (run / "acting").iterdir()} >= {
        "body-0.safetensors", "action-0.safetensors", "practice-0", "body-1.safetensors",
        "action-1.safetensors", "action-2.safetensors",
    }  # fmt: skip
    actor = load_weights(run / "action.safetensors", ActionTransformer())
    commands = actor.perform(torch.zeros(3, LATENT_SIZE))
    assert ((commands >= 0.0) & (commands <= 1.0)).all()

    recipe.write_text(TINY.replace("seed: 0", "seed: 1"), encoding="utf-8")
    capsys.readouterr()
    assert train() == 2
    assert "another recipe" in capsys.readouterr().err


def test_lips_and_hearing_are_learned_side_by_side(
    tmp_path: Path, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = Take("espeak", np.zeros(16_000, np.float32), (Phone("m", 0.2, 0.5), Phone("a", 0.5, 1)))
    monkeypatch.setattr(hearings, "english_shares", lambda _: [Share("one", lambda *_: [take], 1)])
    monkeypatch.setattr(learning, "prompt_takes", lambda *_: [take])
    monkeypatch.setattr(Run, "check", lambda _: None)
    asked = load_recipe(recipe)
    run = Run(tmp_path / "run", asked, workers=2)
    # What the other process finds, for its voices are not made up.
    hearings.spoken_hearings(asked.speech, asked.seed, run.folder)
    run.everything()
    assert set(run.errors()) == {"body", "imitation", "vae", "pairing", "imagination", "speech"}
    load_networks(run.folder)
