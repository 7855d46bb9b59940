"""Captured faces: every usual form of the file, and what is said of the others."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envs.speech.arkit import BLEND_SHAPES, EFFECTS, canonical_name, lip_curves
from envs.speech.captures import TIMECODE_RATES, read_capture_csv
from envs.speech.lips import LipCurves
from envs.speech.tables import TableError

HEAD = ("HeadYaw", "HeadPitch", "HeadRoll", "LeftEyeYaw", "LeftEyePitch", "LeftEyeRoll")


def write(folder: Path, *lines: str) -> Path:
    path = folder / "capture.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def timecode(frame: int, rate: int, start_s: int = 0) -> str:
    seconds = (start_s + frame // rate) % 86400
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{clock}:{frame % rate:02}.{frame % 7:03}"


def live_link(folder: Path, rate: int, n: int, *, head: bool, start_s: int = 3600) -> Path:
    names = [name[0].upper() + name[1:] for name in BLEND_SHAPES]
    columns = ["Timecode", "BlendShapeCount", *names, *(HEAD if head else ())]
    lines = [",".join(columns)]
    for k in range(n):
        values = [f"{k / n:.6f}" if name == "JawOpen" else "0.25" for name in names]
        angles = ["-0.1"] * len(HEAD) if head else []
        lines.append(
            ",".join([timecode(k, rate, start_s), str(len(columns) - 2), *values, *angles])
        )
    return write(folder, *lines)


@pytest.mark.parametrize("head", [True, False])
@pytest.mark.parametrize("rate", TIMECODE_RATES)
def test_live_link_files(tmp_path: Path, rate: int, head: bool) -> None:
    capture = read_capture_csv(live_link(tmp_path, rate, 3 * rate, head=head))
    assert capture.times_s[0] == 0
    np.testing.assert_allclose(capture.times_s, np.arange(3 * rate) / rate, atol=0.01 / rate + 1e-9)
    assert capture.fps == pytest.approx(rate, rel=0.01)
    np.testing.assert_allclose(
        capture.shapes["jawOpen"], np.arange(3 * rate) / (3 * rate), atol=1e-6
    )
    assert capture.other_columns == (HEAD if head else ())
    assert set(capture.shapes) == set(BLEND_SHAPES)
    assert capture.lost_frames == 0


def test_a_capture_may_run_past_midnight(tmp_path: Path) -> None:
    capture = read_capture_csv(live_link(tmp_path, 60, 180, head=True, start_s=86399))
    np.testing.assert_allclose(capture.times_s, np.arange(180) / 60, atol=1e-3)


def test_rows_without_a_face_are_counted_and_their_time_is_kept(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "Timecode,BlendShapeCount,JawOpen,MouthFunnel,MouthPucker",
        "10:00:00:00.0,3,0.1,0,0",
        "10:00:00:01.0,0",
        "10:00:00:02.0,0,,,",
        "10:00:00:03.0,3,0.4,0,0",
        "10:00:00:23.0,3,0.5,0,0",
    )
    capture = read_capture_csv(path)
    assert capture.lost_frames == 2
    np.testing.assert_allclose(capture.times_s, np.array([0, 3, 23]) / 24)


def test_plain_files_keep_their_times(tmp_path: Path) -> None:
    path = write(
        tmp_path, "jawOpen,time_s,mouthPucker,mouthFunnel", "0.5,0.5,0,1", "0.25,0.54,1.02,0"
    )
    capture = read_capture_csv(path)
    np.testing.assert_array_equal(capture.times_s, [0.5, 0.54])
    np.testing.assert_array_equal(capture.rounding, [1, 1])
    assert capture.fps == pytest.approx(25)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("EyeBlinkLeft", "eyeBlinkLeft"),
        ("eyeBlink_L", "eyeBlinkLeft"),
        ("eyeBlink_R", "eyeBlinkRight"),
        ("jawOpen", "jawOpen"),
        ("JawOpen", "jawOpen"),
        ("jaw_open", "jawOpen"),
        (" MouthSmileRight ", "mouthSmileRight"),
        ("mouthSmile_R", "mouthSmileRight"),
        ("mouth_lower_down_left", "mouthLowerDownLeft"),
        ("JawLeft", "jawLeft"),
        ("jaw_L", "jawLeft"),
        ("TongueOut", "tongueOut"),
        ("HeadYaw", None),
        ("LeftEyeYaw", None),
        ("", None),
    ],
)
def test_spellings(spelling: str, name: str | None) -> None:
    assert canonical_name(spelling) == name


def test_there_are_52_shapes() -> None:
    assert len(set(BLEND_SHAPES)) == 52


PLAIN = "time_s,jawOpen,mouthPucker,mouthFunnel"
LINK = "Timecode,BlendShapeCount,JawOpen,MouthPucker,MouthFunnel"


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([""], "the file is empty"),
        ([PLAIN], "there are no rows"),
        (["a,b", "1,2"], "line 1: there is neither 'time_s' nor 'Timecode'"),
        (["time_s,jawOpen", "0,0"], "line 1: there is no mouthFunnel, mouthPucker"),
        ([PLAIN + ",JawOpen", "0,0,0,0,0"], "line 1: 'JawOpen': jawOpen is there twice"),
        ([PLAIN, "0,0,0,0", "0.1,0,x,0"], "line 3, mouthPucker: 'x' is not a finite number"),
        ([PLAIN, "0,nan,0,0"], "line 2, jawOpen: 'nan' is not a finite number"),
        ([PLAIN, "0,42,0,0"], "line 2, jawOpen: 42.0 is not in 0..1; divide percentages by 100"),
        ([PLAIN, "0,0,0,0", "0,0,0,0"], "line 3, time_s: 0.0 does not come after 0.0"),
        ([PLAIN, "-1,0,0,0"], "line 2, time_s: -1.0 is negative"),
        ([PLAIN, "0,0,0"], "line 2: has 3 values, the header has 4"),
        ([LINK, "10:00:00,3,0,0,0"], "line 2, Timecode: '10:00:00' is not a timecode"),
        ([LINK, "10:61:00:00.0,3,0,0,0"], "line 2, Timecode: '10:61:00:00.0' is no time of day"),
        ([LINK, "10:00:00:60.0,3,0,0,0"], "line 2, Timecode: '10:00:00:60.0' is no time of day"),
        ([LINK, "1:00:00:09,3,0,0,0", "1:00:00:08,3,0,0,0"], "line 3, Timecode: '1:00:00:08' does"),
        ([LINK, "10:00:00:00,0"], "the face is lost in every row"),
        ([LINK, "10:00:00:00,3,0,0"], "line 2, MouthFunnel: '' is not a finite number"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, lines: list[str], problem: str) -> None:
    path = write(tmp_path, *lines) if lines != [""] else tmp_path / "capture.csv"
    if lines == [""]:
        path.write_bytes(b"")
    with pytest.raises(TableError, match=re.escape(problem)) as caught:
        read_capture_csv(path)
    assert str(path) in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read"):
        read_capture_csv(tmp_path / "none.csv")
    path = tmp_path / "latin.csv"
    path.write_bytes(b"time_s,\xe9\n")
    with pytest.raises(TableError, match="byte 7 is not UTF-8"):
        read_capture_csv(path)


@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from([PLAIN, LINK, "0,0,0,0", ",", '"', "1"])).map("\n".join)
)
def test_any_text_is_a_capture_or_a_named_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
    message = ""
    try:
        assert read_capture_csv(path).times_s.size
    except TableError as error:
        message = str(error)
    assert not message or str(path) in message


@given(st.dictionaries(st.sampled_from(BLEND_SHAPES), st.floats(0, 1)))
def test_any_activations_make_lips(values: dict[str, float]) -> None:
    lips = lip_curves(np.zeros(1), {name: np.full(1, value) for name, value in values.items()})
    assert 0 <= lips.aperture_mm[0] <= 20
    assert 42 <= lips.width_mm[0] <= 62


def lips_with(**shapes: float) -> LipCurves:
    return lip_curves(np.zeros(1), {name: np.full(1, value) for name, value in shapes.items()})


def test_the_map() -> None:
    rest = lips_with()
    assert (rest.aperture_mm[0], rest.width_mm[0], rest.protrusion_mm[0]) == (0, 50, 0)
    assert lips_with(jawOpen=0.5).aperture_mm[0] == pytest.approx(14)
    assert lips_with(jawOpen=0.5, mouthClose=0.5).aperture_mm[0] == 0
    assert lips_with(mouthPucker=1.0).width_mm[0] == 42
    assert lips_with(mouthPucker=1.0).protrusion_mm[0] == 6
    assert lips_with(mouthSmileLeft=1.0).width_mm[0] == 55
    assert lips_with(mouthPressLeft=1.0, mouthPressRight=1.0).closure[0] == 1
    assert lips_with(mouthRollLower=0.5).lip_to_teeth[0] == 1
    assert lips_with(mouthRollLower=0.5, mouthRollUpper=0.5).lip_to_teeth[0] == 0


def test_the_map_knows_only_blend_shapes() -> None:
    for name in EFFECTS:
        assert name in BLEND_SHAPES or {name + "Left", name + "Right"} <= set(BLEND_SHAPES)
