"""What a trajectory file says about itself, and its binary form."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.dof import DOF_NAMES, N_DOF
from sim2real.trajectory import (
    Metadata,
    Trajectory,
    TrajectoryError,
    advance,
    audio_sha256,
    face_model_version,
    read_trajectory,
    read_trajectory_csv,
    read_trajectory_npz,
    resample,
    write_trajectory,
    write_trajectory_csv,
    write_trajectory_npz,
)

KNOWN = Metadata(fps=30.0, face_model="0123456789ab", audio_sha256="f" * 64, source="a test: 1, 2")
HEADER = "time_s," + ",".join(DOF_NAMES)
ROW = ",".join(["0.5"] * N_DOF)


def motion(metadata: Metadata = KNOWN, n: int = 4) -> Trajectory:
    commands = np.random.default_rng(0).uniform(size=(n, N_DOF)).round(6)
    return Trajectory(np.arange(n) / 30, commands, metadata)


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
@pytest.mark.parametrize("metadata", [KNOWN, Metadata(), Metadata(fps=29.97)])
def test_metadata_is_kept(tmp_path: Path, suffix: str, metadata: Metadata) -> None:
    times_s = np.arange(50) / (metadata.fps or 10.0)
    before = Trajectory(times_s, np.full((50, N_DOF), 0.5), metadata)
    write_trajectory(tmp_path / f"m{suffix}", before)
    after = read_trajectory(tmp_path / f"m{suffix}")
    assert after.metadata == metadata
    np.testing.assert_allclose(after.times_s, times_s, atol=0.6e-6)


def test_remarks_stand_above_the_header_and_others_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(f"# fps: 10\n# recorded by Ann\r\n# mood: fine\n{HEADER}\n0,{ROW}\n0.1,{ROW}\n")
    assert read_trajectory_csv(path).metadata == Metadata(fps=10.0)
    path.write_text(f"# fps: 10\n#\n{HEADER}\n0,{ROW}\n0.1,{ROW[:-3]}7\n0.2,{ROW[:-3]}x\n")
    with pytest.raises(TrajectoryError, match=r"line 5, corner_right_stretch"):
        read_trajectory_csv(path)


@pytest.mark.parametrize(
    ("remark", "message"),
    [
        ("# fps: fast", "fps: 'fast' is not a number"),
        ("# fps: nan", "frame rate"),
        ("# fps: 25", r"row 1, time_s: 0\.100000 is not on the grid of 25 rows"),
        ("# face_model: mine", "face_model: 'mine'"),
        ("# audio_sha256: 12", "audio_sha256: '12'"),
        ("# source:", "source: ''"),
    ],
)
def test_metadata_that_is_wrong_is_named(tmp_path: Path, remark: str, message: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(f"{remark}\n{HEADER}\n0,{ROW}\n0.1,{ROW}\n")
    with pytest.raises(TrajectoryError, match=message) as caught:
        read_trajectory_csv(path)
    assert str(path) in str(caught.value)


def test_text_to_binary_and_back_gives_the_same_bytes(tmp_path: Path) -> None:
    text, binary, again = (tmp_path / name for name in ("a.csv", "b.npz", "c.csv"))
    write_trajectory_csv(text, motion())
    write_trajectory_npz(binary, read_trajectory_csv(text))
    write_trajectory_csv(again, read_trajectory_npz(binary))
    assert again.read_bytes() == text.read_bytes()
    with np.load(binary, allow_pickle=False) as arrays:  # a standard tool opens it
        assert arrays["commands"].shape == (4, N_DOF)
        assert list(arrays["dof_names"]) == list(DOF_NAMES)


def test_binary_is_smaller(tmp_path: Path) -> None:
    rows = Trajectory(np.arange(600) / 30, np.repeat(motion(n=4).commands, 150, axis=0))
    write_trajectory_csv(tmp_path / "a.csv", rows)
    write_trajectory_npz(tmp_path / "a.npz", rows)
    sizes = [(tmp_path / name).stat().st_size for name in ("a.csv", "a.npz")]
    assert sizes[1] < sizes[0] / 4


def test_binary_columns_are_found_by_name(tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    write_trajectory_npz(path, motion())
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["dof_names"] = arrays["dof_names"][::-1]
    arrays["commands"] = arrays["commands"][:, ::-1]
    np.savez(path, **arrays)
    np.testing.assert_allclose(read_trajectory_npz(path).commands, motion().commands, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("format", np.array("other 9"), "format: 'other 9'"),
        ("format", np.zeros(3), "format: 'none'"),
        ("times_s", np.zeros((4, 1)), "times_s: has 2 dimensions"),
        ("times_s", np.array(["a"] * 4), "times_s: has 1 dimensions of type <U1"),
        ("times_s", np.zeros(4), "row 1, time_s: 0.0 does not come after 0.0"),
        ("commands", np.zeros((4, 9)), r"commands: shape \(4, 9\)"),
        ("commands", np.full((4, N_DOF), np.nan), "row 0, jaw_open: nan"),
        ("commands", np.full((4, N_DOF), 1.5), "row 0, jaw_open: 1.5"),
        ("dof_names", np.array(["tongue"] * N_DOF), "dof_names: tongue"),
        ("metadata", np.zeros((1, 3), dtype=np.str_), r"metadata: shape \(1, 3\)"),
        ("metadata", np.array([["fps", "x"]]), "fps: 'x' is not a number"),
        ("metadata", None, "lacks the arrays metadata"),
        ("times_s", np.array([object()] * 4), "not a readable"),
    ],
)
def test_wrong_arrays_are_named(
    tmp_path: Path, name: str, array: np.ndarray | None, message: str
) -> None:
    path = tmp_path / "m.npz"
    write_trajectory_npz(path, motion())
    with np.load(path) as archive:
        arrays = dict(archive)
    del arrays[name]
    if array is not None:
        arrays[name] = array
    np.savez(path, **arrays)
    with pytest.raises(TrajectoryError, match=message) as caught:
        read_trajectory_npz(path)
    assert str(path) in str(caught.value)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_damaged_archives_are_trajectory_errors_or_trajectories(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    write_trajectory_npz(path, motion())
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        found = read_trajectory_npz(path)
    except TrajectoryError:
        return
    assert found.commands.shape == (len(found.times_s), N_DOF)


def test_names_decide_the_form(tmp_path: Path) -> None:
    with pytest.raises(TrajectoryError, match="neither"):
        write_trajectory(tmp_path / "m.txt", motion())
    with pytest.raises(TrajectoryError, match="cannot be read"):
        read_trajectory(tmp_path / "missing.npz")
    with pytest.raises(TrajectoryError, match="cannot be written"):
        write_trajectory(tmp_path / "missing" / "m.npz", motion())


def test_resampling_notes_the_rate_and_keeps_the_rest() -> None:
    found = resample(motion(), 50.0).metadata
    assert found.fps == 50.0
    assert found.source == KNOWN.source


def test_advancing_moves_the_motion_and_holds_the_end() -> None:
    before = motion()
    earlier = advance(before, 1 / 30)
    np.testing.assert_array_equal(earlier.times_s, before.times_s)
    np.testing.assert_allclose(earlier.commands[:-1], before.commands[1:])
    np.testing.assert_allclose(earlier.commands[-1], before.commands[-1])
    later = advance(before, -1 / 30)
    np.testing.assert_allclose(later.commands[1:], before.commands[:-1])


def test_the_face_model_version_changes_with_the_servo_table(tmp_path: Path) -> None:
    for name, content in (("a.xml", "<m/>"), ("servos.yaml", "a: 1")):
        (tmp_path / name).write_text(content)
    first = face_model_version(tmp_path)
    assert face_model_version(tmp_path) == first
    (tmp_path / "servos.yaml").write_text("a: 2")
    assert face_model_version(tmp_path) != first
    Metadata(face_model=face_model_version())  # the shipped one is a valid version


def test_the_hash_of_a_sound_is_that_of_its_bytes(tmp_path: Path) -> None:
    sound = tmp_path / "a.wav"
    sound.write_bytes(b"abc")
    # SHA-256 test vector of FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert audio_sha256(sound) == expected
    with pytest.raises(TrajectoryError, match="cannot be read"):
        audio_sha256(tmp_path / "missing.wav")
