"""Learning to act: imagined lips, the Facial Action Transformer, its lessons and its practice."""

# ruff: noqa: E402 - what needs an extra is imported after asking for it

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch: pip install 'liptwin[learn]'")
pytest.importorskip("safetensors", reason="needs safetensors: pip install 'liptwin[learn]'")
pytest.importorskip("tensorboard", reason="needs tensorboard: pip install 'liptwin[learn]'")

from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from policies.learned.action_transformer import LEADING, PUBLISHED, ActionTransformer
from policies.learned.imitation import gaps, lip_cost_mm2
from policies.learned.self_model import HISTORY, SelfModel
from policies.training.body import look_into_mirror
from policies.training.config import Babbled, Regression, Taught
from policies.training.imagination import train_imagination
from policies.training.teaching import Motion, Passage, learn_from_babbling, rehearse
from sim.landmarks import INNER_PAIRS, N_LANDMARKS

SMALL = replace(LEADING, width=32, layers=1)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other are slow where tests run side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def lips(gap_mm: float) -> Tensor:
    """Landmarks (1, 40, 3) with all inner pairs so far apart."""
    places = torch.zeros(1, N_LANDMARKS, 3)
    for upper, _ in INNER_PAIRS:
        places[0, upper, 2] = gap_mm
    return places


def test_gaps_are_heights_between_the_lips() -> None:
    assert gaps(lips(3.0)).shape == (1, len(INNER_PAIRS))
    torch.testing.assert_close(gaps(lips(3.0)), torch.full((1, len(INNER_PAIRS)), 3.0))


def test_a_hair_between_closed_lips_costs_more_than_between_open_ones() -> None:
    closed = lip_cost_mm2(lips(0.4), lips(0.0)) - lip_cost_mm2(lips(0.0), lips(0.0))
    wide = lip_cost_mm2(lips(8.4), lips(8.0)) - lip_cost_mm2(lips(8.0), lips(8.0))
    assert closed > 5.0 * wide > 0.0
    # Closed lips are pressed: 0.3 mm beyond touching costs less than merely touching.
    assert lip_cost_mm2(lips(-0.3), lips(0.0)) < lip_cost_mm2(lips(0.0), lips(0.0))


@pytest.mark.parametrize("architecture", [LEADING, PUBLISHED])
def test_a_transformer_that_knows_nothing_stays_near_rest(architecture) -> None:  # type: ignore[no-untyped-def]
    transformer = ActionTransformer(architecture)
    transformer.rest = torch.linspace(0.0, 1.0, 10)
    with torch.no_grad():
        transformer._out.weight.zero_()
        transformer._out.bias.zero_()
    commands = transformer.perform(torch.randn(4, 16))
    assert commands.shape == (4, 10)
    torch.testing.assert_close(commands[0], transformer.rest.clamp(0.02, 0.98))


def test_a_transformer_looks_ahead_and_no_farther() -> None:
    transformer = ActionTransformer(SMALL).eval()
    latents = torch.randn(12, 16)
    later = latents.clone()
    later[8] += 3.0
    differ = (transformer.perform(latents) - transformer.perform(later)).abs().amax(1)
    assert (differ[: 8 - SMALL.ahead] == 0).all()
    assert differ[8 - SMALL.ahead] > 1e-6


def test_it_learns_what_command_makes_what_lips() -> None:
    """Lips that show the commands at once: the transformer can read them off."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(10, 16, generator=generator)
    motions = []
    for _ in range(8):
        commands = torch.rand(60, 10, generator=generator)
        motions.append(Motion(commands, (commands - 0.5) @ mixing))
    transformer = ActionTransformer(SMALL)
    recipe = Babbled(steps=300, batch=64, learning_rate=0.002)
    error = learn_from_babbling(transformer, motions, recipe, 0)
    assert error < 0.2 / 12.0  # the variance of commands drawn from [0, 1] is 1 / 12


def test_lessons_through_a_body_bring_the_lips_nearer(tmp_path: Path) -> None:
    body = SelfModel()
    transformer = ActionTransformer(SMALL)
    with torch.no_grad():
        joints = body.joints(torch.rand(40, HISTORY, 10))
        passages = [Passage(body.latents(joints), body.landmarks_mm(joints))]
    recipe = Taught(
        steps=1, batch=4, frames=12, learning_rate=0.003, latents=5.0, lips=1.0, unrest=0.0,
        haste=0.0, blur=0.0,
    )  # fmt: skip
    with SummaryWriter(str(tmp_path)) as log:
        lesson = (body, passages, torch.ones(10))
        first = rehearse(transformer, *lesson, recipe, 0, log)
        longer = recipe.model_copy(update={"steps": 60})
        last = rehearse(transformer, *lesson, longer, 0, log)
    assert last < 0.8 * first


def test_the_mirror_shows_latents_of_joints() -> None:
    body = SelfModel()
    joints = torch.randn(600, 10)
    latents = joints[:, :1] * torch.linspace(-1.0, 1.0, 16) + 2.0
    before = [value.clone() for value in (body.joint_mean, *body._face.parameters())]
    recipe = Regression(epochs=40, batch=64, learning_rate=0.003)
    assert look_into_mirror(body, joints, latents, recipe, 0) < 0.05
    for was, value in zip(before, (body.joint_mean, *body._face.parameters()), strict=True):
        assert torch.equal(was, value)


def test_imagined_lips_are_those_that_were_seen() -> None:
    rng = np.random.default_rng(0)
    shapes = np.zeros((400, 6), np.float32)
    shapes[:, 0] = rng.uniform(0.0, 10.0, 400)
    shapes[:, 1] = 50.0
    latents = torch.from_numpy(shapes[:, :1]) * torch.linspace(-1.0, 1.0, 16)
    places = np.repeat(shapes[:, :1], 120, axis=1).reshape(-1, 40, 3)
    recipe = Regression(epochs=80, batch=64, learning_rate=0.003)
    imagination, errors = train_imagination(shapes, latents, places, recipe, 0)
    assert errors.latents < 0.02
    assert errors.landmarks_mm < 1.0
    again, _ = imagination(torch.from_numpy(shapes[:5]))
    assert again.shape == (5, 16)
