"""Babbling in motion: what is recorded, and that it does not depend on how."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liptwin import gl
from liptwin.errors import CommandError
from liptwin.main import app, main
from policies.self_observation import DatasetError, Recipe, SelfObservation, record, record_shard
from policies.self_observation.dataset import DESCRIPTION, read_shard, shard_path
from policies.self_observation.motions import MOVE_S, random_motion
from sim import FaceTwin
from sim.landmarks import ROW
from sim.servo_table import load_servo_table

SHORT = Recipe(n_frames=24, crop_every=8)
REST = load_servo_table().rest_commands


def motion(seed: int, n_frames: int = 90) -> np.ndarray:
    return random_motion(np.random.default_rng(seed), REST, n_frames, 30.0, lambda _: True)


@given(seed=st.integers(0, 2**32 - 1), n_frames=st.integers(1, 200))
@settings(max_examples=50, deadline=None)
def test_a_motion_is_commands_from_rest(seed: int, n_frames: int) -> None:
    commands = motion(seed, n_frames)
    assert commands.shape == (n_frames, 10)
    assert commands.min() >= 0.0 and commands.max() <= 1.0
    # At rest but for the tremor, of which 5 deviations are 0.15.
    assert np.abs(commands[0] - REST).max() < 0.16


def test_motions_have_the_paces_of_speech() -> None:
    quickest = np.concatenate([np.abs(np.diff(motion(seed), axis=0)).max(1) for seed in range(40)])
    # The quickest move takes MOVE_S[0] over the whole range; some frames are still.
    assert 0.3 < quickest.max() <= 1.0
    assert np.median(quickest) < 0.5 / (30.0 * MOVE_S[0])


def test_a_pose_that_is_not_allowed_is_not_taken() -> None:
    commands = random_motion(np.random.default_rng(0), REST, 60, 30.0, lambda _: False)
    assert np.abs(commands - REST).max() < 0.16


def test_a_shard_is_a_function_of_seed_and_index(tmp_path: Path) -> None:
    record(tmp_path / "both", 2, seed=3, recipe=SHORT)
    alone = record_shard(SHORT, 3, 1)
    among = read_shard(shard_path(tmp_path / "both", 1))
    for name in ("commands", "joints", "landmarks_mm", "folded", "crop_frames", "crops"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(among, name), err_msg=name)
    other = read_shard(shard_path(tmp_path / "both", 0))
    assert np.abs(other.commands - among.commands).max() > 0.1


def test_what_is_recorded_is_what_the_twin_does() -> None:
    seen = record_shard(SHORT, 0, 0)
    twin = FaceTwin("condensed")
    for frame in range(SHORT.n_frames):
        twin.step(seen.commands[frame].astype(float), 1.0 / SHORT.fps)
        # The recording kept float32 of the joints, but was driven by float64 commands.
        np.testing.assert_allclose(seen.joints[frame], twin.joint_positions(), atol=1e-4)
    upper, lower = ROW[13], ROW[14]
    gap_mm = seen.landmarks_mm[-1, upper, 2] - seen.landmarks_mm[-1, lower, 2]
    assert gap_mm == pytest.approx(twin.aperture_mm(), abs=0.1) or gap_mm < 0.1


def test_lips_are_seen_and_they_move() -> None:
    seen = record_shard(SHORT, 0, 0)
    assert seen.crops.shape == (len(seen.crop_frames), 128, 128, 3)
    assert not seen.folded[seen.crop_frames].any()
    brightness = seen.crops.reshape(len(seen.crops), -1).std(axis=1)
    assert brightness.min() > 20.0
    assert np.abs(seen.crops[0].astype(int) - seen.crops[-1]).max() > 50


def test_a_recording_goes_on_where_it_stopped(tmp_path: Path) -> None:
    record(tmp_path, 1, recipe=SHORT)
    first = shard_path(tmp_path, 0)
    written = first.stat().st_mtime_ns
    shard_path(tmp_path, 1).write_bytes(b"cut off")
    recording = record(tmp_path, 2, recipe=SHORT)
    assert first.stat().st_mtime_ns == written
    assert len(recording.shards) == 2
    assert [shard.commands.shape for shard in recording] == [(24, 10), (24, 10)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        DESCRIPTION, "shard-00000.npz", "shard-00001.npz",
    ]  # fmt: skip


def test_two_processes_record_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Commands that draw nothing switch rendering off for their process, and for those it starts.
    monkeypatch.delenv(gl.VARIABLE, raising=False)
    gl.choose_backend()
    one = record(tmp_path / "one", 2, recipe=SHORT)
    two = record(tmp_path / "two", 2, recipe=SHORT, workers=2)
    for left, right in zip(one, two, strict=True):
        np.testing.assert_array_equal(left.commands, right.commands)
        np.testing.assert_array_equal(left.crops, right.crops)


def test_other_recordings_are_not_mixed_in(tmp_path: Path) -> None:
    record(tmp_path, 1, recipe=SHORT)
    with pytest.raises(DatasetError, match="another seed"):
        record(tmp_path, 1, seed=1, recipe=SHORT)
    with pytest.raises(DatasetError, match="another recipe"):
        record(tmp_path, 1, recipe=Recipe(n_frames=25, crop_every=8))


def test_folders_that_hold_no_recording(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no recording"):
        SelfObservation.open(tmp_path)
    (tmp_path / DESCRIPTION).write_text("{", encoding="utf-8")
    with pytest.raises(DatasetError, match="not JSON"):
        SelfObservation.open(tmp_path)
    (tmp_path / DESCRIPTION).write_text(json.dumps({"format": "photos"}), encoding="utf-8")
    with pytest.raises(DatasetError, match="something else"):
        SelfObservation.open(tmp_path)
    (tmp_path / DESCRIPTION).write_text(
        json.dumps({"format": "liptwin self-observation", "version": 99}), encoding="utf-8"
    )
    with pytest.raises(DatasetError, match="version 99"):
        SelfObservation.open(tmp_path)


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    path = shard_path(tmp_path, 0)
    path.write_bytes(b"PK not really")
    with pytest.raises(DatasetError, match=r"shard-00000\.npz: is damaged"):
        read_shard(path)


def test_the_command_records_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        main(["babble", str(tmp_path / "seen"), "--shards", "1", "--crop-every", "20",
              "--sheet", str(tmp_path / "sheet.png")])  # fmt: skip
    assert leaving.value.code == 0
    assert "1 shards, 300 frames" in capsys.readouterr().out
    assert (tmp_path / "sheet.png").stat().st_size > 10_000


def test_the_command_refuses_a_file_for_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(CommandError, match="cannot be written"):
        app(["babble", str(tmp_path / "file"), "--shards", "1"], standalone_mode=False)
