"""The nearest-neighbour baseline and the babbling that it looks up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from envs.speech import Audio, Phone, frame_count
from envs.speech.lips import LipCurves
from policies import NearestPolicy, Speech, SpeechError, babble, make_policy
from policies.babble import BabbleTable, FoldCheck, cached_table, random_commands
from policies.nearest import nearest_poses
from sim import DOF_NAMES, FaceTwin
from sim.measurements import aperture_mm, width_mm

FPS = 30.0
SILENCE = Audio(np.zeros(16_000, np.float32), 16_000, "silence")


@pytest.fixture(scope="module")
def table() -> BabbleTable:
    return babble.babble(400, seed=1)


def spoken(*ipa: str, phone_s: float = 0.2) -> Speech:
    phones = tuple(Phone(p, k * phone_s, (k + 1) * phone_s) for k, p in enumerate(ipa))
    n = round(len(ipa) * phone_s * 16_000)
    return Speech(Audio(np.zeros(n, np.float32), 16_000, "phones"), phones)


def test_it_is_registered() -> None:
    assert isinstance(make_policy("nearest"), NearestPolicy)
    with pytest.raises(ValueError, match="there is learned, amplitude, nearest"):
        make_policy("magic")


def test_babbling_repeats_and_starts_at_rest(table: BabbleTable) -> None:
    again = babble.babble(20, seed=1)
    np.testing.assert_array_equal(again.commands, table.commands[:20])
    np.testing.assert_array_equal(again.landmarks, table.landmarks[:20])
    np.testing.assert_array_equal(table.commands[0], FaceTwin().rest_commands)
    assert not np.array_equal(babble.babble(3, seed=2).commands, table.commands[:3])


def test_babbled_poses_are_symmetric_settled_and_without_folds(table: BabbleTable) -> None:
    assert table.commands.shape == (400, 10)
    assert table.landmarks.shape == (400, 40, 3)
    assert table.commands.min() >= 0.0
    assert table.commands.max() <= 1.0
    twin = FaceTwin(ideal_servos=True)
    folds = FoldCheck(twin.skin_model)
    left = [k for k, name in enumerate(DOF_NAMES) if "left" in name]
    right = [k for k, name in enumerate(DOF_NAMES) if "right" in name]
    np.testing.assert_array_equal(table.commands[:, left], table.commands[:, right])
    for commands, landmarks in zip(table.commands[1:20], table.landmarks[1:20], strict=True):
        twin.reset()
        twin.step(commands, 1.0)
        np.testing.assert_allclose(twin.landmarks(), landmarks, atol=0.1e-3)
        assert not folds.is_folded(twin.control_points())


def test_folds_are_found() -> None:
    twin = FaceTwin(ideal_servos=True)
    folds = FoldCheck(twin.skin_model)
    assert not folds.is_folded(twin.control_points())
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(60):
        twin.reset()
        twin.step(random_commands(rng, twin.rest_commands), 0.15)
        found += folds.is_folded(twin.control_points())
    assert 0 < found < 60


def test_babbling_covers_speech(table: BabbleTable) -> None:
    apertures = [aperture_mm(landmarks) for landmarks in table.landmarks]
    widths = [width_mm(landmarks) for landmarks in table.landmarks]
    assert min(apertures) == 0.0
    assert max(apertures) > 15.0
    assert min(widths) < 42.0
    assert max(widths) > 60.0


def test_the_table_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = cached_table(5, seed=3)
    (path,) = (tmp_path / "liptwin").iterdir()
    monkeypatch.setattr(babble, "babble", None)
    kept = cached_table(5, seed=3)
    np.testing.assert_array_equal(kept.commands, made.commands)
    np.testing.assert_array_equal(kept.landmarks, made.landmarks)
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path.write_bytes(path.read_bytes()[:100])
    np.testing.assert_array_equal(cached_table(5, seed=3).commands, made.commands)
    cached_table(5, seed=4)
    assert len(list((tmp_path / "liptwin").iterdir())) == 2


def test_a_cache_that_cannot_be_written_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "liptwin").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert len(cached_table(3).commands) == 3


def test_the_nearest_pose_is_found(table: BabbleTable) -> None:
    rows = np.array([0, 7, 123])
    noise = np.random.default_rng(0).normal(scale=1e-5, size=(3, 40, 3))
    np.testing.assert_array_equal(nearest_poses(table, table.landmarks[rows] + noise), rows)


def test_shape_and_range(table: BabbleTable) -> None:
    speech = spoken("_", "b", "ɑː", "f", "uː", "_")
    for fps in (25.0, 30.0, 50.0):
        commands = NearestPolicy(table=table).commands(speech, fps)
        assert commands.shape == (frame_count(speech.audio.duration_s, fps), 10)
        assert commands.min() >= 0.0
        assert commands.max() <= 1.0


def test_the_twin_makes_lips_like_the_wanted_ones(table: BabbleTable) -> None:
    def lips(ipa: str) -> tuple[float, float]:
        commands = NearestPolicy(table=table).commands(spoken("_", ipa, "_", phone_s=0.5), FPS)
        twin = FaceTwin(ideal_servos=True)
        twin.step(commands[len(commands) // 2], 0.5)
        return twin.aperture_mm(), twin.width_mm()

    open_mm, _ = lips("ɑː")
    closed_mm, _ = lips("m")
    _, rounded_mm = lips("uː")
    _, spread_mm = lips("iː")
    assert open_mm > closed_mm + 5.0
    assert rounded_mm < spread_mm - 4.0


def test_commands_can_be_sent_ahead_of_time(table: BabbleTable) -> None:
    speech = spoken("_", "m", "ɑː", "uː", "_")
    due = NearestPolicy(table=table).commands(speech, FPS)
    ahead = NearestPolicy(table=table, lead_s=2 / FPS).commands(speech, FPS)
    np.testing.assert_allclose(ahead[2:-4], due[4:-2])


def test_captured_lips_come_before_phones(table: BabbleTable) -> None:
    n = 10
    zero = np.zeros(n)
    lips = LipCurves(
        times_s=np.arange(n) / 10.0,
        aperture_mm=np.full(n, 14.0),
        width_mm=np.full(n, 50.0),
        protrusion_mm=zero,
        jaw_deg=np.full(n, 10.0),
        lip_to_teeth=zero,
        closure=zero,
    )
    speech = Speech(SILENCE, phones=(Phone("m", 0.0, 1.0),), lips=lips)
    commands = NearestPolicy(table=table).commands(speech, FPS)
    assert (commands[:, DOF_NAMES.index("jaw_open")] > 0.4).all()


def test_what_is_not_known_is_asked_for(table: BabbleTable) -> None:
    with pytest.raises(SpeechError, match="silence: neither its phones nor its lips are known"):
        NearestPolicy(table=table).commands(Speech(SILENCE), FPS)
    with pytest.raises(SpeechError, match="☃"):
        NearestPolicy(table=table).commands(spoken("☃"), FPS)
