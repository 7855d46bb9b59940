"""The speech encoder: plans of sound, the same from a stream and from a file, and contacts."""

# ruff: noqa: E402 - what needs an extra is imported after asking for it

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs torch: pip install 'liptwin[learn]'")
pytest.importorskip("librosa", reason="needs librosa: pip install 'liptwin[learn]'")

from envs.speech import Audio, AudioError, frame_count
from envs.speech.audio import SPEECH_RATE_HZ
from envs.speech.features import FeatureError
from envs.speech.lips import LIMITS
from policies import learned
from policies.learned.contacts import (
    APART,
    HOLDS_S,
    HORIZONS,
    N_MOMENTS,
    PATIENT_HOLDS_S,
    ContactTracker,
    Hold,
)
from policies.learned.frame_encoder import FrameEncoder
from policies.learned.plans import PlanStream, drawn, plan
from policies.learned.speech_encoder import (
    AHEAD,
    N_HEARD,
    N_SHAPE,
    PLAN_FPS,
    WARM_UP,
    SpeechEncoder,
    silence,
)
from policies.learned.weights import load_weights

THRESHOLD = 0.5


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other are slow where tests run side by side."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def encoder() -> SpeechEncoder:
    """One that has learned nothing, but says different things at different times, contacts too."""
    torch.manual_seed(3)
    encoder = SpeechEncoder(width=12)
    encoder.thresholds.fill_(THRESHOLD)
    return encoder.eval()


def sound(seconds: float, seed: int = 0) -> Audio:
    """Noise that swells and ebbs."""
    count = round(seconds * SPEECH_RATE_HZ)
    noise = np.random.default_rng(seed).standard_normal(count)
    swell = 0.1 * np.abs(np.sin(np.arange(count) / 3000.0))
    return Audio(np.clip(noise * swell, -1, 1).astype(np.float32), SPEECH_RATE_HZ, "noise")


def streamed(encoder: SpeechEncoder, samples: np.ndarray, cuts: list[int]) -> np.ndarray:
    stream = PlanStream(encoder, PATIENT_HOLDS_S)
    plans = [stream.push(block) for block in np.split(samples, sorted(cuts))]
    return np.concatenate([*plans, stream.finish()])


@settings(max_examples=25, deadline=None)
@given(
    seconds=st.floats(0.001, 2.5),
    cuts=st.lists(st.integers(0, 40_000), max_size=30),
    seed=st.integers(0, 99),
)
def test_stream_and_whole_file_give_the_same_plans(
    encoder: SpeechEncoder, seconds: float, cuts: list[int], seed: int
) -> None:
    audio = sound(max(seconds, 1 / SPEECH_RATE_HZ), seed)
    whole = plan(encoder, audio)
    assert whole.shape == (frame_count(audio.duration_s, PLAN_FPS), AHEAD + 1, len(LIMITS))
    assert whole.dtype == np.float32
    np.testing.assert_allclose(streamed(encoder, audio.samples, cuts), whole, atol=1e-4)


def test_network_in_one_go_says_what_the_stream_says(encoder: SpeechEncoder) -> None:
    heard = torch.randn(2, 95, N_HEARD)
    with torch.no_grad():
        told = encoder(heard)
    assert told[0].shape == (2, 29, AHEAD + 1, N_SHAPE)
    assert told[1].shape == (2, 29, 2, N_MOMENTS)
    stream = FrameEncoder(encoder)
    blocks = np.concatenate([silence(1), heard[1].numpy()]).reshape(8, 12, N_HEARD)
    for whole, parts in zip(told, zip(*map(stream.push, blocks), strict=True), strict=True):
        said = np.concatenate(parts)[WARM_UP:]
        np.testing.assert_allclose(said, whole[1], atol=1e-5, rtol=1e-4)


def test_it_says_what_its_networks_say_on_average(encoder: SpeechEncoder) -> None:
    heard = torch.randn(1, 50, N_HEARD)
    with torch.no_grad():
        one, other = (network(heard) for network in encoder.networks)
        for both, first, second in zip(encoder(heard), one, other, strict=True):
            assert (first - second).abs().max() > 0.01
            torch.testing.assert_close(both, (first + second) / 2)


@pytest.mark.parametrize("frame", [0, 7, 30])
def test_plan_knows_nothing_later_than_its_look_ahead(encoder: SpeechEncoder, frame: int) -> None:
    one = sound(2.0)
    known = int((frame / PLAN_FPS + PlanStream.look_ahead_s) * SPEECH_RATE_HZ) + 1
    other = one.samples.copy()
    other[known:] = 0.9 * np.sign(other[known:])
    same = plan(encoder, Audio(other, SPEECH_RATE_HZ, "other"))
    whole = plan(encoder, one)
    np.testing.assert_array_equal(same[: frame + 1], whole[: frame + 1])
    assert not np.allclose(same[frame + 8 :], whole[frame + 8 :])
    assert PlanStream.look_ahead_s <= 0.150


def test_stream_tells_a_plan_as_soon_as_its_look_ahead_is_heard(encoder: SpeechEncoder) -> None:
    stream, told = PlanStream(encoder), 0
    for k, block in enumerate(np.split(sound(2.0).samples, 200), start=1):
        told += len(stream.push(block))
        heard_s = k * 160 / SPEECH_RATE_HZ
        due = max(0, int((heard_s - PlanStream.look_ahead_s - 1e-3) * PLAN_FPS) + 1)
        assert told >= min(due, 60) - (heard_s < PlanStream.look_ahead_s)


@pytest.mark.parametrize(
    "samples",
    [np.zeros(8000), np.ones(8000), np.where(np.arange(8000) % 90 < 45, 1.0, -1.0), np.zeros(1)],
    ids=["silence", "full scale", "clipped", "one sample"],
)
def test_any_sound_gives_plans_within_the_limits(
    encoder: SpeechEncoder, samples: np.ndarray
) -> None:
    plans = plan(encoder, Audio(samples.astype(np.float32), SPEECH_RATE_HZ, "sound"))
    low, high = np.array(list(LIMITS.values())).T
    assert np.all(np.isfinite(plans))
    assert np.all((plans >= low) & (plans <= high))


def test_nothing_heard_is_nothing_planned(encoder: SpeechEncoder) -> None:
    stream = PlanStream(encoder)
    assert stream.push(np.zeros(0, np.float32)).shape == (0, AHEAD + 1, len(LIMITS))
    assert len(stream.finish()) == 0
    with pytest.raises(AudioError, match="finished"):
        stream.push(np.zeros(3, np.float32))


def test_samples_that_are_no_numbers_are_refused_and_the_stream_goes_on(
    encoder: SpeechEncoder,
) -> None:
    audio = sound(1.0)
    stream = PlanStream(encoder, PATIENT_HOLDS_S)
    before = stream.push(audio.samples[:5000])
    with pytest.raises(AudioError, match=r"sample 5000 is nan"):
        stream.push(np.array([np.nan, 0.0], np.float32))
    after = [stream.push(audio.samples[5000:]), stream.finish()]
    np.testing.assert_allclose(np.concatenate([before, *after]), plan(encoder, audio), atol=1e-4)


def test_sound_at_another_rate_is_refused(encoder: SpeechEncoder) -> None:
    with pytest.raises(FeatureError, match="16000"):
        plan(encoder, Audio(np.zeros(100, np.float32), 44_100, "song.wav"))


def likelihoods(bumps: dict[float, float], frames: int = 40, width: float = 2.0) -> np.ndarray:
    """What an encoder that knows everything says (n, 1, 13) of bumps, by moment and height."""
    moments = 3 * np.arange(frames)[:, None] + np.arange(N_MOMENTS)
    told = np.zeros(moments.shape)
    for centre, height in bumps.items():
        told = np.maximum(told, height * np.exp(-(((moments - centre) / width) ** 2)))
    return told[:, None].astype(np.float32)


def tracked_together(lips: np.ndarray, teeth: np.ndarray, thresholds: list[float]) -> np.ndarray:
    """How far each contact is made at the command frame (n, 2)."""
    floors = np.array(thresholds, np.float32)[:, None].repeat(N_MOMENTS, axis=1)
    told = np.concatenate([lips, teeth], axis=1)
    return ContactTracker(floors).push(told, np.ones(len(told), np.bool_))[:, :, 0]


def test_lips_that_close_are_not_on_the_teeth() -> None:
    lips, teeth = likelihoods({50: 0.8}), likelihoods({51: 0.3})
    closed, on_teeth = tracked_together(lips, teeth, [0.5, 0.25]).T
    assert closed.max() == 1.0 and on_teeth.max() == 0.0  # 1.6 times its threshold against 1.2
    closed, on_teeth = tracked_together(lips, teeth, [0.5, 0.1]).T
    assert closed.max() == 0.0 and on_teeth.max() == 1.0
    apart = likelihoods({60: 0.3})
    closed, on_teeth = tracked_together(lips, apart, [0.5, 0.25]).T
    assert closed.max() == on_teeth.max() == 1.0


def test_one_opinion_of_several_is_not_enough() -> None:
    told = likelihoods({50: 0.9})
    told[:16] *= 0.2  # until 50 is two moments ahead it was thought unlikely
    assert tracked(told)[:, 0].max() == 0.0


def tracked(told: np.ndarray, threshold: float = THRESHOLD, speaking: bool = True) -> np.ndarray:
    """How far the contact is made at moments (n, 4) of plans."""
    tracker = ContactTracker(np.full((1, N_MOMENTS), threshold, np.float32))
    return tracker.push(told, np.full(len(told), speaking))[:, 0]


@pytest.mark.parametrize(
    ("holds_s", "frames_of_lips"), [(HOLDS_S, (2, 3)), (PATIENT_HOLDS_S, (2, 2))]
)
@settings(max_examples=50, deadline=None)
@given(centre=st.integers(20, 90), height=st.floats(0.55, 1.0))
def test_a_peak_is_one_contact_that_two_frames_of_lips_and_three_of_teeth_fit_into(
    holds_s: tuple[Hold, Hold], frames_of_lips: tuple[int, int], centre: int, height: float
) -> None:
    bump, nothing = likelihoods({centre: height}), likelihoods({})
    floors = np.full((2, N_MOMENTS), THRESHOLD, np.float32)
    for kind, (least, most) in enumerate((frames_of_lips, (3, 3))):
        told = np.concatenate([bump, nothing] if kind == 0 else [nothing, bump], axis=1)
        made = ContactTracker(floors, holds_s).push(told, np.ones(len(told), np.bool_))[:, kind]
        for horizon in range(3):
            held = np.flatnonzero(made[: 40 - horizon, horizon] == 1.0) + horizon
            assert least <= len(held) <= most
            assert np.all(np.abs(3 * held - centre) <= 4)
            assert np.all(np.diff(held) == 1)


@settings(max_examples=50, deadline=None)
@given(told=st.lists(st.lists(st.floats(0, 1), min_size=13, max_size=13), min_size=6, max_size=12))
def test_contacts_once_made_stay(told: list[list[float]]) -> None:
    made = tracked(np.array(told, np.float32)[:, None])
    now, next_ = made[:-1, 0] == 1.0, made[1:, 0]
    # A hold is at least two frames long, so what has just begun to be held is still held.
    began = np.flatnonzero(now & np.concatenate([[True], made[:-2, 0] < 1.0]))
    held = [k for k in began if k > 0]
    assert all(next_[k] > 0.0 for k in held)


def test_of_two_peaks_close_together_the_likelier_is_a_contact() -> None:
    near = tracked(likelihoods({50: 0.9, 50 + APART: 0.7}, width=1.5))
    far = tracked(likelihoods({50: 0.9, 50 + 4 * APART: 0.7}, width=1.5))
    assert [contacts_of(near), contacts_of(far)] == [1, 2]


def contacts_of(made: np.ndarray) -> int:
    """How many contacts were held at the frames of their commands."""
    return int(np.sum(np.diff((made[:, 0] == 1.0).astype(int)) == 1))


def test_more_contacts_than_speech_has_are_not_believed_unless_they_are_likely() -> None:
    moments = range(30, 930, 18)  # five a second for ten seconds
    rng = np.random.default_rng(0)
    doubtful = likelihoods(dict(zip(moments, rng.uniform(0.15, 0.33, 50), strict=True)), frames=310)
    likely = likelihoods(dict.fromkeys(moments, 0.8), frames=310)
    assert contacts_of(tracked(likely, 0.1)) == len(moments) == 50
    assert 16 <= contacts_of(tracked(doubtful, 0.1)) <= 25  # about 1.55 a second
    assert contacts_of(tracked(doubtful, 0.1, speaking=False)) <= 8  # each likeliest so far


def test_what_is_unlikely_or_goes_on_is_no_contact() -> None:
    assert not np.any(tracked(likelihoods({50: 0.45})))
    assert not np.any(tracked(np.full((20, 1, N_MOMENTS), 0.9, np.float32))[3:])


def test_contacts_are_drawn_into_the_opening() -> None:
    shapes = np.full((3, len(HORIZONS), N_SHAPE), 1.0, np.float32)
    contacts = np.zeros((3, 2, len(HORIZONS)), np.float32)
    contacts[1, 0], contacts[2, 1] = 1.0, 1.0
    free, closed, on_teeth = drawn(shapes, contacts)[:, 0]
    names = list(LIMITS)
    assert free[names.index("aperture_mm")] == 10.0
    assert closed[names.index("aperture_mm")] == 0.0
    assert closed[names.index("closure")] == 1.0
    assert on_teeth[names.index("aperture_mm")] == 3.0
    assert on_teeth[names.index("lip_to_teeth")] == 1.0
    assert closed[names.index("jaw_deg")] <= 1.0 < free[names.index("jaw_deg")]


def test_shipped_encoder_is_at_rest_in_silence() -> None:
    path = Path(learned.__file__).parents[1] / "weights" / "speech.safetensors"
    if not path.exists():
        pytest.skip("there are no shipped weights; train them: liptwin train speech RUN")
    shipped = load_weights(path, SpeechEncoder())
    plans = plan(shipped, Audio(np.zeros(48_000, np.float32), SPEECH_RATE_HZ, "silence"))
    names = list(LIMITS)
    later = plans[15:].reshape(-1, len(names))
    assert later[:, names.index("aperture_mm")].max() < 1.5
    assert np.abs(later[:, names.index("width_mm")] - 50.0).max() < 2.0
    assert later[:, names.index("jaw_deg")].max() < 1.5
