"""The learned policy: sound in, commands out, the same however the sound is cut."""

# ruff: noqa: E402 - what needs an extra is imported after asking for it

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from envs.speech import (
    Audio,
    AudioError,
    LipCurves,
    Phone,
    frame_count,
    frame_times,
    synthesise,
)
from policies import POLICIES, LearnedPolicy, PolicyError, Speech, SpeechError, make_policy
from policies.learned.effort import Effort
from policies.learned.patience import MOST
from policies.learned.policy import WEIGHTS
from policies.learned.repose import HOLD_S, Repose
from sim import FaceTwin
from sim.servo_table import load_servo_table

torch = pytest.importorskip("torch", reason="needs torch: pip install 'liptwin[learn]'")
pytest.importorskip("safetensors", reason="needs safetensors: pip install 'liptwin[learn]'")
pytest.importorskip("librosa", reason="needs librosa: pip install 'liptwin[learn]'")

from policies.learned.action_transformer import (
    LEADING,
    PUBLISHED,
    ActionTransformer,
    Architecture,
)
from policies.learned.contacts import HOLDS_S
from policies.learned.frame_actor import FrameActor
from policies.learned.imagination import Imagination
from policies.learned.lip_vae import LATENT_SIZE
from policies.learned.plans import plan
from policies.learned.speaker import Networks, Speaker, load_networks, look_ahead_s
from policies.learned.speech_encoder import SpeechEncoder
from policies.learned.weights import save_weights

RATE_HZ = 16_000
TINY = replace(LEADING, width=16, layers=1)
Samples = NDArray[np.float32]


def lively(seed: int = 0) -> Networks:
    """Small networks that nobody trained, in which every sound makes some difference."""
    torch.manual_seed(seed)
    encoder, actor = SpeechEncoder(width=16), ActionTransformer(TINY)
    with torch.no_grad():
        for network, factor in ((encoder, 3.0), (actor, 2.0)):  # an average differs less
            for parameter in network.parameters():
                parameter.mul_(factor)
    return Networks(encoder.eval(), Imagination().eval(), actor.eval())


NETWORKS = lively()


def syllables(duration_s: float) -> Samples:
    """A hum that comes and goes four times a second."""
    times_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    hum = sum(np.sin(2 * np.pi * 120 * k * times_s) / k for k in range(1, 20))
    loud = np.sin(2 * np.pi * 2 * times_s) ** 2
    return (0.2 * loud * hum).astype(np.float32)


def speak(samples: Samples, sizes: list[int], patience: int = 0) -> NDArray[np.float64]:
    """Commands for samples that come in blocks of these sizes, then the rest."""
    speaker = Speaker(NETWORKS, patience=patience)
    ends = [0, *np.cumsum(sizes, dtype=int).tolist(), len(samples)]
    said = [speaker.push(samples[first:last]) for first, last in pairwise(ends)]
    return np.concatenate([*said, speaker.finish()])


def speech(duration_s: float = 1.0, rate_hz: int = RATE_HZ) -> Speech:
    return Speech(Audio(syllables(duration_s), rate_hz, "syllables"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights that nobody trained."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    save_weights(folder / "speech.safetensors", SpeechEncoder())
    save_weights(folder / "imagination.safetensors", Imagination())
    save_weights(folder / "action.safetensors", ActionTransformer())
    return folder


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> LearnedPolicy:
    """One that speaks with small networks."""
    monkeypatch.setattr("policies.learned.speaker.load_networks", lambda _folder: NETWORKS)
    return LearnedPolicy()


def test_it_is_the_first_of_the_policies() -> None:
    assert next(iter(POLICIES)) == "learned"
    assert isinstance(make_policy("learned"), LearnedPolicy)


@settings(max_examples=10, deadline=None)
@given(sizes=st.lists(st.one_of(st.integers(0, 60), st.integers(0, 6_000)), max_size=8))
def test_the_blocks_do_not_matter(sizes: list[int]) -> None:
    samples = syllables(0.8)
    said, whole = speak(samples, sizes), speak(samples, [])
    assert whole.std(axis=0).min() > 1e-3  # it does move
    np.testing.assert_allclose(said, whole, atol=1e-4)


@pytest.mark.parametrize("n_samples", [1, 200, 533, 8_000, 8_267, 16_001])
def test_there_is_a_command_for_every_frame(n_samples: int) -> None:
    commands = speak(syllables(2.0)[:n_samples], [])
    assert commands.shape == (frame_count(n_samples / RATE_HZ, 30.0), 10)
    assert commands.dtype == np.float64
    assert commands.min() >= 0.0 and commands.max() <= 1.0


@pytest.mark.parametrize("patience", range(MOST + 1))
def test_commands_come_after_the_stated_look_ahead(patience: int) -> None:
    speaker, step = Speaker(NETWORKS, patience=patience), 160
    assert speaker.look_ahead_s <= 0.150 + patience / 30.0
    out = 0
    samples = syllables(2.0)
    for heard in range(step, len(samples), step):
        out += len(speaker.push(samples[heard - step : heard]))
        due = (heard / RATE_HZ - speaker.look_ahead_s) * speaker.fps
        assert due - 0.5 <= out <= max(1.0, due + 1.0)


def test_what_comes_later_changes_nothing_before() -> None:
    samples = syllables(1.5)
    other = samples.copy()
    other[RATE_HZ:] = 0.0
    same = int((1.0 - look_ahead_s(patience=0)) * 30.0)
    np.testing.assert_allclose(speak(other, [])[:same], speak(samples, [])[:same], atol=1e-6)


def test_it_reads_its_own_commands() -> None:
    samples = syllables(0.8)
    audio = Audio(samples, RATE_HZ, "syllables")
    plans = torch.from_numpy(plan(NETWORKS.encoder, audio, HOLDS_S))
    commands = [NETWORKS.actor.rest] * 2
    with torch.no_grad():
        for wanted in plans:
            latents, _ = NETWORKS.imagination(wanted)
            command = NETWORKS.actor(torch.stack(commands[-2:])[None], latents[None])[0]
            commands.append(command)
    np.testing.assert_allclose(speak(samples, []), torch.stack(commands[2:]).numpy(), atol=1e-4)


@pytest.mark.parametrize("architecture", [TINY, LEADING, PUBLISHED], ids=["tiny", "ours", "theirs"])
def test_frame_by_frame_the_actor_is_the_transformer(architecture: Architecture) -> None:
    torch.manual_seed(1)
    transformer = ActionTransformer(architecture).eval()
    transformer.rest = torch.linspace(0.1, 0.9, 10)
    transformer.latent_scale = torch.linspace(0.5, 2.0, LATENT_SIZE)
    with torch.no_grad():
        for parameter in transformer.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
        previous = torch.rand(20, 2, 10)
        wanted = 3.0 * torch.randn(20, architecture.ahead + 1, LATENT_SIZE)
        expected = transformer(previous, wanted).numpy()
    actor = FrameActor(transformer)
    pairs = zip(previous.numpy(), wanted.numpy(), strict=True)
    np.testing.assert_allclose([actor(*pair) for pair in pairs], expected, atol=1e-5)
    assert expected.std(axis=0).min() > 0.01


def test_a_face_that_is_asked_for_nothing_rests() -> None:
    """Networks that hear nothing in anything: their lips are at ease, their commands are not."""
    networks = lively()
    with torch.no_grad():
        for name, parameter in networks.encoder.named_parameters():
            if "._shapes." in name or "._contacts." in name:
                parameter.fill_(-9.0 if name.endswith("._contacts.bias") else 0.0)
    speaker = Speaker(networks)
    commands = np.concatenate([speaker.push(syllables(1.0)), speaker.finish()])
    rest = networks.actor.rest.numpy()
    np.testing.assert_allclose(commands, np.tile(rest, (30, 1)), atol=1e-6)
    assert np.abs(speak(syllables(1.0), []) - rest).max() > 0.05


def test_rest_is_come_to_gently_and_left_at_once() -> None:
    rest = np.tile(np.array([0.0, 50.0, 0.0, 0.0, 0.0, 0.0], np.float32), (60, 4, 1))
    rest[10, 3, 0] = 5.0  # one moment of one frame asks for open lips
    shares = Repose(30.0).push(rest)
    np.testing.assert_array_equal(shares[:10], np.ones(10))
    held = 10 + round(HOLD_S * 30.0)
    np.testing.assert_allclose(shares[10:held], 0.0, atol=1e-9)
    assert 0.0 < np.diff(shares[held:]).max() < 0.15
    assert shares[-1] == 1.0
    repose = Repose(30.0)
    in_pieces = [repose.push(piece) for piece in np.array_split(rest, 7)]
    np.testing.assert_array_equal(np.concatenate(in_pieces), shares)


@pytest.mark.skipif(not any(WEIGHTS.glob("*.safetensors")), reason="needs the shipped weights")
def test_the_shipped_weights_rest_in_silence_and_move_in_speech() -> None:
    policy = LearnedPolicy()
    samples = np.concatenate([syllables(1.0), np.zeros(2 * RATE_HZ, np.float32)])
    commands = policy.commands(Speech(Audio(samples, RATE_HZ, "syllables")), 30.0)
    rest = load_servo_table().rest_commands
    np.testing.assert_allclose(commands[-15:], np.tile(rest, (15, 1)), atol=1e-3)
    assert np.abs(commands[:30] - rest).max() > 0.05


@pytest.mark.skipif(not any(WEIGHTS.glob("*.safetensors")), reason="needs the shipped weights")
def test_the_shell_converges_while_it_speaks() -> None:
    pytest.importorskip("espeakng_loader", reason="needs espeak-ng: pip install 'liptwin[tts]'")
    said = synthesise("Bob, my mum moves the upper shelf.", "en-us")
    twin = FaceTwin("shell")
    for command in LearnedPolicy().commands(Speech(said.audio), 30.0):
        twin.step(command, 1 / 30)
    assert [warning.number for warning in twin.data.warning] == [0] * len(twin.data.warning)


def test_samples_that_are_none_do_no_harm() -> None:
    samples = syllables(1.0)
    speaker = Speaker(NETWORKS)
    said = [speaker.push(samples[:7_000])]
    for bad in (np.nan, 1.5):
        with pytest.raises(AudioError, match="sample 7000 is"):
            speaker.push(np.full(3, bad, np.float32))
    said += [speaker.push(samples[7_000:]), speaker.finish()]
    np.testing.assert_allclose(np.concatenate(said), speak(samples, []), atol=1e-4)
    with pytest.raises(AudioError, match="finished"):
        speaker.push(samples)
    assert Speaker(NETWORKS).finish().shape == (0, 10)  # nothing was heard


def test_the_settings_of_the_program_stay_its_own() -> None:
    before, one_dnn = torch.get_num_threads(), torch.backends.mkldnn.enabled
    torch.set_num_threads(2)
    try:
        speaker = Speaker(NETWORKS)
        speaker.push(syllables(0.5))
        assert torch.get_num_threads() == 2
        with pytest.raises(AudioError):
            speaker.push(np.full(1, np.nan, np.float32))
        assert torch.get_num_threads() == 2
        assert torch.backends.mkldnn.enabled == one_dnn
        assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
    finally:
        torch.set_num_threads(before)


def test_the_policy_speaks_like_a_stream_with_all_patience(policy: LearnedPolicy) -> None:
    spoken = speech(1.3)
    commands = policy.commands(spoken, 30.0)
    np.testing.assert_allclose(commands, speak(syllables(1.3), [100] * 30, MOST), atol=1e-4)
    assert policy.effort.frames == len(commands) == 39
    assert policy.effort.mean_ms > 0.0


@pytest.mark.parametrize("fps", [24.0, 29.97, 50.0, 100.0])
def test_other_rates_are_interpolated(policy: LearnedPolicy, fps: float) -> None:
    spoken = speech(1.0)
    commands, given_30 = policy.commands(spoken, fps), policy.commands(spoken, 30.0)
    due_s, given_s = frame_times(frame_count(1.0, fps), fps), frame_times(30, 30.0)
    assert commands.shape == (len(due_s), 10)
    for dof in range(10):
        expected = np.interp(due_s, given_s, given_30[:, dof])
        np.testing.assert_allclose(commands[:, dof], expected, atol=1e-9)


def test_it_only_listens(policy: LearnedPolicy) -> None:
    spoken = speech(1.0)
    still = {name: np.zeros(2) for name in LipCurves.__dataclass_fields__}
    lips = LipCurves(**{**still, "times_s": np.array([0.0, 1.0]), "width_mm": np.full(2, 50.0)})
    told = Speech(spoken.audio, (Phone("m", 0.0, 1.0),), lips)
    np.testing.assert_array_equal(policy.commands(told, 30.0), policy.commands(spoken, 30.0))


def test_a_sound_at_another_rate_is_refused(policy: LearnedPolicy) -> None:
    with pytest.raises(SpeechError, match="hears 16000 samples a second, not 44100"):
        policy.commands(speech(rate_hz=44_100), 30.0)
    with pytest.raises(ValueError, match="frame rate"):
        policy.commands(speech(), 0.0)


def test_weights_are_loaded_and_missing_ones_named(weights: Path, tmp_path: Path) -> None:
    commands = LearnedPolicy(weights=weights).commands(speech(0.3), 30.0)
    speaker = Speaker(load_networks(weights), patience=MOST)
    expected = np.concatenate([speaker.push(syllables(0.3)), speaker.finish()])
    np.testing.assert_allclose(commands, expected, atol=1e-4)
    for name in ("speech", "imagination", "action"):
        (tmp_path / f"{name}.safetensors").write_bytes(b"no weights")
        with pytest.raises(PolicyError, match=rf"{name}\.safetensors.*--policy amplitude"):
            LearnedPolicy(weights=tmp_path).speaker()
        file = f"{name}.safetensors"
        (tmp_path / file).write_bytes((weights / file).read_bytes())
    LearnedPolicy(weights=tmp_path).speaker()


@pytest.mark.parametrize("missing", ["torch", "safetensors", "librosa"])
def test_without_the_extra_it_says_what_to_do(
    missing: str, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if missing != "librosa":  # which is imported when it is used
        for name in ("speaker", "weights"):
            monkeypatch.delitem(sys.modules, f"policies.learned.{name}")
    for name in [missing, *(name for name in sys.modules if name.startswith(f"{missing}."))]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PolicyError) as refused:
        LearnedPolicy(weights=weights).commands(speech(0.3), 30.0)
    for words in (missing, 'pip install "liptwin[learn]"', "--policy amplitude"):
        assert words in str(refused.value)


def test_effort_is_shared_by_the_frames_that_come_out_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock: Iterator[float] = iter([0.0, 0.004, 1.0, 1.002, 5.0, 5.010])
    monkeypatch.setattr("policies.learned.effort.time.thread_time", lambda: next(clock))
    effort = Effort()
    assert (effort.frames, effort.mean_ms, effort.p99_ms) == (0, 0.0, 0.0)
    for frames in (0, 2, 1):
        with effort.measuring() as came_out:
            came_out(frames)
    assert effort.frames == 3
    assert effort.mean_ms == pytest.approx((3.0 + 3.0 + 10.0) / 3)
    assert 3.0 < effort.p99_ms <= 10.0


class Hum:
    """A sound that is made as it is heard."""

    source, rate_hz = "hum", RATE_HZ

    def __init__(self, duration_s: int) -> None:
        self.n_samples = duration_s * RATE_HZ
        self.duration_s = float(duration_s)

    def blocks(self) -> Iterator[Samples]:
        second = syllables(1.0)
        for _ in range(round(self.duration_s)):
            yield second.copy()


def test_memory_does_not_grow_with_the_sound(
    policy: LearnedPolicy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policies.learned.speaker.load_networks", lambda _folder: NETWORKS)
    policy.commands(Speech(Hum(5)), 30.0)  # loads what is loaded once
    tracemalloc.start()
    try:
        commands = policy.commands(Speech(Hum(60)), 30.0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert commands.shape == (1_800, 10)
    # A minute is 4 MB of samples; a second of it at a time, with all that is made of it, is 2 MB.
    assert peak < 3e6
